"""The relay: every order and manner of closing, byte-exact; pacing, idling, slow readers, cancellation."""

import asyncio
import contextlib
import itertools
import os
import random
import socket
import struct
from dataclasses import dataclass

import pytest
from g3proxyd.io import portions
from g3proxyd.io.direction import End
from g3proxyd.io.pacing import Pace
from g3proxyd.io.pipes import PipePool
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import Relay, RelayHost, RelayOptions, Result
from g3proxyd.io.timers import Wheel
from loopback import PATIENCE, arrived, read_exactly, read_to_end, run, tcp_pair

COPY = RelayOptions(splice_after=1 << 62)
SPLICE = RelayOptions(splice_after=0)
NEVER_IDLE = 3600.0


@dataclass
class Tunnel:
    client: socket.socket
    upstream: socket.socket
    host: RelayHost
    task: asyncio.Task[Result]


async def tunnel(options: RelayOptions = COPY, *, wheel: Wheel | None = None, **more: object) -> Tunnel:
    loop = asyncio.get_running_loop()
    client, near = tcp_pair()
    far, upstream = tcp_pair()
    host = RelayHost(Poller(loop), wheel or Wheel(loop))
    task = loop.create_task(Relay(host, near, far, options, **more).run())  # type: ignore[arg-type]  # passed through
    await asyncio.sleep(0)
    return Tunnel(client, upstream, host, task)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def close_in_order(first: socket.socket, second: socket.socket, how: str, sent: bytes, pending: bytes) -> None:
    """Play one ending: the first side has sent `sent`, the second `pending`; then the first closes."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(second, pending)
    await loop.sock_sendall(first, sent)
    if how == "half":
        first.shutdown(socket.SHUT_WR)
        assert await read_to_end(second) == (sent, None)
        second.shutdown(socket.SHUT_WR)
        assert await read_to_end(first) == (pending, None)
    elif how == "close":
        assert await read_exactly(first, len(pending)) == pending
        first.close()
        assert await read_to_end(second) == (sent, None)
    elif how == "unread" and pending:
        await arrived(first)
        first.close()
        data, error = await read_to_end(second)
        assert sent.startswith(data)
        assert isinstance(error, ConnectionResetError)
    elif how == "unread":
        first.close()
        assert await read_to_end(second) == (sent, None)
    else:
        # The other side must have begun to read, or there would be nothing that a reset could cut off.
        assert await read_exactly(second, len(sent)) == sent
        reset(first)
        data, error = await read_to_end(second)
        assert data == b""
        assert isinstance(error, ConnectionResetError)
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("options", "who", "how", "sent", "pending"),
    list(
        itertools.product(
            [COPY, SPLICE], ["client", "upstream"], ["half", "close", "unread", "reset"], [0, 40_000], [0, 30_000]
        )
    ),
    ids=lambda value: ("splice" if value is SPLICE else "copy") if isinstance(value, RelayOptions) else str(value),
)
def test_who_closes_first_and_how(options: RelayOptions, who: str, how: str, sent: int, pending: int) -> None:
    data = random.Random(1).randbytes(70_000)

    async def main() -> None:
        fds = len(os.listdir("/proc/self/fd"))
        t = await tunnel(options)
        first, second = (t.client, t.upstream) if who == "client" else (t.upstream, t.client)
        await close_in_order(first, second, how, data[:sent], data[sent : sent + pending])
        result = await t.task
        if how in ("half", "close"):
            up, down = (sent, pending) if who == "client" else (pending, sent)
            assert result == Result(End.FINISHED, up, up, down, down)
        t.host.pipes.close()
        assert len(t.host.wheel) == 0
        assert len(t.host.poller) == 0
        t.host.poller.close()
        assert t.host.pipes.out == 0
        assert len(os.listdir("/proc/self/fd")) == fds

    run(main())


@pytest.mark.parametrize("options", [COPY, SPLICE], ids=["copy", "splice"])
@pytest.mark.parametrize("size", [1, 3_000_000])
def test_what_the_upstream_has_said_before_comes_first(options: RelayOptions, size: int) -> None:
    said, more = random.Random(4).randbytes(size), random.Random(5).randbytes(2_000_000)

    async def main() -> None:
        t = await tunnel(options, said=said)
        sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(t.upstream, more))
        assert await read_exactly(t.client, len(said) + len(more)) == said + more
        await sending
        t.upstream.close()
        assert await read_to_end(t.client) == (b"", None)
        t.client.close()
        assert await t.task == Result(End.FINISHED, 0, 0, len(said) + len(more), len(said) + len(more))
        assert len(t.host.poller) == 0

    run(main())


def test_nobody_is_left_for_what_the_upstream_has_said_before() -> None:
    async def main() -> None:
        t = await tunnel(said=random.Random(6).randbytes(8_000_000))
        reset(t.client)
        result = await t.task
        assert result.end in (End.CLIENT_WRITE, End.CLIENT_READ)
        t.upstream.close()

    run(main())


def test_what_has_been_said_before_is_paced_with_the_rest() -> None:
    async def main() -> None:
        pace = Pace(5000, 1.0, lambda: 0.0)
        t = await tunnel(down=[pace], said=b"x" * 1000)
        assert await read_exactly(t.client, 1000) == b"x" * 1000
        assert pace.allowed(5000) == 4000
        t.client.close()
        t.upstream.close()
        await t.task

    run(main())


@pytest.mark.parametrize("options", [COPY, SPLICE, RelayOptions()], ids=["copy", "splice", "adaptive"])
def test_megabytes_arrive_unchanged_both_ways(options: RelayOptions) -> None:
    up = random.Random(2).randbytes(5_000_000)
    down = random.Random(3).randbytes(7_000_001)

    async def send(sock: socket.socket, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(sock, data)
        sock.shutdown(socket.SHUT_WR)

    async def main() -> None:
        t = await tunnel(options)
        got = await asyncio.gather(
            send(t.client, up), send(t.upstream, down), read_to_end(t.upstream), read_to_end(t.client)
        )
        assert got[2] == (up, None)
        assert got[3] == (down, None)
        assert await t.task == Result(End.FINISHED, len(up), len(up), len(down), len(down))
        t.client.close()
        t.upstream.close()

    run(main())


def test_trickle_after_bulk_goes_back_to_copying_and_stays_exact() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        t = await tunnel(RelayOptions())
        bulk = random.Random(4).randbytes(500_000)
        _, data = await asyncio.gather(loop.sock_sendall(t.client, bulk), read_exactly(t.upstream, len(bulk)))
        assert data == bulk
        for number in range(50):
            await loop.sock_sendall(t.client, b"%d" % number)
            assert await read_exactly(t.upstream, len(b"%d" % number)) == b"%d" % number
        t.client.close()
        t.upstream.close()
        assert (await t.task).end is End.FINISHED

    run(main())


def portioned(monkeypatch: pytest.MonkeyPatch, tick: float) -> bytes:
    """Take any source for fast; more bytes than it takes to read it in portions, and no whole number of those."""
    monkeypatch.setattr(portions, "FAST", 0)
    monkeypatch.setattr(portions, "TICK", tick)
    return random.Random(7).randbytes(4 * portions.STRETCH + 1000)


async def carry(source: socket.socket, sink: socket.socket, data: bytes) -> None:
    _, got = await asyncio.gather(asyncio.get_running_loop().sock_sendall(source, data), read_exactly(sink, len(data)))
    assert got == data


def test_what_is_less_than_a_portion_arrives_without_an_end_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portioned(monkeypatch, portions.TICK)

    async def main() -> None:
        t = await tunnel(SPLICE)
        await carry(t.upstream, t.client, data)
        for number in range(20):
            await carry(t.upstream, t.client, b"%d" % number)
            await carry(t.client, t.upstream, b"%d" % number)
        t.client.close()
        t.upstream.close()
        assert (await t.task).end is End.FINISHED

    run(main())


def test_an_end_is_told_without_a_whole_portion_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portioned(monkeypatch, PATIENCE)

    async def main() -> None:
        t = await tunnel(SPLICE)
        reading = asyncio.create_task(read_to_end(t.client))
        await asyncio.get_running_loop().sock_sendall(t.upstream, data)
        t.upstream.shutdown(socket.SHUT_WR)
        assert await reading == (data, None)
        t.client.close()
        assert (await t.task) == Result(End.FINISHED, 0, 0, len(data), len(data))
        t.upstream.close()

    run(main())


def test_a_reset_is_told_without_a_whole_portion_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portioned(monkeypatch, PATIENCE)

    async def main() -> None:
        t = await tunnel(SPLICE)
        reading = asyncio.create_task(read_to_end(t.client))
        await asyncio.get_running_loop().sock_sendall(t.upstream, data)
        reset(t.upstream)
        got, error = await reading
        assert data.startswith(got)
        assert isinstance(error, ConnectionResetError)
        assert (await t.task).end is End.UPSTREAM_READ
        t.client.close()

    run(main())


def test_a_client_that_reads_nothing_stops_its_upstream() -> None:
    """Bounded memory: behind a peer that does not read, at most the kernel's buffers and one pipe fill up."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for options in (COPY, SPLICE):
            t = await tunnel(options)
            sent = 0
            with contextlib.suppress(BlockingIOError, TimeoutError):
                while True:
                    async with asyncio.timeout(0.3):
                        await loop.sock_sendall(t.upstream, bytes(65536))
                    sent += 65536
                    assert sent < 64 << 20, "the upstream was never stopped"
            t.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await t.task
            t.client.close()
            t.upstream.close()

    run(main())


def test_pacing_holds_the_rate_on_both_paths() -> None:
    """At 1 MB per 100 ms slice, 1.5 MB can not have moved before half a slice has passed."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for options in (COPY, SPLICE):
            pace = Pace(1_000_000, 0.1, loop.time)
            t = await tunnel(options, up=[pace])
            started = loop.time()
            data = bytes(1_500_000)
            _, got = await asyncio.gather(loop.sock_sendall(t.client, data), read_exactly(t.upstream, len(data)))
            assert loop.time() - started >= 0.05
            assert got == data
            t.client.close()
            t.upstream.close()
            await t.task

    run(main())


def test_no_byte_for_so_many_checks_is_idle() -> None:
    async def main() -> None:
        wheel = Wheel(asyncio.get_running_loop(), tick=0.01)
        t = await tunnel(RelayOptions(idle_interval=0.02, idle_count=3), wheel=wheel)
        result = await t.task
        assert result.end is End.IDLE
        assert isinstance((await read_to_end(t.client))[1], ConnectionResetError)
        t.client.close()
        t.upstream.close()

    run(main())


def test_a_byte_between_two_checks_keeps_the_tunnel() -> None:
    """The idle check itself, without a clock: active, idle, active, idle, idle."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        client, near = tcp_pair()
        far, upstream = tcp_pair()
        host = RelayHost(Poller(loop), Wheel(loop))
        r = Relay(host, near, far, RelayOptions(idle_interval=NEVER_IDLE, idle_count=2))
        for active in (True, False, True, False):
            r.active = active
            r.timed_out()
            assert r.result is None
        r.timed_out()
        assert r.result is not None
        assert r.result.end is End.IDLE
        client.close()
        upstream.close()

    run(main())


def test_cancelling_closes_both_sides_with_a_reset() -> None:
    async def main() -> None:
        t = await tunnel()
        t.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await t.task
        for sock in (t.client, t.upstream):
            data, error = await read_to_end(sock)
            assert (data, type(error)) == (b"", ConnectionResetError)
            sock.close()

    run(main())


def test_the_first_side_to_close_is_told() -> None:
    async def main() -> None:
        for who in ("client", "upstream"):
            halves: list[bool] = []
            t = await tunnel(on_half=halves.append)
            first, second = (t.client, t.upstream) if who == "client" else (t.upstream, t.client)
            first.shutdown(socket.SHUT_WR)
            assert await read_to_end(second) == (b"", None)
            assert halves == [who == "client"]
            second.close()
            first.close()
            await t.task
            assert len(halves) == 1

    run(main())


def test_without_pipes_the_bulk_is_copied() -> None:
    class Empty(PipePool):
        def borrow(self) -> None:
            return None

    async def main() -> None:
        loop = asyncio.get_running_loop()
        t = await tunnel(SPLICE)
        t.host.pipes = Empty()
        data = random.Random(5).randbytes(1_000_000)
        _, got = await asyncio.gather(loop.sock_sendall(t.client, data), read_exactly(t.upstream, len(data)))
        assert got == data
        t.client.close()
        t.upstream.close()
        await t.task

    run(main())
