"""The hot upgrade: a successor takes the listening sockets of a running daemon, which drains once it is told to.

Both sides speak JSON, a message a line, over the control socket after ``POST /v1/handover``:

- new: ``{"op": "take"}``: descriptors that came with the answer to the request would be lost
- old: ``{"op": "sockets", "keys": [[identity, index], ...]}`` with as many descriptors, any number of times
- old: ``{"op": "end", "pid": 1}``, or ``{"op": "refused", "reason": "..."}``
- new: ``{"op": "ready", "kept": [[identity, index], ...]}`` once it accepts
- old: ``{"op": "going"}``, and it closes its sockets

A successor that closes the connection or says nothing before it is ready changes nothing in the old daemon.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..control.client import ControlClient, ControlError
from . import descriptors
from .sockets import Key

__all__ = ["HandoverError", "Predecessor", "give", "meet"]

PATIENCE = 120.0
"""Seconds that a successor has to build everything and start its workers."""

ANSWER_PATIENCE = 30.0
"""Seconds that a running daemon has for each of its words."""

MAX_LINE = 1 << 20
"""Bytes of a message: 200 keys are some kilobytes, and a successor that keeps thousands of sockets a megabyte."""


class HandoverError(Exception):
    """The sockets cannot be handed over; the text says why."""


class Predecessor:
    """A running daemon, as its successor sees it. Everything here blocks: nothing else is going on yet."""

    def __init__(self, sock: socket.socket, early: bytes = b"") -> None:
        """``sock`` is the connection after the switch, with a timeout; ``early`` has come with the switch."""
        self.pid = 0
        self.sockets: dict[Key, socket.socket] = {}
        """What the daemon listens on."""
        self._sock = sock
        self._inbox = bytearray(early)
        self._fds: list[int] = []

    def take(self) -> None:
        """Receive the sockets. Raises HandoverError."""
        try:
            self._sock.sendall(b'{"op": "take"}\n')
            while True:
                message = self._receive()
                match message:
                    case {"op": "sockets", "keys": list(keys)} if len(keys) <= len(self._fds):
                        for identity, index in keys:
                            self.sockets[Key(str(identity), int(index))] = socket.socket(fileno=self._fds.pop(0))
                    case {"op": "end", "pid": int(pid)}:
                        self.pid = pid
                        return
                    case {"op": "refused", "reason": reason}:
                        raise HandoverError(f"the running daemon does not hand over: {reason}")
                    case _:
                        raise HandoverError(f"the running daemon says what nobody understands: {str(message)[:100]}")
        except (OSError, ValueError, TypeError) as error:
            self.close()
            raise HandoverError(f"the running daemon did not hand its sockets over: {error}") from None
        except HandoverError:
            self.close()
            raise

    def release(self, kept: Sequence[Key]) -> None:
        """Tell the daemon that we accept, on these of its sockets, and wait for its word. Raises HandoverError."""
        try:
            message = {"op": "ready", "kept": [[key.identity, key.index] for key in kept]}
            self._sock.sendall(json.dumps(message).encode() + b"\n")
            answer = self._receive()
        except (OSError, ValueError) as error:
            raise HandoverError(f"the running daemon gave no answer: {error}") from None
        finally:
            self._sock.close()
        if answer != {"op": "going"}:
            raise HandoverError(f"the running daemon stays: {str(answer)[:100]}")

    def close(self) -> None:
        """Give up: the daemon goes on as if nothing had been. May be called again."""
        self._sock.close()
        for sock in self.sockets.values():
            sock.close()
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self.sockets.clear()

    def _receive(self) -> Any:
        """The next message. Raises OSError and ValueError."""
        while b"\n" not in self._inbox:
            if len(self._inbox) > MAX_LINE:
                raise ValueError("a message has no end")
            data, fds = descriptors.receive(self._sock)
            if not data:
                raise ConnectionError("it closed the connection")
            self._inbox += data
            self._fds += fds
        line, _, rest = bytes(self._inbox).partition(b"\n")
        self._inbox = bytearray(rest)
        return json.loads(line)


def meet(path: Path) -> Predecessor | None:
    """The daemon that listens at this control socket, with its sockets; None if there is none.

    Raises HandoverError if there is one and it does not hand over.
    """
    try:
        client = ControlClient(path, ANSWER_PATIENCE)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return None
    except OSError as error:
        raise HandoverError(f"cannot reach the running daemon: {error}") from None
    try:
        sock, early = client.handover()
    except ControlError as error:
        client.close()
        raise HandoverError(f"the running daemon does not hand over: {error}") from None
    predecessor = Predecessor(sock, early)
    predecessor.take()
    return predecessor


async def give(sock: socket.socket, early: bytes, sockets: Mapping[Key, socket.socket]) -> list[Key]:
    """Hand the sockets to a successor and wait until it is ready; return those that it keeps. Raises HandoverError.

    ``sock`` is non-blocking and stays the caller's, who answers with `tell` and closes it.
    """
    keys = list(sockets)
    inbox = bytearray(early)
    try:
        async with asyncio.timeout(PATIENCE):
            if await receive(sock, inbox) != {"op": "take"}:
                raise HandoverError("the successor does not begin as it should")
            for start in range(0, len(keys), descriptors.MOST_AT_ONCE):
                some = keys[start : start + descriptors.MOST_AT_ONCE]
                message = {"op": "sockets", "keys": [[key.identity, key.index] for key in some]}
                await tell(sock, message, [sockets[key].fileno() for key in some])
            await tell(sock, {"op": "end", "pid": os.getpid()})
            message = await receive(sock, inbox)
        match message:
            case {"op": "ready", "kept": list(kept)}:
                known = {(key.identity, key.index): key for key in keys}
                return [known[identity, index] for identity, index in kept if (identity, index) in known]
    except TimeoutError:
        raise HandoverError(f"the successor was not ready within {PATIENCE:g} seconds") from None
    except OSError as error:
        raise HandoverError(f"the successor is gone: {error}") from None
    except (ValueError, TypeError) as error:
        raise HandoverError(f"the successor says what nobody understands: {error}") from None
    raise HandoverError(f"the successor says what nobody understands: {str(message)[:100]}")


async def receive(sock: socket.socket, inbox: bytearray) -> Any:
    """Receive the next message; ``inbox`` holds what came before and what comes after. Raises as `give` does."""
    loop = asyncio.get_running_loop()
    while b"\n" not in inbox:
        if len(inbox) > MAX_LINE:
            raise HandoverError("the successor's message has no end")
        data = await loop.sock_recv(sock, 65536)
        if not data:
            raise HandoverError("the successor has given up")
        inbox += data
    line, _, rest = bytes(inbox).partition(b"\n")
    inbox[:] = rest
    return json.loads(line)


async def tell(sock: socket.socket, message: object, fds: Sequence[int] = ()) -> None:
    """Send one message over a non-blocking socket, with at most `MOST_AT_ONCE` descriptors. Raises OSError."""
    loop = asyncio.get_running_loop()
    data = json.dumps(message).encode() + b"\n"
    while True:
        try:
            sent = descriptors.send(sock, data, fds)
            break
        except BlockingIOError:
            room = loop.create_future()
            loop.add_writer(sock, room.set_result, None)
            try:
                await room
            finally:
                loop.remove_writer(sock)
    if sent < len(data):  # to send nothing fails as well once the other side has heard enough and closed
        await loop.sock_sendall(sock, data[sent:])
