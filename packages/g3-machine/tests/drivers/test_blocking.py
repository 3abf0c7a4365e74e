"""Handshakes over blocking sockets."""

import socket

import pytest
from g3_machine import RemoteProtocolError
from g3_machine.drivers import handshake
from g3_machine.testing._echo import EchoServer, Goodbye, Message


def server(sock: socket.socket) -> tuple[str, bytes]:
    machine = EchoServer()

    def answer(event: Message | Goodbye) -> str | None:
        if isinstance(event, Goodbye):
            return "over"
        if event.text == b"boom":
            raise ZeroDivisionError
        machine.accept()
        return None

    return handshake(machine, sock, answer)


def pair() -> tuple[socket.socket, socket.socket]:
    here, there = socket.socketpair()
    here.settimeout(5)
    there.settimeout(5)
    return here, there


def test_the_result_comes_with_the_bytes_behind_the_handshake() -> None:
    here, there = pair()
    with here, there:
        there.sendall(b"\x01a\x00early")
        assert server(here) == ("over", b"early")
        assert there.recv(99) == b"ok"


def test_a_fault_reaches_the_peer() -> None:
    here, there = pair()
    with here, there:
        there.sendall(b"\xff")
        with pytest.raises(RemoteProtocolError):
            server(here)
        assert there.recv(99) == b"no"


def test_the_end_of_the_stream_is_told_to_the_machine() -> None:
    here, there = pair()
    with here, there:
        there.sendall(b"\x02a")
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(RemoteProtocolError, match="middle"):
            server(here)


def test_an_answer_that_fails_is_raised_also_when_the_peer_is_gone() -> None:
    here, there = pair()
    with here:
        there.sendall(b"\x04boom")
        there.close()
        with pytest.raises(ZeroDivisionError):
            server(here)


def test_a_silent_peer_times_out() -> None:
    here, there = pair()
    with here, there:
        here.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server(here)
