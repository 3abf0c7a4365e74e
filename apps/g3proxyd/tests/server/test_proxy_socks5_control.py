"""The association at the next proxy: where it takes datagrams, and how it ends."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from chain import ANY, ASSOCIATE, CHOICE, GREETING, HERE, reply, saying, through, until_end
from g3_socks import pack_header
from g3proxyd.escaper.sockets import OutgoingSockets
from loopback import run
from proxy import Handler, Proxy, origin
from udp import UdpClient, associated, bound, receive

FULL: dict[str, Any] = {"use_udp_associate": True}
MODES = pytest.mark.parametrize("mode", [FULL, {}], ids=["full", "one"])
HEAD = pack_header(HERE, 7)


class NextProxy:
    """Answers to one request for UDP, and takes datagrams itself."""

    def __init__(self, stack: ExitStack, host: str = "127.0.0.1") -> None:
        self.sock = stack.enter_context(bound(host))
        self.host, self.port = self.sock.getsockname()[:2]
        self.writer: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        self.client: Any = None

    def handler(
        self, told: IPv4Address | IPv6Address | str = ANY, port: int | None = None, more: bytes = b""
    ) -> Handler:
        """It says that it takes datagrams at this address."""

        async def then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writer.set_result(writer)
            await reader.read()

        answer = reply(0, told, self.port if port is None else port)
        return saying((GREETING, CHOICE), (ASSOCIATE, answer + more), then=then)

    async def hear(self) -> bytes:
        """The next datagram; who sent it gets what is said next."""
        data, self.client = await receive(self.sock)
        return data

    def say(self, data: bytes) -> None:
        self.sock.sendto(data, self.client)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def exchange(client: UdpClient, hop: NextProxy, payload: bytes) -> None:
    """A datagram there and back."""
    client.send(HERE, 7, payload)
    assert await hop.hear() == HEAD + payload
    hop.say(HEAD + payload[::-1])
    answer = await client.receive()
    assert (answer.host, answer.port, bytes(answer.payload)) == (HERE, 7, payload[::-1])


async def ended(p: Proxy, client: UdpClient) -> tuple[str, str]:
    """Why the session ended, and what the log says about it."""
    assert await client.ended() == b""
    record = await p.task_record()
    return record["reason"], record.get("msg", "")


@MODES
@pytest.mark.parametrize(
    ("told", "keys"),
    [
        (ANY, {}),
        (IPv6Address(0), {}),
        (HERE, {}),
        (IPv4Address("192.0.2.1"), {"transmute_udp_peer_ip": True}),
        (IPv4Address("192.0.2.1"), {"transmute_udp_peer_ip": {"192.0.2.1": "127.0.0.1"}}),
        (HERE, {"transmute_udp_peer_ip": {"192.0.2.1": "192.0.2.2"}}),
        (ANY, {"transmute_udp_peer_ip": {"0.0.0.0": "127.0.0.1"}}),
        (ANY, {"bind_ipv4": "127.0.0.1"}),
    ],
)
def test_where_datagrams_go(stack: ExitStack, mode: dict[str, Any], told: Any, keys: dict[str, Any]) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        async with (
            origin(hop.handler(told)) as address,
            through(address, mode, **keys) as p,
            associated(p.socks) as client,
        ):
            for payload in (b"abc", b"", b"x" * 1000):
                await exchange(client, hop, payload)
            assert hop.client[0] == "127.0.0.1"

    run(main())


def test_a_proxy_may_take_datagrams_at_another_address(stack: ExitStack) -> None:
    async def main() -> None:
        hop = NextProxy(stack, "127.0.0.2")
        async with (
            origin(hop.handler(IPv4Address("127.0.0.2"))) as address,
            through(address, FULL) as p,
            associated(p.socks) as client,
        ):
            await exchange(client, hop, b"abc")

    run(main())


REJECTED, NONE = "NegotiationRejected", "NegotiationProtocolErr"


@MODES
@pytest.mark.parametrize(
    ("answer", "escape", "task"),
    [
        (reply(0, "relay.test", 9), NONE, "UpstreamNotNegotiated"),
        (reply(0, ANY, 0), NONE, "UpstreamNotNegotiated"),
        (reply(0, IPv4Address("224.0.0.1"), 9), NONE, "UpstreamNotNegotiated"),
        (reply(0, IPv6Address("ff02::1"), 9), NONE, "UpstreamNotNegotiated"),
        (reply(0, IPv4Address("255.255.255.255"), 9), NONE, "UpstreamNotNegotiated"),
        (reply(0, HERE, 9) + b"x", NONE, "UpstreamNotNegotiated"),
        (reply(7), REJECTED, "UpstreamNotNegotiated"),
        (reply(0, HERE, 9)[:5], "NegotiationReadFailed", "UpstreamNotNegotiated"),
        (reply(0, IPv6Address("2001:db8::1"), 9), "ForbiddenAddressFamily", "ForbiddenByRule"),
    ],
)
def test_answers_that_end_the_session(mode: dict[str, Any], answer: bytes, escape: str, task: str) -> None:
    async def main() -> None:
        handler = saying((GREETING, CHOICE), (ASSOCIATE, answer))
        async with origin(handler) as address, through(address, mode, no_ipv6=True) as p, associated(p.socks) as client:
            for number in range(5):
                client.send(HERE, 7, b"%d" % number)
            assert (await ended(p, client))[0] == task
            (record,) = [r for r in p.records.records if r["log_type"] == "Escape"]
            assert (record["escape_type"], record["reason"]) == ("TcpConnect", escape)

    run(main())


@MODES
def test_a_silent_proxy_and_one_that_is_not_there(mode: dict[str, Any]) -> None:
    async def main() -> None:
        async with (
            origin(until_end) as address,
            through(address, mode, peer_negotiation_timeout="50ms") as p,
            associated(p.socks) as client,
        ):
            client.send(HERE, 7, b"x")
            assert (await ended(p, client))[0] == "UpstreamNotNegotiated"
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with through(closed.getsockname(), mode) as p, associated(p.socks) as client:
                client.send(HERE, 7, b"x")
                assert (await ended(p, client))[0] == "UpstreamNotConnected"

    run(main())


@MODES
def test_what_comes_while_the_proxy_thinks_waits(stack: ExitStack, mode: dict[str, Any]) -> None:
    async def main() -> None:
        hop, granted = NextProxy(stack), asyncio.Event()
        inner = hop.handler()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await granted.wait()
            await inner(reader, writer)

        async with origin(slow) as address, through(address, mode) as p, associated(p.socks) as client:
            for number in range(20):
                client.send(HERE, 7, b"%d" % number)
                await asyncio.sleep(0)
            granted.set()
            assert [await hop.hear() for _ in range(20)] == [HEAD + b"%d" % number for number in range(20)]

    run(main())


@MODES
@pytest.mark.parametrize("at_once", [False, True])
def test_an_orderly_end(stack: ExitStack, mode: dict[str, Any], at_once: bool) -> None:
    """It counts after the first datagram that has come back, or before if the configuration says so."""

    async def main() -> None:
        hop = NextProxy(stack)
        async with (
            origin(hop.handler()) as address,
            through(address, mode, end_on_control_closed=at_once) as p,
            associated(p.socks) as client,
        ):
            if at_once:
                client.send(HERE, 7, b"abc")
            else:
                await exchange(client, hop, b"abc")
            (await hop.writer).close()
            assert await ended(p, client) == ("ClosedByUpstream", "")

    run(main())


@MODES
def test_an_orderly_end_before_the_first_datagram(stack: ExitStack, mode: dict[str, Any]) -> None:
    """Some proxies close the connection at once, and relay all the same."""

    async def main() -> None:
        hop = NextProxy(stack)
        async with origin(hop.handler()) as address, through(address, mode) as p, associated(p.socks) as client:
            client.send(HERE, 7, b"abc")
            await hop.hear()
            writer = await hop.writer
            writer.close()
            await writer.wait_closed()
            for payload in (b"1", b"2", b"3"):
                await exchange(client, hop, payload)
            client.writer.close()
            assert (await p.task_record())["reason"] == "ClosedByClient"

    run(main())


@MODES
def test_a_reset(stack: ExitStack, mode: dict[str, Any]) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        async with origin(hop.handler()) as address, through(address, mode) as p, associated(p.socks) as client:
            client.send(HERE, 7, b"abc")
            writer = await hop.writer
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            assert (await ended(p, client))[0] == "UpstreamReadFailed"

    run(main())


@MODES
def test_a_proxy_that_talks_on(stack: ExitStack, mode: dict[str, Any]) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        async with origin(hop.handler()) as address, through(address, mode) as p, associated(p.socks) as client:
            await exchange(client, hop, b"abc")
            (await hop.writer).write(b"x")
            assert await ended(p, client) == ("InvalidUpstreamProtocol", "bytes behind the reply on the TCP connection")

    run(main())


@MODES
def test_foreign_datagrams_and_garbage_are_dropped(stack: ExitStack, mode: dict[str, Any]) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        async with origin(hop.handler()) as address, through(address, mode) as p, associated(p.socks) as client:
            await exchange(client, hop, b"abc")
            for stranger in (stack.enter_context(bound("127.0.0.2")), stack.enter_context(bound())):
                stranger.sendto(HEAD + b"intrusion", hop.client)
            for raw in (b"", b"\0", HEAD[:-1], b"\0\0\1" + HEAD[3:] + b"part", b"\0\0\0\2" + HEAD[4:], b"\xff" * 99):
                hop.say(raw)
            if not mode:
                hop.say(pack_header(HERE, 8) + b"not from the target")
            await exchange(client, hop, b"def")

    run(main())


@MODES
def test_what_comes_before_the_socket_is_connected_is_dropped(
    stack: ExitStack, mode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = stack.enter_context(bound())
    open_udp = OutgoingSockets.open_udp

    def late(sockets: OutgoingSockets, version: int) -> Any:
        sock, bind_ip = open_udp(sockets, version)
        for _ in range(3):
            stranger.sendto(HEAD + b"intrusion", ("127.0.0.1", sock.getsockname()[1]))
        return sock, bind_ip

    monkeypatch.setattr(OutgoingSockets, "open_udp", late)

    async def main() -> None:
        hop = NextProxy(stack)
        async with origin(hop.handler()) as address, through(address, mode) as p, associated(p.socks) as client:
            await exchange(client, hop, b"abc")

    run(main())


@MODES
def test_a_client_that_goes_takes_the_association_along(stack: ExitStack, mode: dict[str, Any]) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        gone = asyncio.Event()
        inner = hop.handler()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await inner(reader, writer)
            gone.set()

        async with origin(handler) as address, through(address, mode) as p, associated(p.socks) as client:
            await exchange(client, hop, b"abc")
            client.writer.close()
            await gone.wait()
            assert (await p.task_record())["reason"] == "ClosedByClient"

    run(main())


@MODES
def test_a_client_that_goes_while_the_proxy_thinks(mode: dict[str, Any]) -> None:
    async def main() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readexactly(3) == GREETING
            asked.set()
            assert await reader.read() == b""
            gone.set()

        async with origin(handler) as address, through(address, mode) as p, associated(p.socks) as client:
            client.send(HERE, 7, b"abc")
            await asked.wait()
            client.writer.close()
            await gone.wait()
            assert (await p.task_record())["reason"] == "ClosedByClient"

    run(main())


def test_the_speed_limit_of_the_escaper(stack: ExitStack) -> None:
    async def main() -> None:
        hop = NextProxy(stack)
        limit = {"udp_sock_speed_limit": {"shift": 10, "north_packets": 3}}
        async with (
            origin(hop.handler()) as address,
            through(address, FULL, **limit) as p,
            associated(p.socks) as client,
        ):
            for number in range(5):
                client.send(HERE, 7, b"%d" % number)
            begin = asyncio.get_running_loop().time()
            assert [await hop.hear() for _ in range(5)] == [HEAD + b"%d" % number for number in range(5)]
            assert asyncio.get_running_loop().time() - begin > 0.1

    run(main())
