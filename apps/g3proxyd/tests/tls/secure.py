"""Clients and origins that speak TLS, and the configuration that trusts them."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from certificates import Authority, Leaf, authority
from proxy import Address, Handler

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NAME = "proxy.test"
GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def ca(folder: Path) -> str:
    path = folder / "ca.crt"
    path.write_bytes(authority().pem)
    return str(path)


def trusting(folder: Path) -> dict[str, Any]:
    """`tls_client` that trusts the tests' authority alone."""
    return {"ca_certificate": ca(folder), "no_default_ca_certificate": True}


async def connect(
    address: Address, context: ssl.SSLContext | None = None, name: str = NAME
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address, ssl=context or authority().client(), server_hostname=name)


def get(port: int, scheme: bytes = b"http", host: bytes = b"127.0.0.1") -> bytes:
    return b"GET %b://%b:%d/ HTTP/1.1\r\nHost: %b:%d\r\n\r\n" % (scheme, host, port, host, port)


def cut(writer: asyncio.StreamWriter) -> None:
    """End the connection under its TLS."""
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as sock:
        sock.shutdown(socket.SHUT_WR)


@contextlib.asynccontextmanager
async def secure_origin(
    handler: Handler, leaf: Leaf, folder: Path, *, clients: Authority | None = None, **more: Any
) -> AsyncIterator[Address]:
    """A server that speaks TLS, to those alone who have a certificate of ``clients`` if that is set."""
    context = leaf.server(folder)
    context.set_alpn_protocols(["http/1.1"])
    if clients is not None:
        context.load_verify_locations(cadata=clients.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    for name, value in more.items():
        setattr(context, name, value)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
