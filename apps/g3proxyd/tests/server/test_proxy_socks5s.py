"""Connections through a SOCKS5 proxy that is spoken to by TLS, and the datagrams beside."""

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, authority
from chain import HERE, joined, through
from g3_socks import Connect, RefusedError, Reply, Socks5Client
from loopback import run
from proxy import Proxy, echo, listening, origin, read_response, talk
from server.test_proxy_socks5 import tunnel
from server.test_socks_proxy import through as socks_client
from serving import serving
from tls.secure import GRANTED, OK, ca, get, secure_origin, trusting
from udp import associated, peer

FULL = {"use_udp_associate": True}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "direct", **FULL}


def secure(folder: Path, *names: str, **tls: Any) -> AbstractAsyncContextManager[Proxy]:
    """A SOCKS proxy behind a port that ends TLS, with a certificate for these names."""
    pair = authority().issue(*(names or ("127.0.0.1",))).pair(folder)
    server = {"cert_pairs": [pair], **tls}
    return serving(SOCKS, {"name": "port", "type": "plain_tls_port", "server": "socks", "tls_server": server})


def client(p: Proxy, folder: Path, **keys: Any) -> AbstractAsyncContextManager[Proxy]:
    """A proxy whose next hop is that one."""
    keys = {"tls_client": trusting(folder), **keys}
    return through(p.addresses["port"], FULL, type="proxy_socks5s", **keys)


def test_tunnels_requests_and_datagrams(tmp_path: Path) -> None:
    async def main() -> None:
        bulk = random.Random(1).randbytes(3_000_000)
        async with secure(tmp_path) as exit_, client(exit_, tmp_path) as p, origin(echo) as (_, to):
            assert (
                await talk(p.http, tunnel("origin.test", to) + b"early" + bulk, end=True) == GRANTED + b"early" + bulk
            )
            _, answer = await socks_client(p.socks, Socks5Client(Connect("origin.test", to)), bulk)
            assert answer == bulk
            async with associated(p.socks) as udp:
                with peer() as (_, port), peer() as (_, other):
                    for number in range(20):
                        payload = b"%d" % number * 50
                        target = (port, other)[number % 2]
                        assert await udp.exchange(HERE, target, payload) == (HERE, target, payload)
            records = await p.records.wait(3, log_type="Task", task_event="Finished")
            assert [record["reason"] for record in records] == ["Finished", "Finished", "ClosedByClient"]
            # The association ends with an orderly end of TLS.
            there = await exit_.records.wait(3, log_type="Task", task_event="Finished")
            assert [record["reason"] for record in there] == ["Finished", "Finished", "ClosedByClient"]

    run(main())


def test_tls_inside_of_tls(tmp_path: Path) -> None:
    """An https URI through the next proxy: its TLS ends here."""

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET / "):
                writer.write(OK)

        leaf = authority().issue("origin.test")
        async with secure(tmp_path) as exit_, secure_origin(answer, leaf, tmp_path) as (_, to):
            more = {"name": "http", "type": "http_proxy", "escaper": "direct", "tls_client": trusting(tmp_path)}
            keys = {"proxy_addr": joined(exit_.addresses["port"]), "tls_client": trusting(tmp_path)}
            async with serving(more, escaper={"type": "proxy_socks5s", **keys}) as p:
                reader, writer = await asyncio.open_connection(*p.http)
                for _ in range(3):
                    writer.write(get(to, b"https", b"origin.test"))
                    assert (await read_response(reader))[1] == b"ok"
                writer.close()

    run(main())


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("proxy.test",), {"tls_name": "Proxy.test"}),
        (("proxy.test", "127.0.0.1"), {}),
        (("127.0.0.2",), {"tls_name": "127.0.0.2"}),
    ],
)
def test_names(tmp_path: Path, names: tuple[str, ...], keys: dict[str, str]) -> None:
    async def main() -> None:
        async with (
            secure(tmp_path, *names) as exit_,
            client(exit_, tmp_path, **dict(keys)) as p,
            origin(echo) as (_, to),
        ):
            assert await talk(p.http, tunnel("origin.test", to) + b"x", end=True) == GRANTED + b"x"

    run(main())


async def refused(p: Proxy) -> tuple[dict[str, Any], dict[str, Any]]:
    """The task's and the escape log's record of an HTTP request, after a SOCKS request with the same outcome."""
    with pytest.raises(RefusedError) as caught:
        await socks_client(p.socks, Socks5Client(Connect("a.test", 1)))
    assert caught.value.code is Reply.GENERAL_FAILURE
    status = (await talk(p.http, tunnel("a.test", 1), end=True))[9:12]
    tasks = await p.records.wait(2, log_type="Task", task_event="Finished")
    escapes = await p.records.wait(2, log_type="Escape")
    assert tasks[0]["reason"] == tasks[1]["reason"]
    return {"status": status, **tasks[1]}, escapes[1]


@pytest.mark.parametrize("how", ["name", "expired", "issuer", "tls_name"])
def test_certificates_that_are_wrong(tmp_path: Path, how: str) -> None:
    async def main() -> None:
        day = timedelta(days=1)
        issuer = Authority("another") if how == "issuer" else authority()
        valid = (-2 * day, -day) if how == "expired" else (-day, day)
        leaf = issuer.issue("127.0.0.9" if how == "name" else "127.0.0.1", valid=valid)
        keys = {"tls_name": "proxy.test"} if how == "tls_name" else {}
        async with secure_origin(echo, leaf, tmp_path) as address:
            wanted: dict[str, Any] = {"type": "proxy_socks5s", "tls_client": trusting(tmp_path), **keys}
            async with through(address, FULL, **wanted) as p:
                task, escape = await refused(p)
                assert (task["status"], task["reason"]) == (b"500", "UpstreamTlsHandshakeFailed")
                assert (escape["escape_type"], escape["escaper_type"]) == ("TlsHandshake", "ProxySocks5s")
                assert escape["tls_name"] == keys.get("tls_name", "127.0.0.1")
                assert escape["tls_peer"] == joined(address)
                async with associated(p.socks) as udp:
                    udp.send(HERE, 7, b"x")
                    await udp.ended()
                (record,) = await p.records.wait(task_type="UdpAssociate", task_event="Finished")
                assert record["reason"] == "UpstreamTlsHandshakeFailed"

    run(main())


def test_a_proxy_that_wants_to_know_who_we_are(tmp_path: Path) -> None:
    async def main() -> None:
        demand = {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}
        pair = authority().issue(client=True, common_name="our proxy").pair(tmp_path, "ours")
        async with secure(tmp_path, **demand) as exit_, origin(echo) as (_, to):
            async with client(exit_, tmp_path, tls_client={**trusting(tmp_path), "cert_pair": pair}) as p:
                assert await talk(p.http, tunnel("origin.test", to) + b"x", end=True) == GRANTED + b"x"
            async with client(exit_, tmp_path) as p:
                task, _ = await refused(p)
                # TLS 1.3 tells a client only after its own handshake is complete.
                assert task["reason"] in ("UpstreamTlsHandshakeFailed", "UpstreamNotNegotiated")

    run(main())


def test_a_proxy_that_speaks_no_tls(tmp_path: Path) -> None:
    async def main() -> None:
        keys: dict[str, Any] = {"type": "proxy_socks5s", "tls_client": trusting(tmp_path)}
        async with serving(SOCKS) as plain, through(plain.socks, **keys) as p:
            assert (await refused(p))[0]["reason"] == "UpstreamTlsHandshakeFailed"
        keys["tls_client"] = {**trusting(tmp_path), "handshake_timeout": "50ms"}
        with listening() as silent:
            async with through(silent.getsockname(), **keys) as p:
                task, escape = await refused(p)
                assert (task["reason"], escape["escape_type"]) == ("UpstreamTlsHandshakeTimeout", "TlsHandshake")

    run(main())
