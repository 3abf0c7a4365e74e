"""The fields by which chained proxies tell what they know (g3's X-BD fields)."""

import asyncio
import base64
import json
import socket
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from ftp_site import ftp_site
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.task.chained_info import ChainedInfo
from loopback import run
from proxy import Address, Handler, echo, origin, proxy, read_response, replying, talk

OK = b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok"
ALL = {"server_id": "one more", "http_forward_mark_upstream": True, "echo_chained_info": True}


def get(port: int, *more: bytes, method: bytes = b"GET", scheme: bytes = b"http") -> bytes:
    lines = b"".join(line + b"\r\n" for line in (b"Connection: close", *more))
    return b"%b %b://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n" % (method, scheme, port, port, lines)


def chained(response: bytes) -> list[tuple[str, str]]:
    """The X-BD fields of a response, in their order."""
    lines = response.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    fields = [line.partition(": ") for line in lines if line.startswith("X-BD-")]
    return [(name, value) for name, _, value in fields]


async def ask(p: Address, request: bytes) -> list[tuple[str, str]]:
    return chained(await talk(p, request))


def noting() -> tuple[Handler, list[str]]:
    """An origin that notes who connects to it."""
    seen: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append("{}:{}".format(*writer.get_extra_info("peername")))
        writer.write(OK % b"")

    return handler, seen


def test_a_response_tells_how_its_server_was_reached() -> None:
    async def main() -> None:
        handler, seen = noting()
        async with proxy(http=ALL, escaper={"bind_ip": "127.0.0.1"}) as p, origin(handler) as (_, port):
            remote = f"127.0.0.1:{port}"
            assert await ask(p.http, get(port)) == [
                ("X-BD-Upstream-Id", "one more"),
                ("X-BD-Upstream-Addr", remote),
                ("X-BD-Outgoing-IP", "127.0.0.1"),
                ("X-BD-Remote-Connection-Info", f"one more; bind=127.0.0.1; local={seen[0]}; remote={remote}"),
            ]

    run(main())


def test_what_was_published_of_the_way_out(tmp_path: Path) -> None:
    known = {"isp": "Exämple; Net", "eip": "203.0.113.9", "area": "cn/beijing", "expire": "2130-01-02T03:04:05.5Z"}
    (tmp_path / "binds").write_text(json.dumps({"ip": "127.0.0.2", **known}))

    async def main() -> None:
        handler, _ = replying(OK % b"")
        escaper = {"type": "direct_float", "cache_ipv4": str(tmp_path / "binds")}
        async with proxy(http={"server_id": "a"}, escaper=escaper) as p, origin(handler) as (_, port):
            connection, egress = await ask(p.http, get(port))
            assert connection[1].endswith(f"; remote=127.0.0.1:{port}; expire=2130-01-02T03:04:05.500000Z")
            assert egress == (
                "X-BD-Dynamic-Egress-Info",
                f"a; isp={base64.b64encode('Exämple; Net'.encode()).decode()}; ip=203.0.113.9; area=Y24vYmVpamluZw==",
            )
            record = await p.task_record()
            assert (record["next_bind_ip"], record["next_expire"]) == ("127.0.0.2", "2130-01-02T03:04:05.500000Z")

    run(main())


def test_each_field_has_its_own_key() -> None:
    async def main() -> None:
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({}, []),
            ({"server_id": "a"}, ["Remote-Connection-Info"]),
            ({"server_id": "a", "http_forward_mark_upstream": True}, ["Upstream-Id", "Remote-Connection-Info"]),
            ({"http_forward_mark_upstream": True}, []),
            ({"echo_chained_info": True}, ["Upstream-Addr", "Outgoing-IP"]),
        ]
        for config, names in cases:
            handler, _ = replying(OK % b"")
            async with proxy(http=config) as p, origin(handler) as (_, port):
                found = await ask(p.http, get(port))
                assert [name.removeprefix("X-BD-") for name, _ in found] == names

    run(main())


def test_what_is_nearest_to_the_remote_side_counts_and_each_proxy_adds_its_connection() -> None:
    async def main() -> None:
        next_proxy = (
            b"X-BD-Upstream-Id: far\r\nx-bd-upstream-addr: 192.0.2.1:80\r\nX-BD-Outgoing-IP: 192.0.2.2\r\n"
            b"X-BD-Remote-Connection-Info: far; remote=192.0.2.1:80\r\n"
        )
        handler, _ = replying(OK % next_proxy)
        async with proxy(http=ALL) as p, origin(handler) as (_, port):
            response = await talk(p.http, get(port))
            found = chained(response)
            assert b"\r\nx-bd-upstream-addr: 192.0.2.1:80\r\n" in response
            assert found[0] == ("X-BD-Upstream-Id", "far")
            assert [value.partition(";")[0] for name, value in found if name.endswith("Info")] == ["far", "one more"]
            assert len(found) == 4

    run(main())


def test_interim_responses_tell_nothing_and_a_kept_connection_tells_the_same_again() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK % b"", OK % b"")
        async with proxy(http=ALL) as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            request = get(port).replace(b"Connection: close\r\n", b"")
            writer.write(request)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\n\r\n"
            first = chained((await read_response(reader))[0])
            writer.write(request)
            assert chained((await read_response(reader))[0]) == first != []
            writer.close()

    run(main())


def test_tunnels_tell_it_too_but_not_that_the_remote_side_answered() -> None:
    async def main() -> None:
        async with proxy(http=ALL) as p, origin(echo) as (_, port):
            request = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\nearly" % (port, port)
            response = await talk(p.http, request, end=True)
            assert response.startswith(b"HTTP/1.1 200 Connection established\r\n")
            assert response.endswith(b"\r\n\r\nearly")
            names = [name.removeprefix("X-BD-") for name, _ in chained(response)]
            assert names == ["Upstream-Addr", "Outgoing-IP", "Remote-Connection-Info"]

    run(main())


def test_a_switch_of_protocols_is_a_response_of_the_remote_side() -> None:
    async def main() -> None:
        switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"
        handler, _ = replying(switch)
        async with proxy(http=ALL) as p, origin(handler) as (_, port):
            request = get(port, b"Connection: Upgrade", b"Upgrade: other")
            assert (await ask(p.http, request))[0] == ("X-BD-Upstream-Id", "one more")

    run(main())


def test_refusals_tell_what_was_tried() -> None:
    async def main() -> None:
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            port = dead.getsockname()[1]
            async with proxy(http={**ALL, "dst_port_filter": [port]}) as p:
                connect = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                for request in (get(port), connect % port, get(port, scheme=b"ftp")):
                    assert await ask(p.http, request) == [
                        ("X-BD-Upstream-Addr", f"127.0.0.1:{port}"),
                        ("X-BD-Remote-Connection-Info", f"one more; remote=127.0.0.1:{port}"),
                    ]
                for request in (get(1), connect % 1, get(1, scheme=b"ftp")):  # forbidden before anything is tried
                    assert await ask(p.http, request) == [("X-BD-Remote-Connection-Info", "one more")]

    run(main())


def test_replies_about_ftp(tmp_path: Path) -> None:
    async def main() -> None:
        async with proxy(http=ALL) as p:
            names = [name.removeprefix("X-BD-") for name, _ in await ask(p.http, get(port, scheme=b"ftp"))]
            assert names == ["Upstream-Addr", "Outgoing-IP", "Remote-Connection-Info"]

    with ftp_site(tmp_path) as (_, port):
        run(main())


def test_ipv6() -> None:
    connect = ConnectNotes(
        next_bind_ip=IPv6Address("2001:db8::1"),
        next_bound_addr=("2001:db8::1", 4660, 0, 0),
        next_peer_addr=("2001:db8::2", 80, 0, 0),
    )
    assert ChainedInfo("a", True, True).of_reply(connect) == [
        (b"X-BD-Upstream-Addr", b"[2001:db8::2]:80"),
        (b"X-BD-Outgoing-IP", b"2001:db8::1"),
        (
            b"X-BD-Remote-Connection-Info",
            b"a; bind=2001:db8::1; local=[2001:db8::1]:4660; remote=[2001:db8::2]:80",
        ),
    ]
