"""A server that leads to fixed places, over TLS."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from certificates import Leaf, authority
from g3_proxyproto import Inet, pack_v2
from loopback import run
from proxy import Address, Handler, echo, origin, talk
from serving import serving


@contextlib.asynccontextmanager
async def secure_origin(handler: Handler, leaf: Leaf, folder: Path) -> AsyncIterator[Address]:
    """A server that speaks TLS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=leaf.server(folder))
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


async def echo_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say what is heard, until "end"."""
    data = b""
    while not data.endswith(b"end"):
        data = await reader.read(65536)
        writer.write(data)
        await writer.drain()


def stream(to: int, folder: Path, host: str = "127.0.0.1", **keys: Any) -> dict[str, Any]:
    path = folder / "ca.crt"
    path.write_bytes(authority().pem)
    tls = {"ca_certificate": str(path), "no_default_ca_certificate": True}
    upstream = {"upstream": f"{host}:{to}", "tls_client": tls}
    return {"name": "stream", "type": "tcp_stream", "escaper": "direct", **upstream, **keys}


@pytest.mark.parametrize(
    ("host", "keys"), [("127.0.0.1", {}), ("origin.test", {}), ("127.0.0.1", {"upstream_tls_name": "Origin.test"})]
)
def test_plain_here_and_tls_there(host: str, keys: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        leaf = authority().issue("origin.test", *(["127.0.0.1"] if not keys else []))
        data = random.Random(1).randbytes(2_000_000) + b"end"
        async with (
            secure_origin(echo_one, leaf, tmp_path) as (_, to),
            serving(stream(to, tmp_path, host, **keys)) as p,
        ):
            reader, writer = await asyncio.open_connection(*p.addresses["stream"])
            writer.write(data)
            assert await reader.read(-1) == data
            writer.close()
            record = await p.task_record()
            assert (record["upstream"], record["reason"]) == (f"{host}:{to}", "Finished")
            assert record["c_rd_bytes"] == record["c_wr_bytes"] == len(data)

    run(main())


def test_early_bytes_go_ahead(tmp_path: Path) -> None:
    async def main() -> None:
        leaf = authority().issue("127.0.0.1")
        port = {"name": "port", "type": "plain_tcp_port", "server": "stream", "proxy_protocol": 2}
        header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 6))
        async with secure_origin(echo_one, leaf, tmp_path) as (_, to), serving(port, stream(to, tmp_path)) as p:
            assert await talk(p.addresses["port"], header + b"early end") == b"early end"
            record = await p.task_record()
            assert [record[name] for name in ("c_rd_bytes", "r_wr_bytes", "r_rd_bytes", "c_wr_bytes")] == [9] * 4

    run(main())


def test_somebody_else_answers(tmp_path: Path) -> None:
    async def main() -> None:
        leaf = authority().issue("other.test")
        async with secure_origin(echo_one, leaf, tmp_path) as (_, to), serving(stream(to, tmp_path)) as p:
            assert await talk(p.addresses["stream"], b"") == b""
            record = await p.task_record()
            assert (record["reason"], record["stage"]) == ("UpstreamTlsHandshakeFailed", "Connected")

    run(main())


def test_an_upstream_without_tls_and_a_silent_one(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass

    async def main() -> None:
        for handler, reason in ((echo, "UpstreamTlsHandshakeFailed"), (silent, "UpstreamTlsHandshakeTimeout")):
            async with origin(handler) as (_, to):
                server = stream(to, tmp_path)
                server["tls_client"]["handshake_timeout"] = "200ms"
                async with serving(server) as p:
                    assert await talk(p.addresses["stream"], b"") == b""
                    assert (await p.task_record())["reason"] == reason

    run(main())
