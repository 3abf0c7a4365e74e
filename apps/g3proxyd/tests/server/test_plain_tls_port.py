"""Ports that end TLS in front of other servers: what gets through, what is refused, and reloads."""

import asyncio
import random
import shutil
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import pytest
from certificates import Leaf, authority
from g3_proxyproto import Inet, pack_v2
from g3proxyd.tls import openssl
from g3proxyd.worker.worker import Quit
from loopback import read_to_end, run
from proxy import Address, echo, listening, origin, read_response, replying
from serving import serving, with_servers
from tls.secure import GRANTED, NAME, OK, ca, connect, get
from udp import UdpClient, bound, peer

T = TypeVar("T")

HTTP = {"name": "http", "type": "http_proxy", "escaper": "direct"}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "direct"}
HEADER = pack_v2(Inet(ip_address("192.0.2.7"), 4711), Inet(ip_address("198.51.100.9"), 443))
TYPES = pytest.mark.parametrize("kind", ["plain_tls_port", "native_tls_port"])


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`tls_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


def port(tls: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "port", "type": "plain_tls_port", "server": "http", "tls_server": tls, **keys}


def tunnel(to: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % to


def socks5(to: int) -> bytes:
    """The greeting and the request, sent together."""
    return b"\x05\x01\0" + b"\x05\x01\0\x01\x7f\0\0\x01" + to.to_bytes(2, "big")


@TYPES
def test_requests_and_tunnels_through_a_port(tls: dict[str, Any], kind: str) -> None:
    async def main() -> None:
        async with (
            serving(HTTP, port(tls, type=kind)) as p,
            origin(replying(OK)[0]) as (_, site),
            origin(echo) as (_, to),
        ):
            reader, writer = await connect(p.addresses["port"])
            writer.write(get(site))
            assert (await read_response(reader))[1] == b"ok"
            data = random.Random(1).randbytes(2_000_000)
            writer.write(tunnel(to) + b"early" + data)
            said = GRANTED + b"early" + data
            assert await reader.readexactly(len(said)) == said
            writer.close()
            records = await p.records.wait(2, task_event="Finished")
            assert [r["server_name"] for r in records] == ["http", "http"]
            assert records[1]["reason"] == "Finished"
            assert records[1]["c_rd_bytes"] == records[1]["c_wr_bytes"] == len(data) + 5  # bytes without TLS's own
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert [servers[name].stats.connection_total for name in ("port", "http")] == [1, 1]
            assert servers["port"].type_name == {"plain_tls_port": "PlainTlsPort"}.get(kind, "NativeTlsPort")

    run(main())


def test_socks_inside_tls(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(SOCKS, port(tls, server="socks")) as p, origin(echo) as (_, to):
            reader, writer = await connect(p.addresses["port"])
            data = random.Random(2).randbytes(1_000_000)
            writer.write(socks5(to) + b"early" + data)
            assert (await reader.readexactly(12)).startswith(b"\x05\0\x05\0\0\x01")
            assert await reader.readexactly(len(data) + 5) == b"early" + data
            writer.close()
            record = await p.task_record()
            assert (record["server_type"], record["reason"]) == ("SocksProxy", "Finished")
            assert record["c_rd_bytes"] == record["c_wr_bytes"] == len(data) + 5

    run(main())


def test_datagrams_beside_a_socks_connection_inside_tls(tls: dict[str, Any]) -> None:
    """They travel without TLS; the association ends with the TLS connection, and with nothing less."""

    async def main() -> None:
        with peer() as site, bound() as sock:
            async with serving(SOCKS, port(tls, server="socks")) as p:
                reader, writer = await connect(p.addresses["port"])
                writer.write(b"\x05\x01\0" + b"\x05\x03\0\x01\0\0\0\0\0\0")
                answer = await reader.readexactly(12)
                assert answer[:6] == b"\x05\0\x05\0\0\x01"
                client = UdpClient(reader, writer, sock)
                client.relay = (str(ip_address(answer[6:10])), int.from_bytes(answer[10:], "big"))
                for payload in (b"one", b"two"):
                    assert (await client.exchange(ip_address(site[0]), site[1], payload))[2] == payload
                writer.close()
                (record,) = await p.records.wait(task_event="Finished")
                assert record["reason"] == "ClosedByClient"

    run(main())


def test_both_protocols_inside_tls(tls: dict[str, Any]) -> None:
    both = {"name": "both", "type": "intelli_proxy", "http_server": "http", "socks_server": "socks"}

    async def main() -> None:
        async with serving(HTTP, SOCKS, both, port(tls, server="both")) as p, origin(echo) as (_, to):
            for said, answer in ((tunnel(to), len(GRANTED)), (socks5(to), 12)):
                reader, writer = await connect(p.addresses["port"])
                writer.write(said + b"x")
                assert (await reader.readexactly(answer + 1))[-1:] == b"x"
                writer.close()
            names = [r["server_name"] for r in await p.records.wait(2, task_event="Finished")]
            assert sorted(names) == ["http", "socks"]

    run(main())


async def through_tls(address: Address, before: bytes, said: bytes, size: int) -> bytes:
    """Send something together with the hello, then say something inside TLS and return so many bytes."""
    loop = asyncio.get_running_loop()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority().client().wrap_bio(incoming, outgoing, server_hostname=NAME)
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)

        async def turn(step: Callable[[], T]) -> T:
            nonlocal before
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    await loop.sock_sendall(sock, before + outgoing.read())
                    before = b""
                    data = await loop.sock_recv(sock, 65536)
                    assert data, "closed"
                    incoming.write(data)

        await turn(client.do_handshake)
        client.write(said)
        data = b""
        while len(data) < size:
            data += await turn(lambda: client.read(65536))
        return data


@pytest.mark.parametrize("name", ["http", "socks"])
def test_a_proxy_header_before_tls(tls: dict[str, Any], name: str) -> None:
    async def main() -> None:
        async with serving(HTTP, SOCKS, port(tls, server=name, proxy_protocol=2)) as p, origin(echo) as (_, to):
            said, size = (tunnel(to), len(GRANTED)) if name == "http" else (socks5(to), 12)
            assert (await through_tls(p.addresses["port"], HEADER, said + b"x", size + 1)).endswith(b"x")
            record = await p.task_record()
            assert (record["client_addr"], record["server_addr"]) == ("192.0.2.7:4711", "198.51.100.9:443")

    run(main())


def test_a_proxy_header_inside_tls_is_for_the_port_behind(tls: dict[str, Any]) -> None:
    inner = {"name": "inner", "type": "plain_tcp_port", "server": "http", "proxy_protocol": 2}

    async def main() -> None:
        async with serving(HTTP, inner, port(tls, server="inner")) as p, origin(echo) as (_, to):
            said = HEADER + tunnel(to) + b"x"
            assert await through_tls(p.addresses["port"], b"", said, len(GRANTED) + 1) == GRANTED + b"x"
            assert (await p.task_record())["client_addr"] == "192.0.2.7:4711"

    run(main())


async def refused(address: Address, said: bytes, *, end: bool = True) -> bytes:
    """Say something that is no TLS; return what is answered."""
    with socket.create_connection(address) as sock:
        sock.setblocking(False)
        sock.send(said)
        if end:
            sock.shutdown(socket.SHUT_WR)
        return (await read_to_end(sock))[0]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET http://a/ HTTP/1.1\r\n\r\n", "plain_http"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", "plain_http"),
        (b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01\0\x50", "not_tls"),
        (HEADER, "not_tls"),
        (b"\x16\x03\x01\x02", "truncated"),
        (b"", "truncated"),
    ],
)
def test_plain_text_into_tls(tls: dict[str, Any], said: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port(tls)) as p:
            answer = await refused(p.addresses["port"], said)
            assert answer[:1] in (b"", b"\x15")  # an alert at most
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert servers["http"].stats.connection_total == 0

    run(main())
    (message,) = caplog.messages
    assert message.startswith(f"server port: refused a connection from 127.0.0.1: the TLS handshake failed: {reason}")


def test_a_client_that_is_gone_before_its_hello(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port(tls)) as p:
            await refused(p.addresses["port"], b"")  # everything is running
            sock = socket.create_connection(p.addresses["port"])
            sock.send(b"\x16")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
            server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
            while server.stats.connection_total < 2:
                await asyncio.sleep(0)
            await server.connections_done()

    run(main())
    assert caplog.messages[1].startswith("server port: refused a connection from 127.0.0.1: closed: ")


def test_a_slow_hello_is_over_time(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port({**tls, "handshake_timeout": "50ms"})) as p:
            assert await refused(p.addresses["port"], b"\x16\x03\x01\x02\0\x01", end=False) == b""
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert servers["port"].stats.listen_timeout == 1

    run(main())
    assert caplog.messages == ["server port: refused a connection from 127.0.0.1: no TLS handshake in time"]


def shake_hands(address: Address, name: str) -> None:
    """As the ssl module does it, which sends the alert that says what is wrong."""
    with socket.create_connection(address) as sock, authority().client().wrap_socket(sock, server_hostname=name):
        pass


def test_clients_and_certificates(tls: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A client that does not find whom it looked for goes away; one without a certificate is not let in."""
    right = authority().issue(client=True).write(tmp_path, "alice")

    async def main() -> None:
        demanding = {**tls, "enable_client_auth": True, "ca_certificate": ca(tmp_path)}
        front = port(demanding, name="strict")
        async with serving(HTTP, port(tls), front) as p, origin(replying(OK)[0]) as (_, site):
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.to_thread(shake_hands, p.addresses["port"], "other.test")
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                reader, writer = await connect(p.addresses["strict"])
                writer.write(get(site))
                await reader.readexactly(1)
            client = authority().client()
            client.load_cert_chain(*right)
            reader, writer = await connect(p.addresses["strict"], client)
            writer.write(get(site))
            assert (await read_response(reader))[1] == b"ok"
            writer.close()
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert servers["http"].stats.connection_total == 1

    run(main())
    assert any("server port" in line and "alert:" in line for line in caplog.messages), caplog.messages
    assert any("server strict" in line and "no_certificate" in line for line in caplog.messages), caplog.messages


def lifetime(address: Address) -> int:
    """How long the ticket that a client gets is good for."""
    client = authority().client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # whose tickets come with the handshake
    with socket.create_connection(address) as raw, client.wrap_socket(raw, server_hostname=NAME) as sock:
        assert sock.session is not None
        return sock.session.ticket_lifetime_hint


@pytest.mark.skipif(not openssl.available(), reason="OpenSSL's functions are not at hand")
@pytest.mark.parametrize("kind", ["plain_tls_port", "native_tls_port", "tls_stream"])
def test_tickets_last_as_long_as_the_ticketer_says(tls: dict[str, Any], kind: str) -> None:
    more: dict[str, Any] = {"server": "http"}
    if kind == "tls_stream":
        more = {"escaper": "direct", "upstream": "127.0.0.1:1"}

    async def main() -> None:
        server = {"name": "port", "type": kind, "tls_server": tls, "tls_ticketer": {"local_lifetime": 60}, **more}
        async with serving(HTTP, server) as p:
            assert await asyncio.to_thread(lifetime, p.addresses["port"]) == 60

    run(main())


def test_filters_of_the_server_behind(tls: dict[str, Any]) -> None:
    async def main() -> None:
        only_client = {"default": "forbid", "allow": "192.0.2.7", "forbid": "127.0.0.1"}
        http = {**HTTP, "ingress_network_filter": only_client}
        async with serving(http, port(tls), port(tls, name="told", proxy_protocol=2)) as p, origin(echo) as (_, to):
            reader, writer = await connect(p.addresses["port"])
            writer.write(tunnel(to))
            assert await reader.read() == b""
            writer.close()
            assert await through_tls(p.addresses["told"], HEADER, tunnel(to), len(GRANTED)) == GRANTED
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert servers["http"].stats.listen_dropped == 1

    run(main())


def test_tls_is_not_spoken_inside_tls(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """No configuration leads there. If one did, nobody would get past what the server behind demands."""

    async def main() -> None:
        sockets = {"http": listening(), "port": listening()}
        async with serving(HTTP, port(tls), sockets=sockets) as p:
            config = with_servers(HTTP, port(tls))
            front: Any = config.servers["port"]
            http = config.servers["http"].model_copy(update={"tls_server": front.tls_server})
            p.worker.prepare(replace(config, servers={"http": http, "port": front}))
            p.worker.commit({name: [sock] for name, sock in sockets.items()})
            reader, writer = await connect(p.addresses["port"])
            assert await reader.read() == b""
            writer.close()

    run(main())
    (message,) = caplog.messages
    assert message.startswith("server http: refused a connection from 127.0.0.1: TLS inside TLS: ")


def test_curl_through_a_port(tls: dict[str, Any], tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)

        async with serving(HTTP, port(tls)) as p, origin(serve) as (_, site):
            options = ["-sS", "--proxy-cacert", ca(tmp_path), "--noproxy", "", "--max-time", "10"]
            options += ["-x", f"https://127.0.0.1:{p.addresses['port'][1]}"]
            for more in ([], ["--proxytunnel"]):
                process = await asyncio.create_subprocess_exec(
                    *(curl, *options, *more, f"http://127.0.0.1:{site}/"),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                assert await process.communicate() == (b"ok", b"")

    run(main())


def test_openssl_through_a_port(tls: dict[str, Any], tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")

    async def main() -> None:
        async with serving(HTTP, port(tls, type="native_tls_port")) as p, origin(echo) as (_, to):
            process = await asyncio.create_subprocess_exec(
                *(program, "s_client", "-quiet", "-connect", f"127.0.0.1:{p.addresses['port'][1]}"),
                *("-servername", NAME, "-verify_return_error", "-verify_hostname", NAME, "-CAfile", ca(tmp_path)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(tunnel(to) + b"said")
            assert await process.stdout.readexactly(len(GRANTED) + 4) == GRANTED + b"said"
            process.terminate()
            await process.communicate()

    run(main())


def names_of(leaf: Leaf, folder: Path, name: str) -> dict[str, Any]:
    return {"cert_pairs": [leaf.pair(folder, name)]}


def test_a_reload_brings_a_new_certificate_and_keeps_what_runs(tmp_path: Path) -> None:
    old_tls = names_of(authority().issue(NAME, common_name="old"), tmp_path, "old")
    new_tls = names_of(authority().issue(NAME, common_name="new"), tmp_path, "new")

    async def main() -> None:
        sockets = {"port": listening(), "http": listening()}

        async def shown() -> str:
            _, writer = await connect(p.addresses["port"])
            subject: Any = writer.get_extra_info("peercert")["subject"]
            writer.close()
            return str(subject[0][0][1])

        async with serving(port(old_tls), HTTP, sockets=sockets) as p, origin(echo) as (_, to):
            reader, writer = await connect(p.addresses["port"])
            writer.write(tunnel(to))
            assert await reader.readexactly(len(GRANTED)) == GRANTED
            assert await shown() == "old"
            before = p.worker.modules
            assert before is not None
            for tls, kept in ((old_tls, True), (new_tls, False)):
                p.worker.prepare(with_servers(port(tls), HTTP))
                p.worker.commit({name: [sock] for name, sock in sockets.items()})
                after = p.worker.modules
                assert after is not None
                assert after.servers["http"] is before.servers["http"]
                assert (after.servers["port"] is before.servers["port"]) is kept
            assert await shown() == "new"
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.close()
            await before.servers["port"].connections_done()

    run(main())


def test_a_drain_waits_for_a_tunnel_behind_tls(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(HTTP, port(tls)) as p, origin(echo) as (_, to):
            reader, writer = await connect(p.addresses["port"])
            writer.write(tunnel(to))
            assert await reader.readexactly(len(GRANTED)) == GRANTED
            p.worker.quit(Quit.GRACEFUL)
            while not p.worker.offline:
                await asyncio.sleep(0.01)
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.close()
            await p.running
            assert (await p.task_record())["reason"] == "Finished"

    run(main())
