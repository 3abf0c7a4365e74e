"""Real sockets on the loopback for the tests of the daemon; every wait has an end."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that any test may take before it is said to hang."""


def run(main: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
    """Run one test on a fresh event loop, the same kind as the daemon's; within so many seconds."""

    async def limited() -> T:
        async with asyncio.timeout(patience):
            return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(limited())


def tcp_pair(family: socket.AddressFamily = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
    """Two connected TCP sockets, non-blocking; (client, server)."""
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listener.listen()
        client = socket.socket(family)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    client.setblocking(False)
    server.setblocking(False)
    return client, server


async def read_to_end(sock: socket.socket) -> tuple[bytes, OSError | None]:
    """All bytes up to the end of the stream, and the error if it was no orderly end."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    try:
        while piece := await loop.sock_recv(sock, 1 << 16):
            data += piece
    except OSError as error:
        return bytes(data), error
    return bytes(data), None


async def read_exactly(sock: socket.socket, size: int) -> bytes:
    """Exactly so many bytes; fails at an earlier end."""
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < size:
        piece = await loop.sock_recv(sock, size - len(data))
        assert piece, f"the end after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


async def arrived(sock: socket.socket, size: int = 1) -> None:
    """Wait until so many unread bytes lie in the kernel for this socket."""
    while True:
        try:
            if len(sock.recv(size, socket.MSG_PEEK)) >= size:
                return
        except BlockingIOError:
            pass
        await asyncio.sleep(0)
