"""The reverse proxy with TLS: certificates by host, what belongs on which connection, TLS towards its sites."""

import asyncio
import shutil
import socket
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from g3_proxyproto import Inet, pack_v2
from g3_tls import Alert, pack_alert, pack_client_hello
from loopback import read_to_end, run
from proxy import Address, listening, origin, read_response, replying, talk
from quic import port as quic_port
from quic import quic, udp_bound
from server.test_http_rproxy import fields, get, rproxy, status, to
from serving import serving, with_servers
from tls.secure import NAME, OK, ca, connect, secure_origin, trusting

NOBODY = pack_alert(Alert.UNRECOGNIZED_NAME)


def tls(folder: Path, *names: str) -> dict[str, Any]:
    """`tls_server` with one certificate for these names; its common name is the first."""
    return {"cert_pairs": [authority().issue(*names, common_name=names[0]).pair(folder, names[0].strip("*."))]}


def secured(*hosts: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return rproxy(*hosts, enable_tls_server=True, **keys)


async def common_name(address: Address, name: str) -> str:
    """That of the certificate that a client gets who asks for this name; nobody's with an empty one."""
    client = authority().client()
    client.check_hostname = False
    _, writer = await connect(address, client, name=name)
    found: str = writer.get_extra_info("peercert")["subject"][0][0][1]
    writer.close()
    return found


async def ask(address: Address, name: str, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """The head and the body of one answer over a fresh connection."""
    reader, writer = await connect(address, context, name=name)
    writer.write(request)
    try:
        return b"".join(await read_response(reader))
    finally:
        writer.close()


def test_each_host_has_its_certificate_and_its_site(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            heads, ports = [], []
            for _ in range(3):
                handler, seen = replying(OK, OK)
                ports.append((await stack.enter_async_context(origin(handler)))[1])
                heads.append(seen)
            server = secured(
                to(ports[0], "a.test", tls_server=tls(tmp_path, "a.test")),
                to(ports[1], child_match="b.test", tls_server=tls(tmp_path, "*.b.test", "b.test")),
                to(ports[2], "c.test"),
                global_tls_server=tls(tmp_path, "c.test"),
            )
            p = await stack.enter_async_context(serving(server))
            for number, name in enumerate(("a.test", "x.b.test", "c.test")):
                assert await common_name(p.addresses["rp"], name) == ("a.test", "*.b.test", "c.test")[number]
                assert status(await ask(p.addresses["rp"], name, get(name, b"Connection: close"))) == 200
                assert fields(heads[number][0], b"host") == [name.encode()]
            records = await p.records.wait(3, task_event="Finished")
            assert [record["uri"] for record in records] == [
                f"https://{name}/path?q" for name in ("a.test", "x.b.test", "c.test")
            ]

    run(main())


def test_the_hosts_of_one_tls_share_connections_and_others_are_misdirected(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(*[OK] * 4)
        async with origin(handler) as (_, port):
            own = tls(tmp_path, "a.test")
            server = secured(
                to(port, "a.test", tls_server=own),
                to(port, "a2.test", tls_server=dict(own)),
                to(port, "c.test"),
                to(port, "d.test"),
                global_tls_server=tls(tmp_path, "c.test", "d.test"),
            )
            async with serving(server) as p:
                address = p.addresses["rp"]
                for name, host, expected in (
                    ("a.test", "a2.test", 200),  # equal settings are one TLS
                    ("c.test", "d.test", 200),
                    ("a.test", "c.test", 421),
                    ("c.test", "a.test", 421),
                    ("c.test", "x.test", 404),
                ):
                    assert status(await ask(address, name, get(host, b"Connection: close"))) == expected, host
                assert len(heads) == 2
                assert p.worker.modules is not None
                assert p.worker.modules.servers["rp"].stats.dest_denied == 3

    run(main())


def test_a_misdirected_request_behind_a_good_one(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with origin(handler) as (_, port):
            server = secured(
                to(port, "a.test", tls_server=tls(tmp_path, "a.test")),
                to(port, "b.test", tls_server=tls(tmp_path, "b.test")),
            )
            async with serving(server) as p:
                reader, writer = await connect(p.addresses["rp"], name="a.test")
                writer.write(get("a.test") + get("b.test") + get("a.test"))
                assert status((await read_response(reader))[0]) == 200
                assert status((await read_response(reader))[0]) == 421
                assert await reader.read() == b""
                writer.close()
                assert len(heads) == 1

    run(main())


def test_nobody_gets_past_client_certificates_by_another_name(tmp_path: Path) -> None:
    alice = authority().issue(client=True, common_name="alice").write(tmp_path, "alice")
    private = tls(tmp_path, "private.test") | {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}

    async def main() -> None:
        handler, heads = replying(OK)
        async with origin(handler) as (_, port):
            public = tls(tmp_path, "public.test")
            server = secured(
                to(port, "private.test", tls_server=private), to(port, set_default=True, tls_server=public)
            )
            async with serving(server) as p:
                address = p.addresses["rp"]
                assert status(await ask(address, "public.test", get("private.test"))) == 421
                with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                    await ask(address, "private.test", get("private.test"))
                assert heads == []
                known = authority().client()
                known.load_cert_chain(*alice)
                assert status(await ask(address, "private.test", get("private.test"), known)) == 200

    run(main())


@pytest.mark.parametrize(
    "said",
    [
        pack_client_hello(bytes(32), server_name="x.test"),
        pack_client_hello(bytes(32), server_name="plain.test"),
        pack_client_hello(bytes(32), server_name="256.1.1.1"),
        pack_client_hello(bytes(32)),
    ],
)
def test_a_host_without_tls_is_not_known(said: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        sites = to(1, "a.test", tls_server=tls(tmp_path, "a.test")), to(2, "plain.test")
        async with serving(secured(*sites)) as p:
            assert await talk(p.addresses["rp"], said) == NOBODY
            assert "the TLS handshake failed: unrecognized_name (" in caplog.text
            assert p.worker.modules is not None
            stats = p.worker.modules.servers["rp"].stats
            assert (stats.dest_denied, stats.task_total) == (1, 0)

    run(main())


def test_clients_that_name_no_host(tmp_path: Path) -> None:
    """They get what is there for the address, for all others, or for all."""

    async def main() -> None:
        one, two, three = (tls(tmp_path, name) for name in ("one.test", "two.test", "three.test"))
        address_site = to(1, "127.0.0.1", tls_server=one)
        default = to(1, "a.test", set_default=True, tls_server=two)
        named = to(1, "a.test", tls_server=two)
        for hosts, expected in (
            ((address_site, default), "one.test"),
            ((default, to(1, "192.0.2.1", tls_server=one)), "two.test"),
            ((named,), "three.test"),
        ):
            async with serving(secured(*hosts, global_tls_server=three)) as p:
                assert await common_name(p.addresses["rp"], "") == expected

    run(main())


def test_the_address_of_a_client_that_names_no_host_is_that_of_a_proxy_header(tmp_path: Path) -> None:
    async def main() -> None:
        header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 443))
        port = {"name": "port", "type": "plain_tcp_port", "server": "rp", "proxy_protocol": 2}
        handler, heads = replying(OK)
        async with origin(handler) as (_, at):
            site = to(at, "192.0.2.8", tls_server=tls(tmp_path, "192.0.2.8"))
            async with serving(secured(site), port) as p:
                client = authority().client()
                client.check_hostname = False  # or Python would send a name

                def visit() -> bytes:
                    with socket.create_connection(p.addresses["port"]) as raw:
                        raw.sendall(header)
                        with client.wrap_socket(raw) as sock:
                            sock.sendall(get("192.0.2.8", b"Connection: close"))
                            return sock.recv(65536)

                assert status(await asyncio.to_thread(visit)) == 200
                assert fields(heads[0], b"x-forwarded-for") == [b"192.0.2.7"]

    run(main())


@pytest.mark.parametrize(
    ("said", "answer", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", b"", "not_tls (the stream does not begin with a handshake record)"),
        (b"\x16\x03\x01\x00\x05\x02", pack_alert(Alert.UNEXPECTED_MESSAGE), "message (a handshake message that is no"),
        (b"\x16\x03\x01\x02", b"", "closed (the peer closed before its ClientHello was complete)"),
    ],
)
def test_what_is_no_hello_is_refused_with_a_reason(
    said: bytes, answer: bytes, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(secured(to(1), global_tls_server=tls(tmp_path, "a.test"))) as p:
            assert await talk(p.addresses["rp"], said, end=True) == answer
            assert f"the TLS handshake failed: {reason}" in caplog.text

    run(main())


def test_a_hello_has_its_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        keys = {"client_hello_recv_timeout": "50ms", "global_tls_server": tls(tmp_path, "a.test")}
        async with serving(secured(to(1), **keys)) as p:
            assert await talk(p.addresses["rp"], b"\x16\x03\x01\x02\x00\x01") == b""
            assert "no TLS handshake in time" in caplog.text
            assert p.worker.modules is not None
            assert p.worker.modules.servers["rp"].stats.listen_timeout == 1

    run(main())


def test_a_client_that_is_gone_before_its_hello(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(secured(to(1), global_tls_server=tls(tmp_path, "a.test"))) as p:
            assert await talk(p.addresses["rp"], b"\x16", end=True) == b""  # everything is running
            sock = socket.create_connection(p.addresses["rp"])
            sock.send(b"\x16")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
            assert p.worker.modules is not None
            server = p.worker.modules.servers["rp"]
            while server.stats.connection_total < 2:
                await asyncio.sleep(0)
            await server.connections_done()
            assert "closed: " in caplog.text

    run(main())


def test_a_hello_byte_by_byte(tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        async with AsyncExitStack() as stack:
            _, port = await stack.enter_async_context(origin(handler))
            async with serving(secured(to(port), global_tls_server=tls(tmp_path, "a.test"))) as p:
                loop = asyncio.get_running_loop()
                inc, out = ssl.MemoryBIO(), ssl.MemoryBIO()
                client = authority().client().wrap_bio(inc, out, server_hostname="a.test")
                with socket.create_connection(p.addresses["rp"]) as sock:
                    sock.setblocking(False)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    while True:
                        try:
                            client.do_handshake()
                            break
                        except ssl.SSLWantReadError:
                            for byte in out.read():
                                await loop.sock_sendall(sock, bytes((byte,)))
                                await asyncio.sleep(0)
                            inc.write(await loop.sock_recv(sock, 65536))
                    client.write(get("a.test", b"Connection: close"))
                    await loop.sock_sendall(sock, out.read())
                    data, _ = await read_to_end(sock)
                    inc.write(data)
                    assert client.read(65536).startswith(b"HTTP/1.1 200")

    run(main())


def test_sessions_are_resumed_at_their_own_site_alone(tmp_path: Path) -> None:
    def visit(address: Address, name: str, session: ssl.SSLSession | None) -> tuple[Any, bool | None]:
        context = clients
        with (
            socket.create_connection(address) as raw,
            context.wrap_socket(raw, server_hostname=name, session=session) as sock,
        ):
            sock.sendall(get(name, b"Connection: close"))
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            return sock.session, sock.session_reused

    clients = authority().client()

    async def main() -> None:
        handler, _ = replying(*[OK] * 3)
        async with origin(handler) as (_, port):
            server = secured(
                to(port, "a.test", tls_server=tls(tmp_path, "a.test")),
                to(port, "b.test", tls_server=tls(tmp_path, "b.test")),
                tls_ticketer={"local_lifetime": 3600},
            )
            async with serving(server) as p:
                session, reused = await asyncio.to_thread(visit, p.addresses["rp"], "a.test", None)
                assert not reused
                assert (await asyncio.to_thread(visit, p.addresses["rp"], "a.test", session))[1]
                assert not (await asyncio.to_thread(visit, p.addresses["rp"], "b.test", session))[1]

    run(main())


def test_the_scheme_of_an_absolute_target_is_that_of_the_connection(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with AsyncExitStack() as stack:
            _, port = await stack.enter_async_context(origin(handler))
            async with serving(secured(to(port), global_tls_server=tls(tmp_path, "a.test"))) as p:
                address = p.addresses["rp"]
                for scheme, expected in ((b"http", 421), (b"wss", 421), (b"HTTPS", 200)):
                    answer = await ask(address, "a.test", get("a.test", target=scheme + b"://a.test/x"))
                    assert status(answer) == expected
                assert heads[0].startswith(b"GET /x HTTP/1.1\r\n")

    run(main())


@pytest.mark.parametrize("kind", ["plain_tls_port", "native_tls_port"])
def test_behind_a_port_that_ends_tls(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        port = {
            "name": "port",
            "type": kind,
            "server": "rp",
            "tls_server": tls(tmp_path, "a.test"),
        }
        async with origin(handler) as (_, at), serving(rproxy(to(at)), port) as p:
            assert status(await ask(p.addresses["port"], "a.test", get("a.test", target=b"https://a.test/"))) == 200
            assert (await p.task_record())["uri"] == "https://a.test/"

    run(main())


def test_behind_a_port_for_quic(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        front = quic_port(tls(tmp_path, NAME), server="rp")
        async with AsyncExitStack() as stack:
            _, at = await stack.enter_async_context(origin(handler))
            p = await stack.enter_async_context(
                serving(rproxy(to(at), append_forwarded_for="standard"), front, sockets={"port": udp_bound()})
            )
            client = await stack.enter_async_context(quic(p.addresses["port"]))
            reader, writer = await client.create_stream()
            writer.write(get("a.test", target=b"https://a.test/"))
            assert (await read_response(reader))[1] == b"ok"
            writer.write_eof()
            assert fields(heads[0], b"forwarded") == [b"for=127.0.0.1;by=127.0.0.1"]

    run(main())


def test_tls_inside_tls_is_refused_even_where_nobody_checked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A configuration that was put together by hand: the loader would have said so."""

    async def main() -> None:
        own = tls(tmp_path, "a.test")
        port = {"name": "port", "type": "plain_tls_port", "server": "rp", "tls_server": own}
        sockets = {"rp": listening(), "port": listening()}
        async with serving(rproxy(to(1)), port, sockets=sockets) as p:
            config = with_servers(rproxy(to(1)), port)
            inner = with_servers(secured(to(1), global_tls_server=own)).servers["rp"]
            p.worker.prepare(replace(config, servers={**config.servers, "rp": inner}))
            p.worker.commit({name: [sock] for name, sock in sockets.items()})
            reader, writer = await connect(p.addresses["port"], name="a.test")
            assert await reader.read() == b""
            writer.close()
            assert "TLS inside TLS" in caplog.text

    run(main())


def test_tls_towards_a_site_verifies_its_own_name(tmp_path: Path) -> None:
    async def main() -> None:
        leaf = authority().issue("inner.test")
        handler, _ = replying(OK, OK)
        async with secure_origin(handler, leaf, tmp_path) as (_, port):
            site = {"upstream": f"origin.test:{port}", "tls_client": trusting(tmp_path)}
            named = {"exact_match": "a.test", "tls_name": "inner.test", **site}
            wrong = {"exact_match": "b.test", **site}
            async with serving(rproxy(named, wrong)) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["rp"])
                for host, expected in (("a.test", 200), ("b.test", 525), ("a.test", 200)):
                    writer.write(get(host))
                    head, body = await read_response(reader)
                    assert status(head) == expected
                    assert b"inner.test" not in body
                writer.close()
                records = await p.records.wait(3, task_event="Finished")
                assert [record["reason"] for record in records] == [
                    "Finished",
                    "UpstreamTlsHandshakeFailed",
                    "Finished",
                ]

    run(main())


def test_a_site_that_wants_a_certificate_gets_that_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        seen: list[object] = []

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(writer.get_extra_info("peercert")["subject"][0][0][1])
            seen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)

        leaf = authority().issue("origin.test")
        pairs = [authority().issue(client=True, common_name=name).pair(tmp_path, name) for name in ("one", "two")]
        async with secure_origin(handler, leaf, tmp_path, clients=authority()) as (_, port):
            sites = [
                {
                    "exact_match": host,
                    "upstream": f"origin.test:{port}",
                    "tls_client": trusting(tmp_path) | {"cert_pair": pair},
                }
                for host, pair in zip(("a.test", "b.test"), pairs, strict=True)
            ]
            async with serving(rproxy(*sites)) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["rp"])
                for host in ("a.test", "b.test", "b.test"):
                    writer.write(get(host))
                    assert status((await read_response(reader))[0]) == 200
                writer.close()
                assert seen == ["one", "http/1.1", "two", "http/1.1"]

    run(main())


def test_a_renewed_certificate_makes_another_server_and_nothing_else_does(tmp_path: Path) -> None:
    server = secured(to(1), global_tls_server=tls(tmp_path, "a.test"))
    before = with_servers(server).servers["rp"]
    assert with_servers(server).servers["rp"] == before
    tls(tmp_path, "a.test")
    assert with_servers(server).servers["rp"] != before


def test_curl_and_openssl_by_name(tmp_path: Path) -> None:
    curl, openssl = shutil.which("curl"), shutil.which("openssl")
    if curl is None or openssl is None:
        pytest.skip("curl or openssl is not installed")

    async def call(*command: str, said: bytes = b"") -> tuple[bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        return await process.communicate(said)

    async def main() -> None:
        handler, heads = replying(*[OK] * 4)
        async with origin(handler) as (_, at):
            server = secured(
                to(at, "a.test", tls_server=tls(tmp_path, "a.test")),
                to(at, child_match="b.test", tls_server=tls(tmp_path, "*.b.test")),
            )
            async with serving(server) as p:
                port = p.addresses["rp"][1]
                names = ("a.test", "x.b.test")
                resolve = [word for name in names for word in ("--resolve", f"{name}:{port}:127.0.0.1")]
                urls = [f"https://{name}:{port}/" for name in names for _ in range(2)]
                options = ["-sS", "--noproxy", "*", "--cacert", ca(tmp_path), *resolve]
                assert await call(curl, *options, *urls) == (b"okokokok", b"")
                assert len(heads) == 4
                for name, alert in (("x.b.test", b""), ("other.test", b"unrecognized name")):
                    command = ["s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-alpn", "http/1.1"]
                    out, err = await call(openssl, *command)
                    assert alert in err
                    assert (b"CN=*.b.test" in out.replace(b" ", b"")) is (not alert)
                    assert (b"ALPN protocol: http/1.1" in out) is (not alert)

    run(main())
