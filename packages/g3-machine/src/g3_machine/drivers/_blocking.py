"""Handshakes over a blocking socket."""

import contextlib
import socket
from collections.abc import Callable
from typing import TypeVar

from .._machine import E, Machine

T = TypeVar("T")

READ_SIZE = 65536
"""Bytes asked for at once; a handshake is far smaller, but the bytes behind it may be many."""


def handshake(machine: Machine[E], sock: socket.socket, answer: Callable[[E], T | None]) -> tuple[T, bytes]:
    """Run the machine until ``answer(event)`` returns a result; return it and the bytes behind the handshake.

    ``answer`` calls the machine's own verbs (``authenticate``, ``reply`` ...). Patience is the socket's:
    set ``sock.settimeout(seconds)`` before. Raises RemoteProtocolError when the peer breaks the protocol, OSError
    and TimeoutError from the socket, and whatever ``answer`` raises; the peer gets what the machine still had
    to say in each case.
    """
    try:
        while True:
            event = machine.next_event()
            result = None if event is None else answer(event)
            if output := machine.data_to_send():
                sock.sendall(output)
            if result is not None:
                return result, machine.take_unread()
            if event is None:
                if data := sock.recv(READ_SIZE):
                    machine.receive_data(data)
                else:
                    machine.receive_eof()
    except Exception:
        with contextlib.suppress(OSError):
            sock.sendall(machine.data_to_send())
        raise
