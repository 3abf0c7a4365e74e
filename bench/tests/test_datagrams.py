"""The client of datagrams, with a proxy that loses some."""

import socket
import threading
from collections.abc import Iterator

import pytest

from bench.workloads import datagrams

HEADER = 10
"""Bytes of a SOCKS header with an IPv4 address."""


def lossy(listener: socket.socket) -> None:
    """Serve one association, but forget every tenth request; until the client has gone."""
    control, _ = listener.accept()
    udp = socket.socket(type=socket.SOCK_DGRAM)
    with control, udp:
        control.recv(64)
        udp.bind(("127.0.0.1", 0))
        control.sendall(b"\5\0\5\0\0\1\x7f\0\0\1" + udp.getsockname()[1].to_bytes(2, "big"))
        relaying = threading.Thread(target=relay, args=(udp,))
        relaying.start()
        control.recv(64)
        with socket.socket(type=socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", udp.getsockname())
        relaying.join()


def relay(udp: socket.socket) -> None:
    count = 0
    head, client = b"", ("", 0)
    while True:
        data, source = udp.recvfrom(65536)
        if not data:
            return
        if not head:
            head, client = data[:HEADER], source
        if source != client:
            udp.sendto(head + data, client)
            continue
        count += 1
        if count % 10:
            udp.sendto(data[HEADER:], ("127.0.0.1", int.from_bytes(head[8:], "big")))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(datagrams, "_PATIENCE", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        proxy = threading.Thread(target=lossy, args=(listener,))
        proxy.start()
        yield listener.getsockname()[1]
        proxy.join()


def test_what_a_full_window_loses_is_counted(port: int) -> None:
    assert datagrams._play(port, 64, 100) == 10


def test_what_is_lost_at_a_rate_is_counted(port: int) -> None:
    assert datagrams._play_at(port, 64, 100, 5000.0) == 10
