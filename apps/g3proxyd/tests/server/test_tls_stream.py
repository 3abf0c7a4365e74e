"""A server that leads to fixed places, for clients that speak TLS."""

import asyncio
import logging
import random
import shutil
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from daemon import free_port
from g3_proxyproto import Inet, pack_v1
from loopback import run
from proxy import echo, listening, origin, talk
from serving import serving, with_servers
from tls.secure import NAME, ca, connect, cut, secure_origin, trusting


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`tls_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME).pair(tmp_path)]}


def stream(tls: dict[str, Any], to: int, **keys: Any) -> dict[str, Any]:
    fixed = {"name": "stream", "type": "tls_stream", "escaper": "direct", "tls_server": tls}
    return {**fixed, "upstream": f"127.0.0.1:{to}", **keys}


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that speaks first, and last."""
    writer.write(b"220 hello\r\n")


async def echo_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that says what it hears, until "end"."""
    data = b""
    while not data.endswith(b"end"):
        data = await reader.read(65536)
        writer.write(data)
        await writer.drain()


def test_tls_here_and_plain_there(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with origin(echo) as (_, to), serving(stream(tls, to)) as p:
            reader, writer = await connect(p.addresses["stream"])
            data = random.Random(3).randbytes(2_000_000)
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            record = await p.task_record()
            assert (record["server_type"], record["server_name"]) == ("TlsStream", "stream")
            assert (record["task_type"], record["reason"]) == ("TcpConnect", "Finished")
            assert record["upstream"] == record["next_peer_addr"] == f"127.0.0.1:{to}"
            counted = [record[name] for name in ("c_rd_bytes", "r_wr_bytes", "r_rd_bytes", "c_wr_bytes")]
            assert counted == [len(data)] * 4

    run(main())


def test_an_origin_that_speaks_first_and_ends(tls: dict[str, Any]) -> None:
    """Its end is an end to the client: TLS's own."""

    async def main() -> None:
        async with origin(greet) as (_, to), serving(stream(tls, to)) as p:
            reader, writer = await connect(p.addresses["stream"])
            assert await reader.read() == b"220 hello\r\n"
            writer.close()
            assert (await p.task_record())["reason"] == "Finished"

    run(main())


def test_tls_on_both_sides(tls: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        leaf = authority().issue("127.0.0.1")
        data = random.Random(4).randbytes(1_000_000) + b"end"
        async with (
            secure_origin(echo_one, leaf, tmp_path) as (_, to),
            serving(stream(tls, to, tls_client=trusting(tmp_path))) as p,
        ):
            reader, writer = await connect(p.addresses["stream"])
            writer.write(data)
            assert await reader.read() == data
            writer.close()
            record = await p.task_record()
            assert (record["reason"], record["c_rd_bytes"], record["c_wr_bytes"]) == ("Finished", len(data), len(data))

    run(main())


def test_behind_a_port_whose_header_counts(tls: dict[str, Any]) -> None:
    """The hello comes behind the header, through a port that leaves TLS alone."""

    async def main() -> None:
        port = {"name": "port", "type": "plain_tcp_port", "server": "stream", "proxy_protocol": 1}
        async with origin(echo) as (_, to), serving(port, stream(tls, to)) as p:
            loop = asyncio.get_running_loop()
            reader, writer = await asyncio.open_connection(*p.addresses["port"])
            writer.write(pack_v1(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 6)))
            protocol = writer.transport.get_protocol()
            transport = await loop.start_tls(writer.transport, protocol, authority().client(), server_hostname=NAME)
            assert transport is not None
            transport.write(b"inside")
            assert await reader.readexactly(6) == b"inside"
            transport.close()
            record = await p.task_record()
            assert (record["client_addr"], record["server_addr"]) == ("192.0.2.7:5", "192.0.2.8:6")

    run(main())


def test_without_an_upstream_the_client_is_closed_in_order(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(stream(tls, free_port())) as p:
            reader, writer = await connect(p.addresses["stream"])
            assert await reader.read() == b""
            writer.close()
            assert (await p.task_record())["reason"] == "UpstreamNotConnected"

    run(main())


def test_plain_text_and_wrong_certificates_cost_no_task(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with origin(echo) as (_, to), serving(stream(tls, to)) as p:
            assert (await talk(p.addresses["stream"], b"EHLO a.test\r\n", end=True))[:1] in (b"", b"\x15")
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(p.addresses["stream"], name="other.test")
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            await servers["stream"].connections_done()
            assert servers["stream"].stats.task_total == 0

    with caplog.at_level(logging.WARNING):
        run(main())
    first, second = caplog.messages
    assert first.startswith("server stream: refused a connection from 127.0.0.1: the TLS handshake failed: not_tls")
    assert second.startswith("server stream: refused a connection from 127.0.0.1: the TLS handshake failed: ")


def test_a_cut_off_client_is_no_end(tls: dict[str, Any]) -> None:
    """What came may be a part: the upstream is not told that it is all."""
    ended: list[bytes | None] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        try:
            ended.append(await reader.read())
        except ConnectionResetError:
            ended.append(None)

    async def main() -> None:
        async with origin(hear) as (_, to), serving(stream(tls, to)) as p:
            reader, writer = await connect(p.addresses["stream"])
            writer.write(b"part")
            assert await reader.readexactly(4) == b"part"
            cut(writer)
            record = await p.task_record()
            assert record["reason"] == "ClientTcpReadFailed"
            writer.transport.abort()
            while not ended:
                await asyncio.sleep(0)
        assert ended == [None]

    run(main())


def test_openssl_is_a_client(tls: dict[str, Any], tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")

    async def main() -> None:
        async with origin(echo) as (_, to), serving(stream(tls, to)) as p:
            for version in ("-tls1_2", "-tls1_3"):
                process = await asyncio.create_subprocess_exec(
                    *(openssl, "s_client", "-quiet", version, "-connect", f"127.0.0.1:{p.addresses['stream'][1]}"),
                    *("-servername", NAME, "-verify_return_error", "-verify_hostname", NAME, "-CAfile", ca(tmp_path)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(b"said")
                assert await process.stdout.readexactly(4) == b"said"
                process.terminate()
                await process.communicate()

    run(main())


def test_a_reload_leads_elsewhere_and_keeps_what_runs(tls: dict[str, Any]) -> None:
    async def main() -> None:
        sockets = {"stream": listening()}
        async with (
            origin(echo) as (_, before),
            origin(greet) as (_, after),
            serving(stream(tls, before), sockets=sockets) as p,
        ):
            reader, writer = await connect(p.addresses["stream"])
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            p.worker.prepare(with_servers(stream(tls, after)))
            p.worker.commit({name: [sock] for name, sock in sockets.items()})
            new_reader, new_writer = await connect(p.addresses["stream"])
            assert await new_reader.read() == b"220 hello\r\n"
            new_writer.close()
            writer.write(b"two")
            assert await reader.readexactly(3) == b"two"
            writer.close()

    run(main())
