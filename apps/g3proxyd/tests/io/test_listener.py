"""Accepting, and what happens when the system has run out of something."""

import asyncio
import errno
import socket

import pytest
from g3proxyd.io.listener import Listener, Peer
from loopback import run


def listening(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family)
    sock.bind(("127.0.0.1" if family == socket.AF_INET else "::", 0))
    sock.listen()
    sock.setblocking(False)
    return sock


def test_connections_arrive_non_blocking_with_their_addresses() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: asyncio.Queue[tuple[socket.socket, Peer]] = asyncio.Queue()
        listener = Listener(loop, listening(), lambda sock, peer: got.put_nowait((sock, peer)))
        listener.start()
        for number in range(40):
            with socket.create_connection(listener.sock.getsockname()) as client:
                sock, peer = await got.get()
                assert peer == client.getsockname()
                assert not sock.getblocking()
                sock.close()
                assert listener.accepted == number + 1
        listener.close()
        listener.close()

    run(main())


def test_an_ipv4_client_of_a_dual_stack_socket_has_an_ipv4_address() -> None:
    async def main() -> None:
        got: asyncio.Queue[tuple[socket.socket, Peer]] = asyncio.Queue()
        sock = listening(socket.AF_INET6)
        listener = Listener(asyncio.get_running_loop(), sock, lambda sock, peer: got.put_nowait((sock, peer)))
        listener.start()
        with socket.create_connection(("127.0.0.1", sock.getsockname()[1])) as client:
            accepted, peer = await got.get()
            assert peer == client.getsockname()
            accepted.close()
        listener.close()

    run(main())


class Exhausted:
    """A listening socket whose _accept() fails so many times, then works."""

    def __init__(self, sock: socket.socket, code: int, failures: int) -> None:
        self.sock, self.code, self.failures, self.calls = sock, code, failures, 0

    def _accept(self) -> tuple[int, Peer]:
        self.calls += 1
        if self.failures:
            self.failures -= 1
            raise OSError(self.code, "failed")
        connection, address = self.sock.accept()
        return connection.detach(), address

    def __getattr__(self, name: str) -> object:
        return getattr(self.sock, name)


def test_running_out_of_descriptors_does_not_spin_and_recovers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: asyncio.Queue[socket.socket] = asyncio.Queue()
        broken = Exhausted(listening(), errno.EMFILE, 3)
        listener = Listener(loop, broken, lambda sock, peer: got.put_nowait(sock))  # type: ignore[arg-type]
        monkeypatch.setattr("g3proxyd.io.listener.FIRST_PAUSE", 0.001)
        listener.start()
        with socket.create_connection(broken.sock.getsockname()):
            (await got.get()).close()
        assert (listener.failed, listener.accepted) == (3, 1)
        assert broken.calls <= 6
        listener.close()

    run(main())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_it_may_be_closed_while_it_waits() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        broken = Exhausted(listening(), errno.ENFILE, 1)
        listener = Listener(loop, broken, lambda sock, peer: sock.close())  # type: ignore[arg-type]
        listener.start()
        with socket.create_connection(broken.sock.getsockname()):
            while not listener.failed:
                await asyncio.sleep(0)
            listener.close()
        assert listener.accepted == 0

    run(main())


def test_a_connection_that_is_gone_already_concerns_only_itself() -> None:
    async def main() -> None:
        got: asyncio.Queue[socket.socket] = asyncio.Queue()
        broken = Exhausted(listening(), errno.ECONNABORTED, 2)
        listener = Listener(
            asyncio.get_running_loop(),
            broken,  # type: ignore[arg-type]
            lambda sock, peer: got.put_nowait(sock),
        )
        listener.start()
        with socket.create_connection(broken.sock.getsockname()):
            (await got.get()).close()
        assert (listener.failed, listener.accepted) == (2, 1)
        listener.close()

    run(main())
