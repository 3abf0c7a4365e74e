"""The load generator against a proxy that answers wrongly: nothing wrong may count as done."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.certificate import certify
from bench.load import Client, Orders, Outcome

BODY = b"x" * 10
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY
ESTABLISHED = b"HTTP/1.0 200 Connection established\r\n\r\n"
SOCKS_DONE = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


@contextmanager
def proxy(*replies: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answers what it hears with the replies, one for each time it hears, then closes. Yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                if tls is None:
                    answer(peer)
                    continue
                with contextlib.suppress(ssl.SSLError), tls.wrap_socket(peer, server_side=True) as inner:
                    answer(inner)
                    inner.unwrap()

    def answer(peer: socket.socket) -> None:
        for reply in replies:
            peer.recv(65536)
            peer.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def load(port: int, dialect: str, total: int = 3) -> Outcome:
    return Client(Orders(port, 80, dialect, "/", 10, total, 2, seconds=20)).run()  # type: ignore[arg-type]  # a parameter


@pytest.mark.parametrize(
    ("dialect", "replies"),
    [
        ("forward", [GOOD]),
        ("plain", [GOOD]),
        ("connect", [ESTABLISHED, GOOD]),
        ("socks5", [b"\x05\x00", SOCKS_DONE, GOOD]),
    ],
)
def test_good_answers_count(dialect: str, replies: list[bytes]) -> None:
    with proxy(*replies) as port:
        outcome = load(port, dialect)

    assert (outcome.completed, outcome.failed, outcome.complaints) == (3, 0, [])


@pytest.mark.parametrize(
    ("dialect", "replies", "complaint"),
    [
        ("forward", [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 10\r\n\r\n" + BODY], "request answered"),
        ("forward", [GOOD[:-1]], "ended in the middle"),
        ("forward", [GOOD + b"x"], "1 bytes too many"),
        ("forward", [b""], "ended in the middle"),
        ("connect", [b"HTTP/1.1 403 Forbidden\r\n\r\n"], "CONNECT answered"),
        ("connect", [ESTABLISHED + b"x"], "bytes before the request"),
        ("connect", [ESTABLISHED, GOOD[:20]], "ended in the middle"),
        ("socks5", [b"\x05\xff"], "SOCKS5 method answered"),
        ("socks5", [b"\x05\x00", b"\x05\x05" + SOCKS_DONE[2:]], "SOCKS5 connect answered"),
    ],
)
def test_wrong_answers_are_failures(dialect: str, replies: list[bytes], complaint: str) -> None:
    with proxy(*replies) as port:
        outcome = load(port, dialect)

    assert (outcome.completed, outcome.failed) == (0, 3)
    assert all(complaint in text for text in outcome.complaints)


def test_nobody_listens() -> None:
    with proxy(GOOD) as port:
        pass
    outcome = load(port, "forward")

    assert (outcome.completed, outcome.failed) == (0, 3)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certify(tmp_path))
    return context


def test_good_answers_inside_tls_count(tls: ssl.SSLContext) -> None:
    with proxy(GOOD, tls=tls) as port:
        outcome = load(port, "tls")

    assert (outcome.completed, outcome.failed, outcome.complaints) == (3, 0, [])


def test_wrong_answers_inside_tls_are_failures(tls: ssl.SSLContext) -> None:
    with proxy(GOOD + b"x", tls=tls) as port:
        outcome = load(port, "tls")

    assert (outcome.completed, outcome.failed) == (0, 3)
    assert all("1 bytes too many" in text for text in outcome.complaints)


def test_an_older_tls_is_a_failure(tls: ssl.SSLContext) -> None:
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with proxy(GOOD, tls=tls) as port:
        outcome = load(port, "tls")

    assert (outcome.completed, outcome.failed) == (0, 3)
    assert all("TLS:" in text for text in outcome.complaints)


def test_an_end_of_tcp_alone_is_a_failure() -> None:
    with proxy(b"") as port:
        outcome = load(port, "tls")

    assert (outcome.completed, outcome.failed) == (0, 3)
    assert all("ended in the middle" in text for text in outcome.complaints)
