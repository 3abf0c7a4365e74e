"""SOCKS5 proxies as next hops for the tests: daemons of ours, and one that says what it is told to say."""

import asyncio
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from g3_socks import pack_header
from proxy import Address, Handler, Proxy
from serving import serving

GREETING, CHOICE = b"\5\1\0", b"\5\0"
"""Ours without credentials, and the proxy's answer."""
LOGIN = b"\5\2\2\0"
"""Ours with credentials."""
HERE = IPv4Address("127.0.0.1")
ANY = IPv4Address(0)


def request(host: str | IPv4Address | IPv6Address, port: int, command: int = 1) -> bytes:
    """What a SOCKS5 client asks for (RFC 1928 section 4)."""
    return bytes((5, command)) + pack_header(host, port)[2:]


def reply(code: int = 0, host: str | IPv4Address | IPv6Address = ANY, port: int = 0) -> bytes:
    """What it is answered (RFC 1928 section 6)."""
    return bytes((5, code)) + pack_header(host, port)[2:]


ASSOCIATE = request(ANY, 0, 3)


def saying(*turns: tuple[bytes, bytes], then: Handler | None = None) -> Handler:
    """A proxy that hears exactly the first of each pair, and answers with the second."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for heard, said in turns:
            assert await reader.readexactly(len(heard)) == heard
            writer.write(said)
        if then is not None:
            await then(reader, writer)

    return handler


async def until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that only waits for the end."""
    await reader.read()


def joined(address: Address) -> str:
    """As a configuration has it."""
    return f"{address[0]}:{address[1]}"


def last(**keys: Any) -> AbstractAsyncContextManager[Proxy]:
    """A SOCKS proxy that connects straight to targets."""
    return serving({"name": "socks", "type": "socks_proxy", "escaper": "direct", **keys})


def through(address: Address, socks: dict[str, Any] | None = None, **keys: Any) -> AbstractAsyncContextManager[Proxy]:
    """An HTTP and a SOCKS proxy whose next hop is the SOCKS5 proxy at this address."""
    return serving(
        {"name": "http", "type": "http_proxy", "escaper": "direct"},
        {"name": "socks", "type": "socks_proxy", "escaper": "direct", **(socks or {})},
        escaper={"type": "proxy_socks5", "proxy_addr": joined(address), **keys},
    )
