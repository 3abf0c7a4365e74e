"""Sending and receiving bytes with descriptors over a unix stream socket (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence

__all__ = ["MOST_AT_ONCE", "receive", "send", "share_out"]

MOST_AT_ONCE = 200
"""Descriptors in one message; the kernel's limit is 253."""

SIZE = array.array("i").itemsize


def send(sock: socket.socket, data: bytes | memoryview, fds: Sequence[int] = ()) -> int:
    """Send some of the bytes, and all of the descriptors with the first of them; return how many bytes went.

    Raises OSError, BlockingIOError among them.
    """
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    return sock.sendmsg([data], rights, socket.MSG_NOSIGNAL)


def receive(sock: socket.socket, size: int = 65536) -> tuple[bytes, list[int]]:
    """Receive bytes, and the descriptors that came with them, which are closed on exec; no bytes mean the end.

    Raises OSError, also when descriptors were lost because this process may have no more of them.
    """
    data, rights, flags, _ = sock.recvmsg(size, socket.CMSG_SPACE(MOST_AT_ONCE * SIZE), socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, content in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % SIZE])
    if flags & socket.MSG_CTRUNC:
        for fd in fds:
            os.close(fd)
        raise OSError("descriptors were lost on the way: the limit on open files is too low")
    return data, list(fds)


def share_out(data: bytes, fds: Sequence[int]) -> list[tuple[memoryview, list[int]]]:
    """Split a message into parts of which none has more descriptors than may travel at once.

    There have to be more bytes than groups of descriptors; a message has.
    """
    view = memoryview(data)
    groups = [list(fds[start : start + MOST_AT_ONCE]) for start in range(0, len(fds), MOST_AT_ONCE)] or [[]]
    last = len(groups) - 1
    return [
        (view[number:] if number == last else view[number : number + 1], group) for number, group in enumerate(groups)
    ]
