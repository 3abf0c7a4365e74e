"""A real FTP server, pyftpdlib, in a thread; and one that says what a test tells it to."""

import asyncio
import contextlib
import logging
import socket
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from g3proxyd.io.stream import RESET_ON_CLOSE
from proxy import origin

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Python's asyncore, which pyftpdlib is made of
    # It has no types.
    from pyftpdlib.authorizers import DummyAuthorizer  # type: ignore[import-untyped]
    from pyftpdlib.handlers import FTPHandler  # type: ignore[import-untyped]
    from pyftpdlib.ioloop import IOLoop  # type: ignore[import-untyped]
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]


LAST_WORDS = CLOSE, RESET = b"|close|", b"|reset|"


@contextlib.contextmanager
def ftp_site(folder: Path, host: str = "127.0.0.1", **options: Any) -> Iterator[tuple[str, int]]:
    """Serve a folder: anybody may read, ``user`` with the password ``p@ss w`` may write; ``options`` of the handler."""
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(folder))
    authorizer.add_user("user", "p@ss w", str(folder), perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0, **options})
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    loop = IOLoop()
    server = FTPServer((host, 0), handler, ioloop=loop)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            loop.loop(timeout=0.02, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.address[:2]
    finally:
        stop.set()
        thread.join()
        server.close_all()


@contextlib.asynccontextmanager
async def scripted(
    replies: dict[str, bytes], data: bytes = b"", *, greeting: bytes = b"220 ready\r\n", reset: bool = False
) -> AsyncIterator[tuple[tuple[str, int], list[str], bytearray]]:
    """A server that answers each verb as told; its address, the commands it got, and what was uploaded.

    ``{port}`` in a reply stands for the port of its data connection, which sends ``data`` and closes. What is behind
    ``|later|`` is said after that. A reply that ends in ``|close|`` or ``|reset|`` is the last word of the control
    connection.
    """
    commands: list[str] = []
    uploaded = bytearray()
    passed = asyncio.Event()

    async def transfer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.close()
        elif not data:
            uploaded.extend(await reader.read())
        passed.set()

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            commands.append(line.decode().rstrip("\r\n"))
            reply = replies.get(commands[-1].partition(" ")[0], b"502 unknown\r\n")
            first, _, later = reply.replace(b"{port}", str(port).encode()).partition(b"|later|")
            writer.write(first.removesuffix(CLOSE).removesuffix(RESET))
            await writer.drain()
            if later:
                await passed.wait()
                writer.write(later.removesuffix(CLOSE).removesuffix(RESET))
            if (later or first).endswith(LAST_WORDS):
                if (later or first).endswith(RESET):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.close()
                return

    async with origin(transfer) as (_, port), origin(control) as address:
        yield address, commands, uploaded
