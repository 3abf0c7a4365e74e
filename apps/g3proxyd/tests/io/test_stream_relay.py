"""The relay of which one side or both are TLS: every order and manner of closing, byte-exact; what `Relay` keeps."""

import asyncio
import contextlib
import itertools
import random
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from certificates import authority
from g3proxyd.io.direction import End
from g3proxyd.io.pacing import Pace
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost, RelayOptions, Result
from g3proxyd.io.stream import Stream
from g3proxyd.io.stream_relay import StreamRelay
from g3proxyd.io.timers import Wheel
from g3proxyd.io.tls import TlsStream
from g3proxyd.io.tls_errors import TlsError
from loopback import run, tcp_pair

SIDES = ("client", "upstream")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server, client)"""
    return authority().issue("peer.test").server(tmp_path_factory.mktemp("tls")), authority().client()


@dataclass
class Tunnel:
    """A relay with a peer on each side, which is a stream of the kind that is tested elsewhere."""

    client: Stream
    upstream: Stream
    host: RelayHost
    task: asyncio.Task[Result]

    def sides(self, first: str) -> tuple[Stream, Stream]:
        return (self.client, self.upstream) if first == "client" else (self.upstream, self.client)


async def tunnel(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    secure: tuple[str, ...] = ("client",),
    options: RelayOptions | None = None,
    *,
    wheel: Wheel | None = None,
    up: list[Pace] | None = None,
    on_half: Callable[[bool], None] | None = None,
) -> Tunnel:
    loop = asyncio.get_running_loop()
    host = RelayHost(Poller(loop), wheel or Wheel(loop))
    ends: list[Stream] = []
    for side in SIDES:
        outer, inner = (Stream(host.poller, sock, host.wheel) for sock in tcp_pair())
        if side in secure:
            # As in life, the relay is the server towards its client and the client towards its upstream.
            relay_serves = side == "client"
            inner = TlsStream(
                inner,
                contexts[0 if relay_serves else 1],
                server_side=relay_serves,
                name=None if relay_serves else "peer.test",
            )
            outer = TlsStream(
                outer,
                contexts[1 if relay_serves else 0],
                server_side=not relay_serves,
                name="peer.test" if relay_serves else None,
            )
            await asyncio.gather(inner.handshake(5), outer.handshake(5))
        ends += (outer, inner)
    client, near, upstream, far = ends
    relay = StreamRelay(host, near, far, options or RelayOptions(), up=up or (), on_half=on_half)
    task = loop.create_task(relay.run())
    await asyncio.sleep(0)
    return Tunnel(client, upstream, host, task)


async def to_end(stream: Stream) -> tuple[bytes, str]:
    """All bytes up to the end of the stream, and the kind of the error if it was no orderly end."""
    data = bytearray()
    try:
        while piece := await stream.receive(5, 1 << 17):
            data += piece
    except TlsError as error:
        return bytes(data), error.reason
    except OSError as error:
        return bytes(data), type(error).__name__
    return bytes(data), ""


@pytest.mark.parametrize(
    ("secure", "who", "how", "sent", "pending"),
    list(
        itertools.product(
            [("client",), ("upstream",), SIDES], SIDES, ["half", "close", "cut", "reset"], [0, 40_000], [0, 30_000]
        )
    ),
)
def test_who_closes_first_and_how(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    secure: tuple[str, ...],
    who: str,
    how: str,
    sent: int,
    pending: int,
) -> None:
    data = random.Random(1).randbytes(70_000)
    first_says, second_says = data[:sent], data[sent : sent + pending]

    async def main() -> None:
        halves: list[bool] = []
        t = await tunnel(contexts, secure, on_half=halves.append)
        first, second = t.sides(who)
        await second.send(second_says, 5)
        await first.send(first_says, 5)
        if how == "half":
            first.send_eof()
            assert await to_end(second) == (first_says, "")
            second.send_eof()
            assert await to_end(first) == (second_says, "")
        elif how == "close":
            got = b""
            while len(got) < pending:
                got += await first.receive(5)
            assert got == second_says
            first.close()
            assert await to_end(second) == (first_says, "")
        else:
            got = b""
            while len(got) < sent:
                got += await second.receive(5)
            assert got == first_says
            while first.received < pending:
                assert await first.receive(5)
            if how == "reset":
                first.abort()
            else:
                first.sock.shutdown(socket.SHUT_WR)
            if how == "cut" and who not in secure:  # then it is an orderly end
                assert await to_end(second) == (b"", "")
            else:
                assert await to_end(second) == (b"", "ConnectionResetError")
        first.close()
        second.close()
        result = await t.task
        if how in ("half", "close"):
            up, down = (sent, pending) if who == "client" else (pending, sent)
            assert result == Result(End.FINISHED, up, up, down, down)
            assert halves == [who == "client"]
        elif how == "cut" and who in secure:
            assert result.end is (End.CLIENT_READ if who == "client" else End.UPSTREAM_READ)
            assert isinstance(result.error, TlsError)
            assert result.error.reason == "truncated"
            assert halves == []
        elif how == "reset":
            assert result.end is (End.CLIENT_READ if who == "client" else End.UPSTREAM_READ)
            assert isinstance(result.error, ConnectionResetError)
        assert len(t.host.wheel) == 0
        assert len(t.host.poller) == 0

    run(main())


@pytest.mark.parametrize("secure", [("client",), ("upstream",), SIDES])
def test_megabytes_arrive_unchanged_both_ways(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], secure: tuple[str, ...]
) -> None:
    up = random.Random(2).randbytes(5_000_000)
    down = random.Random(3).randbytes(7_000_001)

    async def send(stream: Stream, data: bytes) -> None:
        for start in range(0, len(data), 100_000):
            await stream.send(data[start : start + 100_000], 5)
        stream.send_eof()
        await stream.drain(5)

    async def main() -> None:
        t = await tunnel(contexts, secure)
        got = await asyncio.gather(send(t.client, up), send(t.upstream, down), to_end(t.upstream), to_end(t.client))
        assert got[2] == (up, "")
        assert got[3] == (down, "")
        assert await t.task == Result(End.FINISHED, len(up), len(up), len(down), len(down))
        t.client.close()
        t.upstream.close()

    run(main())


@pytest.mark.parametrize("secure", [("client",), ("upstream",)])
def test_a_client_that_reads_nothing_stops_its_upstream(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], secure: tuple[str, ...]
) -> None:
    async def main() -> None:
        t = await tunnel(contexts, secure)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                await t.upstream.send(bytes(65536), 0.3)
                sent += 65536
                assert sent < 64 << 20, "the upstream was never stopped"
        t.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await t.task
        assert len(await asyncio.gather(to_end(t.client))) == 1
        t.client.close()
        t.upstream.close()

    run(main())


def test_pacing_holds_the_rate(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """At 1 MB per 100 ms slice, 1.5 MB can not have moved before half a slice has passed."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        t = await tunnel(contexts, up=[Pace(1_000_000, 0.1, loop.time)])
        started = loop.time()
        data = bytes(1_500_000)

        async def send() -> None:
            await t.client.send(data, 5)
            t.client.send_eof()
            await t.client.drain(5)

        _, got = await asyncio.gather(send(), to_end(t.upstream))
        assert loop.time() - started >= 0.05
        assert got == (data, "")
        t.client.close()
        t.upstream.close()
        await t.task

    run(main())


def test_no_byte_for_so_many_checks_is_idle(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def main() -> None:
        wheel = Wheel(asyncio.get_running_loop(), tick=0.01)
        t = await tunnel(contexts, options=RelayOptions(idle_interval=0.02, idle_count=3), wheel=wheel)
        assert (await t.task).end is End.IDLE
        assert (await to_end(t.client))[1] == "ConnectionResetError"
        t.client.close()
        t.upstream.close()
        assert len(wheel) == 0

    run(main())


def test_a_byte_between_two_checks_keeps_the_tunnel() -> None:
    """The idle check itself, without a clock: active, idle, active, idle, idle."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        client, near = tcp_pair()
        far, upstream = tcp_pair()
        host = RelayHost(Poller(loop), Wheel(loop))
        relay = StreamRelay(host, near, far, RelayOptions(idle_interval=3600.0, idle_count=2))
        for active in (True, False, True, False):
            relay.active = active
            relay.timed_out()
            assert relay.result is None
        relay.timed_out()
        assert relay.result is not None
        assert relay.result.end is End.IDLE
        client.close()
        upstream.close()

    run(main())


def test_a_side_that_nobody_watches_may_be_reset_all_the_same(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async def main() -> None:
        wheel = Wheel(asyncio.get_running_loop(), tick=0.01)
        t = await tunnel(contexts, options=RelayOptions(idle_interval=0.05, idle_count=1000), wheel=wheel)
        with pytest.raises(TimeoutError):
            while True:
                await t.upstream.send(bytes(65536), 0.1)
        t.upstream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        t.upstream.close()
        result = await t.task
        assert (result.end, type(result.error)) == (End.UPSTREAM_READ, ConnectionResetError)
        t.client.close()

    run(main())


def test_cancelling_closes_both_sides_with_a_reset(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def main() -> None:
        t = await tunnel(contexts)
        t.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await t.task
        for stream in (t.client, t.upstream):
            assert await to_end(stream) == (b"", "ConnectionResetError")
            stream.close()

    run(main())


@pytest.mark.parametrize("speaker", ["client", "upstream"])
def test_a_fault_of_ours_is_not_swallowed(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, speaker: str
) -> None:
    def broken(self: TlsStream, size: int = 0) -> bytes:
        raise ZeroDivisionError

    async def main() -> None:
        t = await tunnel(contexts, SIDES)
        await getattr(t, speaker).send(b"x", 5)
        monkeypatch.setattr(TlsStream, "borrow", broken)
        with pytest.raises(ZeroDivisionError):
            await t.task
        monkeypatch.undo()
        for stream in (t.client, t.upstream):
            stream.close()

    run(main())
