"""The control socket: who may connect, how many at once, and the life of the socket's file."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import h11

from ..io.listener import EXHAUSTED
from .connection import Connection, Handover, Limits, pack_document, pack_error
from .operations import Operations
from .socket_file import SocketFile, open_socket

__all__ = ["ControlServer", "Limits", "peer_pid", "peer_uid"]

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before accepting is tried again when the system has run out of something."""


def peer_uid(sock: socket.socket) -> int:
    """The effective user of the process that connected, at the time when it did (unix(7), SO_PEERCRED)."""
    return _credentials(sock)[1]


def peer_pid(sock: socket.socket) -> int:
    """The process that connected."""
    return _credentials(sock)[0]


def _credentials(sock: socket.socket) -> tuple[int, int, int]:
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", credentials)
    return pid, uid, gid


class ControlServer:
    """Serves the control interface at some paths, to this process's user and to root."""

    def __init__(
        self,
        operations: Operations,
        paths: Iterable[Path],
        limits: Limits | None = None,
        handover: Handover | None = None,
        *,
        uid_of: Callable[[socket.socket], int] = peer_uid,
    ) -> None:
        """``handover`` takes the connection of a successor, see `connection.Handover`; without it they are refused."""
        self._operations = operations
        self._paths = tuple(paths)
        self._limits = limits or Limits()
        self._handover = handover
        self._uid_of = uid_of
        self._listening: dict[socket.socket, SocketFile] = {}
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._strangers: set[int] = set()

    async def start(self) -> None:
        """Begin to serve. Raises OSError; nothing is left behind then."""
        try:
            for path in self._paths:
                self.listen(path)
        except BaseException:
            self._stop_listening()
            raise

    def listen(self, path: Path) -> None:
        """Serve at one more path, in the place of whoever had it. Raises OSError."""
        sock, file = open_socket(path)
        self._listening[sock] = file
        self._accept_from(sock)

    def take_back(self) -> bool:
        """Serve again at each path that others have taken or removed meanwhile; return whether any had to be.

        Raises OSError.
        """
        lost = [(sock, file) for sock, file in self._listening.items() if not file.ours()]
        for sock, file in lost:
            self.listen(file.path)
            self._stop_listening_at(sock)
        return bool(lost)

    async def close(self) -> None:
        """Stop: remove what files are still ours, let operations under way answer for a moment, cut off the rest.

        It may be called from within an operation, whose own connection then stays for its answer.
        """
        self._stop_listening()
        others = {task: item for task, item in self._connections.items() if task is not asyncio.current_task()}
        for connection in self._connections.values():
            connection.last = True
        for task, connection in others.items():
            if not connection.busy:
                task.cancel()
        if others:
            _, late = await asyncio.wait(others, timeout=self._limits.close_timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _accept_from(self, sock: socket.socket) -> None:
        self._resting.pop(sock, None)
        asyncio.get_running_loop().add_reader(sock, self._acceptable, sock)

    def _acceptable(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                log.error("control: cannot accept on %s: %s; trying again", self._listening[listening].path, error)
                loop = asyncio.get_running_loop()
                loop.remove_reader(listening)
                self._resting[listening] = loop.call_later(PAUSE, self._accept_from, listening)
            return
        sock.setblocking(False)
        uid = self._uid_of(sock)
        if uid not in (0, os.geteuid()):
            sock.close()
            if uid not in self._strangers:
                self._strangers.add(uid)
                log.warning("control: the user %d may not connect", uid)
        elif len(self._connections) >= self._limits.connections:
            self._refuse(sock)
        else:
            self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock, self._operations, self._limits, self._handover)
        task = asyncio.get_running_loop().create_task(connection.run(), name="control connection")
        self._connections[task] = connection
        # Not at the end of the task itself: one that is cancelled before it begins has no end.
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).close()

    def _refuse(self, sock: socket.socket) -> None:
        """One client too many is told so; it fits into any socket's buffer."""
        body = pack_document(pack_error("busy", f"{self._limits.connections} connections are there already"))
        http = h11.Connection(h11.SERVER)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        data = http.send(h11.Response(status_code=503, headers=headers, reason=b"Service Unavailable"))
        with sock:
            try:
                sock.send((data or b"") + body)
            except OSError as error:
                log.debug("control: a client is gone: %s", error)

    def _stop_listening(self) -> None:
        for sock in list(self._listening):
            self._stop_listening_at(sock)

    def _stop_listening_at(self, sock: socket.socket) -> None:
        file = self._listening.pop(sock)
        timer = self._resting.pop(sock, None)
        if timer is not None:
            timer.cancel()
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()
        try:
            file.remove()
        except OSError as error:
            log.warning("control: cannot remove the socket: %s", error)
