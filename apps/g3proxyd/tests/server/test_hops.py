"""Servers of every kind in front of a next proxy: what they hand on, in which form, and what they keep."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import authority
from chain import request as socks_request
from ftp_site import ftp_site
from g3proxyd.log import Logger
from g3proxyd.log.discard import DiscardSink
from hops import OK, chained, connect, echo_tunnel, get, next_proxy, opened, real_tunnel, through
from loopback import run
from proxy import origin, read_response, replying, talk
from serving import serving
from tls.secure import secure_origin, trusting


async def forwarding(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests; tunnels lead where they are wanted."""
    if head.startswith(b"CONNECT "):
        await real_tunnel(head, reader, writer)
        return
    while True:
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")


def test_a_tcp_stream_whose_upstream_speaks_first() -> None:
    stream = {"name": "stream", "type": "tcp_stream", "escaper": "out", "upstream": "a.test:22"}

    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop, serving(stream, routes=[through(hop.port)]) as p:
            assert await talk(p.addresses["stream"], b"ping", end=True) == b"SSH-2.0-banner\r\nping"
            assert hop.heads[0].startswith(b"CONNECT a.test:22 ")
            record = await p.task_record()
            assert (record["r_rd_bytes"], record["c_wr_bytes"]) == (20, 20)

    run(main())


def test_a_tcp_stream_that_speaks_tls_inside_of_the_tunnel(tmp_path: Path) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(4))

        async with (
            secure_origin(serve, authority().issue("127.0.0.1"), tmp_path) as (_, to),
            next_proxy(real_tunnel) as hop,
        ):
            keys = {"upstream": f"127.0.0.1:{to}", "tls_client": trusting(tmp_path)}
            stream = {"name": "stream", "type": "tcp_stream", "escaper": "out", **keys}
            async with serving(stream, routes=[through(hop.port)]) as p:
                assert await talk(p.addresses["stream"], b"ping") == b"ping"

    run(main())


def test_an_sni_proxy(tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        async with (
            secure_origin(handler, authority().issue("origin.test"), tmp_path) as (_, to),
            next_proxy(real_tunnel) as hop,
        ):
            hosts = {"exact_match": "origin.test", "redirect_port": to}
            sni = {"name": "sni", "type": "sni_proxy", "escaper": "out", "allowed_hosts": [hosts]}
            async with serving(sni, routes=[through(hop.port)]) as p:
                reader, writer = await asyncio.open_connection(
                    *p.addresses["sni"], ssl=authority().client(), server_hostname="origin.test"
                )
                writer.write(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
                assert (await read_response(reader))[1] == b"ok"
                writer.close()
            assert hop.heads[0].startswith(b"CONNECT origin.test:%d " % to)

    run(main())


def test_a_reverse_proxy() -> None:
    """The target is the site's upstream, whatever the client calls it."""
    rproxy = {"name": "site", "type": "http_rproxy", "escaper": "out", "hosts": [{"upstream": "a.test:81"}]}

    async def main() -> None:
        async with next_proxy(forwarding) as hop, serving(rproxy, routes=[through(hop.port)]) as p:
            reader, writer = await opened(p.addresses["site"])
            writer.write(b"GET /x HTTP/1.1\r\nHost: www.test\r\n\r\n")
            assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert hop.heads[0].startswith(b"GET http://a.test:81/x HTTP/1.1\r\nHost: www.test\r\n")

    run(main())


def test_ftp_through_tunnels(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")

    async def main(to: int) -> None:
        async with next_proxy(real_tunnel) as hop, chained(hop.port) as p:
            request = b"GET ftp://127.0.0.1:%d/file HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
            assert (await talk(p.http, request % (to, to))).endswith(b"content")
            assert len(hop.heads) == 2
            assert all(head.startswith(b"CONNECT 127.0.0.1:") for head in hop.heads)
            assert (await p.task_record())["task_type"] == "FtpOverHttp"

    with ftp_site(tmp_path) as (_, port):
        run(main(port))


def test_behind_a_route_a_connection_serves_one_target() -> None:
    route = {"name": "route", "type": "route_upstream", "default_next": "out", "exact_match": {"direct": "127.0.0.1"}}
    http = {"name": "http", "type": "http_proxy", "escaper": "route"}

    async def main() -> None:
        handler, _ = replying(OK)
        async with (
            origin(handler) as (_, to),
            next_proxy(forwarding) as hop,
            serving(http, routes=[through(hop.port), route]) as p,
        ):
            reader, writer = await opened(p.addresses["http"])
            targets = (b"http://a.test/", b"http://a.test/", b"http://b.test/", b"http://127.0.0.1:%d/" % to)
            for target in targets:
                writer.write(get(target))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert hop.connections == 2
            records = await p.records.wait(4, task_event="Finished")
            assert [record["escaper"] for record in records] == ["out", "out", "out", "direct"]

    run(main())


def test_a_route_leads_ftp_to_a_proxy_that_takes_it() -> None:
    route = {"name": "route", "type": "route_upstream", "default_next": "out", "exact_match": {"direct": "127.0.0.1"}}
    http = {"name": "http", "type": "http_proxy", "escaper": "route"}

    async def main() -> None:
        out = {"http_forward_capability": {"forward_ftp": True}}
        async with next_proxy(forwarding) as hop, serving(http, routes=[through(hop.port, **out), route]) as p:
            request = b"GET ftp://a.test/file HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
            assert (await talk(p.addresses["http"], request)).endswith(b"ok")
            assert hop.heads[0].startswith(b"GET ftp://a.test/file HTTP/1.1\r\n")

    run(main())


def test_the_address_of_the_server_is_looked_up_whatever_is_logged() -> None:
    async def main() -> None:
        async with chained(1) as p:
            while p.worker.modules is None:
                await asyncio.sleep(0)
            context = p.worker.modules.servers["http"].context
            assert replace(context, task_log=Logger("Task", DiscardSink())).server_addr_wanted

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize(("server", "escaper"), [("http_proxy", "proxy_http"), ("socks_proxy", "proxy_socks5")])
def test_a_next_proxy_that_is_the_server_itself(server: str, escaper: str, host: str) -> None:
    """Without a check such a request would come back until no descriptor is left."""

    async def main() -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host.strip("[]"), 0), family=family)
        sock.setblocking(False)
        out = {"name": "out", "type": escaper, "proxy_addr": f"{host}:{sock.getsockname()[1]}"}
        entrance = {"name": "in", "type": server, "escaper": "out"}
        async with serving(entrance, routes=[out], sockets={"in": sock}) as p:
            request = connect() if server == "http_proxy" else b"\5\1\0" + socks_request("a.test", 22)
            reader, writer = await opened(p.addresses["in"][:2])
            writer.write(request)
            if server == "http_proxy":
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
            else:
                assert (await reader.readexactly(4))[3:] == b"\1"
            writer.close()
            record = await p.task_record()
            assert record["reason"] == "EscaperNotUsable"
            (failure,) = await p.records.wait(log_type="Escape")
            assert failure["msg"] == "the escaper is not usable: the next hop is this server itself"

    run(main())
