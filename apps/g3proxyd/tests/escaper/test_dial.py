"""Connecting to one address."""

import asyncio
import errno
import socket
from ipaddress import IPv4Address

import pytest
from escaper.network import Network, elapsed, host, network, open_sockets, run_virtually
from g3proxyd.escaper.base import ConnectNotes, EscaperStats
from g3proxyd.escaper.dial import _expire, _wake, begin_connect, dial
from g3proxyd.escaper.errors import ConnectKind, ConnectReason, TcpConnectError
from g3proxyd.escaper.sockets import FamilySockets, OutgoingSockets
from loopback import run

PLAIN = FamilySockets()


def counts(stats: EscaperStats) -> tuple[int, int, int, int, int]:
    return (
        stats.tcp_connect_attempt,
        stats.tcp_connect_success,
        stats.tcp_connect_establish,
        stats.tcp_connect_error,
        stats.tcp_connect_timeout,
    )


class Caller:
    """Dials, and keeps what comes of it."""

    def __init__(self, sockets: OutgoingSockets | None = None) -> None:
        self.sockets = sockets or OutgoingSockets("e", PLAIN, PLAIN)
        self.notes = ConnectNotes()
        self.reports: list[tuple[ConnectReason, ConnectNotes]] = []

    def report(self, error: TcpConnectError) -> None:
        notes = ConnectNotes(next_peer_addr=self.notes.next_peer_addr, tcp_connect_tries=self.notes.tcp_connect_tries)
        self.reports.append((error.reason, notes))

    async def dial(self, address: str, port: int, patience: float = 30.0) -> socket.socket:
        loop = asyncio.get_running_loop()
        return await dial(loop, self.sockets, host(address), port, patience, self.notes, self.report)

    async def fail(self, address: str, port: int, patience: float = 30.0) -> TcpConnectError:
        with pytest.raises(TcpConnectError) as caught:
            await self.dial(address, port, patience)
        return caught.value


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_peer_that_answers(address: str) -> None:
    async def main() -> None:
        with network() as net:
            listener = net.listen(address)
            caller = Caller()
            with await caller.dial(address, net.port) as sock:
                peer, name = listener.accept()
                with peer:
                    assert sock.getsockname() == name == caller.notes.next_bound_addr
                    assert sock.getpeername() == listener.getsockname()
                assert not sock.getblocking()
            notes = caller.notes
            assert (notes.next_peer_addr, notes.next_bind_ip) == (listener.getsockname(), None)
            assert notes.tcp_connect_tries == 1
            assert 0 < notes.tcp_connect_spend < 5
            assert counts(caller.sockets.stats) == (1, 1, 1, 0, 0)
            assert caller.reports == []

    run(main())


def test_from_a_chosen_address() -> None:
    async def main() -> None:
        with network() as net:
            listener = net.listen("127.0.0.1")
            local = IPv4Address("127.0.0.7")
            caller = Caller(OutgoingSockets("e", FamilySockets(bind_ips=(local,)), PLAIN))
            with await caller.dial("127.0.0.1", net.port):
                peer, name = listener.accept()
                peer.close()
            assert name[0] == "127.0.0.7"
            assert caller.notes.next_bind_ip == local
            assert caller.notes.next_bound_addr == name

    run(main())


def test_without_a_report() -> None:
    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            loop, sockets, notes = asyncio.get_running_loop(), OutgoingSockets("e", PLAIN, PLAIN), ConnectNotes()
            for address, timeout in (("127.0.0.2", 5.0), ("127.0.0.3", 0.01)):
                if address == "127.0.0.3":
                    net.hang(address)
                with pytest.raises(TcpConnectError):
                    await dial(loop, sockets, host(address), net.port, timeout, notes)

    run(main())


def test_a_closed_port() -> None:
    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            caller = Caller()
            error = await caller.fail("127.0.0.2", net.port)
            assert (error.reason, error.kind) == (ConnectReason.CONNECT_FAILED, ConnectKind.REFUSED)
            assert str(error) == "connecting failed: Connection refused"
            expected = ConnectNotes(next_peer_addr=("127.0.0.2", net.port), tcp_connect_tries=1)
            assert caller.reports == [(ConnectReason.CONNECT_FAILED, expected)]
            assert caller.notes.tcp_connect_spend > 0
            assert counts(caller.sockets.stats) == (1, 0, 0, 1, 0)

    run(main())


def test_an_address_that_cannot_be_reached() -> None:
    """Broadcast addresses are refused by the kernel itself, before anything is sent."""

    async def main() -> None:
        error = await Caller().fail("255.255.255.255", 80)
        assert (error.reason, error.kind) == (ConnectReason.CONNECT_FAILED, ConnectKind.NETWORK_UNREACHABLE)

    run(main())


def test_a_peer_that_never_answers() -> None:
    async def main() -> None:
        with network() as net:
            net.hang("127.0.0.3")
            caller = Caller()
            error = await caller.fail("127.0.0.3", net.port, 12.5)
            assert elapsed() == 12.5
            assert error.reason is ConnectReason.TIMEOUT_BY_RULE
            assert [reason for reason, _ in caller.reports] == [ConnectReason.TIMEOUT_BY_RULE]
            assert counts(caller.sockets.stats) == (1, 0, 0, 0, 1)

    run_virtually(main)


def test_a_peer_that_answers_late() -> None:
    async def main() -> None:
        with network() as net:
            listener = slow(net)
            caller = Caller()
            dialling = asyncio.ensure_future(caller.dial("127.0.0.1", net.port))
            await asyncio.sleep(0.05)
            assert not dialling.done()
            while not dialling.done():
                drain(listener)
                await asyncio.sleep(0.01)
            dialling.result().close()
            assert counts(caller.sockets.stats) == (1, 1, 1, 0, 0)

    run(main())


def slow(net: Network) -> socket.socket:
    """A listener whose queue is full until somebody drains it; the kernel tries again after a second."""
    net.hang("127.0.0.1")
    return net.sockets[0]


def drain(listener: socket.socket) -> None:
    try:
        while True:
            listener.accept()[0].close()
    except BlockingIOError:
        pass


def test_a_refusal_that_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            # As if the refusal had been on its way for a while.
            monkeypatch.setattr("g3proxyd.escaper.dial.begin_connect", lambda sock, address: late(sock, address))
            caller = Caller()
            error = await caller.fail("127.0.0.2", net.port)
            assert (error.reason, error.kind) == (ConnectReason.CONNECT_FAILED, ConnectKind.REFUSED)

    def late(sock: socket.socket, address: tuple[str, int]) -> int:
        assert sock.connect_ex(address) == errno.EINPROGRESS
        return errno.EINPROGRESS

    run(main())


def test_cancelled_while_it_waits() -> None:
    async def main() -> None:
        with network() as net:
            net.hang("127.0.0.3")
            before = open_sockets()
            caller = Caller()
            dialling = asyncio.ensure_future(caller.dial("127.0.0.3", net.port))
            await asyncio.sleep(0)
            assert open_sockets() == before + 1
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling
            assert open_sockets() == before
            assert caller.reports == []

    run(main())


def test_nothing_is_dialled_that_is_not_allowed() -> None:
    async def main() -> None:
        caller = Caller(OutgoingSockets("e", FamilySockets(enabled=False), PLAIN))
        error = await caller.fail("127.0.0.1", 80)
        assert error.reason is ConnectReason.FORBIDDEN_ADDRESS_FAMILY
        assert caller.notes == ConnectNotes()
        assert caller.reports == []
        assert counts(caller.sockets.stats) == (0, 0, 0, 0, 0)

    run(main())


def test_a_connection_that_is_gone_already() -> None:
    class Gone(socket.socket):
        def getsockname(self) -> object:
            raise OSError(errno.EINVAL, "gone")

    class Sockets(OutgoingSockets):
        def open(self, host: object, port: int) -> tuple[socket.socket, tuple[str, int], None]:
            sock = Gone()
            sock.setblocking(False)
            return sock, (str(host), port), None

    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            before = open_sockets()
            caller = Caller(Sockets("e", PLAIN, PLAIN))
            error = await caller.fail("127.0.0.1", net.port)
            assert error.reason is ConnectReason.SETUP_SOCKET_FAILED
            assert open_sockets() == before

    run(main())


class TestBeginConnect:
    def begin(self, address: tuple[str, int]) -> int:
        with socket.socket() as sock:
            sock.setblocking(False)
            return begin_connect(sock, address)

    def test_results(self) -> None:
        with network() as net:
            net.listen("127.0.0.1")
            net.hang("127.0.0.3")
            assert self.begin(("127.0.0.1", net.port)) == 0
            assert self.begin(("127.0.0.2", net.port)) == errno.ECONNREFUSED
            assert self.begin(("127.0.0.3", net.port)) == errno.EINPROGRESS
            assert self.begin(("255.255.255.255", 80)) == errno.ENETUNREACH


def test_the_first_of_answer_and_timeout_counts() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for first, second in ((_wake, _expire), (_expire, _wake)):
            waiter: asyncio.Future[None] = loop.create_future()
            first(waiter)
            second(waiter)
            assert (waiter.exception() is None) is (first is _wake)

    run(main())
