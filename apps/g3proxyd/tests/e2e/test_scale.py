"""Much of everything: a gibibyte, thousands of idle tunnels, readers that do not read."""

import contextlib
import resource
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, daemon

BLOCK = bytes(range(256)) * 4096  # 1 MiB
GIB = 1024
"""Blocks in a gibibyte."""

TUNNELS = 4000

Serve = Callable[["Origin", socket.socket], None]
"""What an origin does with a connection."""


class Origin:
    """Accepts connections and hands each to a thread."""

    def __init__(self, serve: Serve) -> None:
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port: int = self._sock.getsockname()[1]
        self.sent = 0
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._sock.accept()
                threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(self, connection)

    def close(self) -> None:
        self._sock.close()


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def send_a_gibibyte(origin: Origin, connection: socket.socket) -> None:
    read_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (GIB * len(BLOCK)))
    for _ in range(GIB):
        connection.sendall(BLOCK)
        origin.sent += len(BLOCK)


@contextlib.contextmanager
def running(serve: Serve) -> Iterator[Origin]:
    origin = Origin(serve)
    try:
        yield origin
    finally:
        origin.close()


def open_tunnel(d: Daemon, port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", d.http_port), 20)
    sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % port)
    assert read_head(sock).startswith(b"HTTP/1.1 200 ")
    return sock


def ask(d: Daemon, port: int, *, tunnel: bool) -> socket.socket:
    """A connection on which the response head is about to come."""
    if tunnel:
        sock = open_tunnel(d, port)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    else:
        sock = socket.create_connection(("127.0.0.1", d.http_port), 20)
        sock.sendall(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % port)
    return sock


@pytest.mark.parametrize("tunnel", [True, False], ids=["connect", "forward"])
def test_a_gibibyte_arrives_unchanged(tmp_path: Path, tunnel: bool) -> None:
    with daemon(tmp_path, log="discard") as d, running(send_a_gibibyte) as origin:
        sock = ask(d, origin.port, tunnel=tunnel)
        read_head(sock)
        buffer = bytearray(len(BLOCK))
        for _ in range(GIB):
            view = memoryview(buffer)
            while view:
                count = sock.recv_into(view)
                assert count
                view = view[count:]
            assert buffer == BLOCK
        sock.close()


@pytest.mark.parametrize("tunnel", [True, False], ids=["connect", "forward"])
def test_a_reader_of_single_bytes_costs_little(tmp_path: Path, tunnel: bool) -> None:
    with daemon(tmp_path, log="discard") as d, running(send_a_gibibyte) as origin:
        for _ in range(2):  # the second time all code and all shared buffers are there
            before = d.rss()
            with ask(d, origin.port, tunnel=tunnel) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                read_head(sock)
                sent = -1
                while sent != origin.sent:  # until a tenth of a second passes in which the origin can not go on
                    sent = origin.sent
                    sock.recv(1)
                    select.select([], [], [], 0.1)
                for _ in range(50):
                    sock.recv(1)
                grown = d.rss() - before
            origin.sent = 0
        assert grown < 2 << 20


def test_thousands_of_idle_tunnels_cost_little_and_hinder_nobody(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4 * TUNNELS + 500
    if hard < needed:
        pytest.skip(f"needs {needed} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as idle, daemon(tmp_path, log="discard") as d:
        kept: list[socket.socket] = []

        def open_some(count: int) -> None:
            for _ in range(count):
                kept.append(open_tunnel(d, idle.getsockname()[1]))
                kept.append(idle.accept()[0])

        open_some(200)  # warm
        before = d.rss()
        open_some(TUNNELS)
        each = (d.rss() - before) / TUNNELS
        # Traffic through the crowd, and through one of its members.
        with running(send_a_gibibyte) as origin, ask(d, origin.port, tunnel=False) as sock:
            read_head(sock)
            assert sock.recv(1) == b"\0"
        kept[-2].sendall(b"ping")
        assert kept[-1].recv(4) == b"ping"
        for sock in kept:
            sock.close()
        print(f"{each / 1024:.1f} KiB for each idle tunnel")
        assert each <= 10 * 1024
