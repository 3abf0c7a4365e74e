"""Sockets from systemd."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from g3proxyd.system.activation import ActivationError, inherited_sockets

HAND = 100
"""Where the tests put descriptors, far from those that are in use."""


@pytest.fixture
def hand_over() -> Iterator[Callable[..., list[socket.socket]]]:
    """Put descriptors where systemd would, in its way, and take them from there."""
    with ExitStack() as stack:

        def put(*files: socket.socket | int | None, **variables: str) -> list[socket.socket]:
            for number, file in enumerate(files, HAND):
                if file is not None:
                    os.dup2(file if isinstance(file, int) else file.fileno(), number, inheritable=True)
                    stack.callback(close, number)
            environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(files)), **variables}
            try:
                sockets = inherited_sockets(environment, first=HAND)
            finally:
                assert environment == {}
            for sock in sockets:
                stack.enter_context(sock)
            return sockets

        yield put


def close(descriptor: int) -> None:
    """Close it unless a socket object has done so."""
    with suppress(OSError):
        os.close(descriptor)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_sockets_that_work(hand_over: Callable[..., list[socket.socket]], listening: socket.socket) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        found = hand_over(listening, other, LISTEN_FDNAMES="http:socks")
        assert [sock.fileno() for sock in found] == [HAND, HAND + 1]
        assert [sock.getsockname() for sock in found] == [listening.getsockname(), other.getsockname()]
        assert [sock.family for sock in found] == [socket.AF_INET, socket.AF_INET6]
        for sock in found:
            assert not sock.get_inheritable()
            assert not sock.getblocking()
        with socket.create_connection(listening.getsockname(), timeout=10):
            connection, _ = found[0].accept()
            connection.close()


@pytest.mark.parametrize(
    "variables", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())}, {"LISTEN_FDS": "1"}]
)
def test_nothing_for_us(variables: dict[str, str]) -> None:
    variables["LISTEN_FDNAMES"] = "x"
    assert inherited_sockets(variables, first=HAND) == []
    assert variables == {}


def test_none_at_all(hand_over: Callable[..., list[socket.socket]]) -> None:
    assert hand_over() == []


def test_the_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "0")
    assert inherited_sockets() == []
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize("count", ["x", "-1", "1.0", "4097", "99999", "²", "1" * 100])
def test_counts(count: str, hand_over: Callable[..., list[socket.socket]]) -> None:
    with pytest.raises(ActivationError, match="which is no number of sockets from 0 to 4096"):
        hand_over(LISTEN_FDS=count)


def test_a_descriptor_that_is_not_open(hand_over: Callable[..., list[socket.socket]]) -> None:
    with pytest.raises(ActivationError, match=r"^descriptor 100 from systemd is not open; expected a listening TCP"):
        hand_over(None)


@pytest.mark.parametrize("names", ["http", "http:", ":x", "http:\n"])
def test_what_is_wrong_has_a_name(
    names: str, hand_over: Callable[..., list[socket.socket]], listening: socket.socket
) -> None:
    """If systemd gave one; none of the descriptors is touched."""
    with open(os.devnull, "rb") as null, pytest.raises(ActivationError) as caught:
        hand_over(listening, null.fileno(), LISTEN_FDNAMES=names)
    name = " (x)" if names == ":x" else ""
    assert str(caught.value).startswith(f"descriptor 101 from systemd{name} is not a socket; expected")
    assert os.get_inheritable(HAND)
    assert os.get_inheritable(HAND + 1)


@pytest.mark.parametrize(
    ("family", "kind", "reason"),
    [
        (socket.AF_UNIX, socket.SOCK_STREAM, "of another family than IPv4 and IPv6"),
        (socket.AF_INET, socket.SOCK_DGRAM, "not a stream socket"),
        (socket.AF_INET6, socket.SOCK_STREAM, "not listening"),
    ],
)
def test_other_sockets(family: int, kind: int, reason: str, hand_over: Callable[..., list[socket.socket]]) -> None:
    with socket.socket(family, kind) as sock, pytest.raises(ActivationError, match=f"is {reason}; expected"):
        hand_over(sock)
    os.fstat(HAND)  # still open
