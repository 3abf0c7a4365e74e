"""What becomes on the way out of the name that a client has logged in with, which these tests put there."""

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from chain import joined, last
from chain import through as through_socks
from escaper.services import packed, service
from ftp_site import ftp_site
from g3_escape import EgressPath, UserNameParams, request_path
from g3_http import RequestHead, field_value
from g3_proxyproto import HeaderReader, parse_g3
from g3proxyd.server.http_proxy import ProxyClient
from g3proxyd.server.socks_proxy import SocksHandshake
from hops import GRANTED, OK, answering, chained, connect, echo_tunnel, get, next_proxy, opened
from loopback import run
from proxy import echo, origin, proxy, read_response, replying, talk
from serving import serving
from udp import associated, peer

NAMED = b"X-User: joe"
PARAMS = UserNameParams(("area", "city"), "session", separator="", domain_suffix="")


def credentials(user: str) -> bytes:
    return b"Proxy-Authorization: Basic " + b64encode(f"{user}:g3proxy".encode())


class Login:
    """Clients of HTTP tell who they are in a field of their own, those of SOCKS are all joe."""

    path: EgressPath | None = None
    """Where all of them go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        route, read_request = ProxyClient._route, SocksHandshake._read_request

        def named_route(client: ProxyClient, head: RequestHead) -> Any:
            user = field_value(head.end_to_end, b"x-user")
            head.remove((b"x-user",))
            client.go_as(None if user is None else user.decode(), self.path)
            return route(client, head)

        async def named_request(handshake: SocksHandshake, deadline: float) -> Any:
            handshake._user, handshake._path = "joe", self.path
            return await read_request(handshake, deadline)

        patch.setattr(ProxyClient, "_route", named_route)
        patch.setattr(SocksHandshake, "_read_request", named_request)

    def chooses(self, user_name: str, port: int) -> None:
        """The parameters in this name choose the next proxy of the escapers ``out`` and ``direct``."""
        upstream = PARAMS.parse(user_name, port).upstream
        self.path = request_path("out", upstream=upstream, user=request_path("direct", upstream=upstream))


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    return Login(monkeypatch)


async def socks_connect(address: Any, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + port.to_bytes(2, "big"))
    assert (await reader.readexactly(12))[:4] == b"\5\0\5\0"
    return reader, writer


@pytest.mark.usefixtures("login")
def test_the_task_log_names_the_user(tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        async with proxy() as p, origin(handler) as (_, port), origin(echo) as (_, other):
            assert await talk(p.http, get(b"http://127.0.0.1:%d/" % port, NAMED, b"Connection: close"))
            await talk(p.http, connect(b"127.0.0.1:%d" % other, NAMED), end=True)
            await talk(p.http, get(b"ftp://127.0.0.1:%d/" % ftp_port, NAMED, b"Connection: close"))
            await talk(p.http, get(b"http://127.0.0.1:1/", b"Connection: close"))
            _, writer = await socks_connect(p.socks, other)
            writer.close()
            async with associated(p.socks) as client:
                client.writer.close()
                records = await p.records.wait(6, task_event="Finished")
        assert [(record["task_type"], record.get("user")) for record in records] == [
            ("HttpForward", "joe"),
            ("TcpConnect", "joe"),
            ("FtpOverHttp", "joe"),
            ("HttpForward", None),
            ("TcpConnect", "joe"),
            ("UdpConnect", "joe"),
        ]

    with ftp_site(tmp_path) as (_, ftp_port):
        run(main())


@pytest.mark.usefixtures("login")
def test_a_name_that_is_passed_on() -> None:
    async def main() -> None:
        async with next_proxy(answering()) as hop, chained(hop.port, pass_proxy_userid=True) as p:
            async with origin(echo) as (_, port):
                await talk(p.http, get(b"http://a.test/", NAMED, b"Connection: close"))
                await talk(p.http, get(b"http://a.test/", b"Connection: close"))
                await talk(p.http, connect(b"127.0.0.1:%d" % port, NAMED), end=True)
                await talk(p.http, connect(b"127.0.0.1:%d" % port), end=True)
                _, writer = await socks_connect(p.socks, port)
                writer.close()
            told = [credentials("joe") + b"\r\n" in head for head in hop.heads]
            assert told == [True, False, True, False, True]
            assert not any(b"authorization" in head.lower() for head in (hop.heads[1], hop.heads[3]))

    run(main())


@pytest.mark.usefixtures("login")
def test_a_kept_connection_is_one_users() -> None:
    async def main() -> None:
        further: list[bytes] = []
        async with next_proxy(answering(OK, further)) as hop, chained(hop.port, pass_proxy_userid=True) as p:
            reader, writer = await opened(p.http)
            for user in ("joe", "joe", "jim", None, "joe", "joe"):
                field = () if user is None else (b"X-User: " + user.encode(),)
                writer.write(get(b"http://a.test/", *field))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            told = [[user for user in ("joe", "jim") if credentials(user) in head] for head in hop.heads]
            assert told == [["joe"], ["jim"], [], ["joe"]]
            assert [credentials("joe") in head for head in further] == [True, True]
            records = await p.records.wait(6, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, True, False, False, False, True]

    run(main())


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("request_for", [get(b"http://a.test/", b"X-User: a:b"), connect(b"a.test:1", b"X-User: a:b")])
def test_a_name_that_basic_cannot_carry_fails_the_request(request_for: bytes) -> None:
    async def main() -> None:
        async with next_proxy(answering()) as hop, chained(hop.port, pass_proxy_userid=True) as p:
            reader, writer = await opened(p.http)
            writer.write(request_for)
            assert (await reader.readuntil(b"\r\n")).split()[1] == b"503"
            writer.close()
            record, escape = await p.task_record(), (await p.records.wait(log_type="Escape"))[0]
            assert (record["reason"], record["user"], record["escaper"]) == ("EscaperNotUsable", "a:b", "out")
            assert escape["reason"] == "EscaperNotUsable"
            assert hop.heads == []

    run(main())


@pytest.mark.usefixtures("login")
def test_divert_tcp_tells_it() -> None:
    names: list[str | None] = []

    async def place(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        machine = HeaderReader()
        while (header := machine.next_event()) is None:
            machine.receive_data(await reader.readexactly(1))
        names.append(parse_g3(header.tlvs).username)
        await echo(reader, writer)

    async def main() -> None:
        async with origin(place) as address:
            out = {"name": "out", "type": "divert_tcp", "proxy_addr": joined(address)}
            async with serving({"name": "http", "type": "http_proxy", "escaper": "out"}, routes=[out]) as p:
                for more in ((NAMED,), ()):
                    await talk(p.http, connect(b"a.test:1", *more), end=True)
        assert names == ["joe", None]

    run(main())


@pytest.mark.usefixtures("login")
def test_route_query_asks_with_it() -> None:
    async def main() -> None:
        with service(lambda question: packed(id=question["id"], nodes=f"to-{question['user']}")) as served:
            route = {
                "name": "route",
                "type": "route_query",
                "query_peer_addr": f"127.0.0.1:{served.port}",
                "fallback_node": "direct",
                "query_allowed_next": ["to-joe"],
            }
            routes = ({"name": "to-joe", "type": "dummy_deny"}, route)
            handler, _ = replying(OK)
            server = {"name": "http", "type": "http_proxy", "escaper": "route"}
            async with serving(server, routes=routes) as p, origin(handler) as (_, port):
                request = b"http://127.0.0.1:%d/" % port
                assert (await talk(p.http, get(request, NAMED, b"Connection: close"))).split()[1] == b"403"
                assert (await talk(p.http, get(request, b"Connection: close"))).split()[1] == b"200"

    run(main())


def test_parameters_choose_the_next_http_proxy(login: Login) -> None:
    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop, chained(1) as p:
            login.chooses("joe+area=local+city=host+session=7", hop.port)
            reader, writer = await opened(p.http)
            writer.write(connect(b"a.test:22", NAMED))
            assert (await reader.readexactly(len(GRANTED))).startswith(b"HTTP/1.1 200 ")
            writer.close()
            (record,) = await p.records.wait(task_event="Finished")
            assert record["next_peer_addr"] == f"127.0.0.1:{hop.port}"
            login.chooses("joe+area=127.0.0.2", 1)
            assert (await talk(p.http, connect(b"a.test:22", NAMED, b"Connection: close"))).split()[1] != b"200"
            (failure,) = await p.records.wait(log_type="Escape")
            assert failure["override_peer"] == "127.0.0.2:1"

    run(main())


@pytest.mark.parametrize("full", [True, False])
def test_parameters_choose_the_next_socks_proxy_for_datagrams_too(login: Login, full: bool) -> None:
    async def main() -> None:
        mode = {"use_udp_associate": full}
        async with last() as end, through_socks(("127.0.0.1", 1), mode) as p, origin(echo) as (_, port):
            login.chooses("joe+area=localhost", end.socks[1])
            reader, writer = await socks_connect(p.socks, port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            with peer() as (_, port):
                async with associated(p.socks) as client:
                    assert (await client.exchange("127.0.0.1", port, b"datagram"))[2] == b"datagram"

    run(main())


def test_a_users_id_and_value_choose_published_ways(login: Login) -> None:
    """What a user has in `egress_path_id_map` and `egress_path_value_map`, over datagrams as over TCP."""

    async def main() -> None:
        float_ = {"name": "direct", "type": "direct_float", "resolver": "dns", "egress_network_filter": "127.0.0.0/8"}
        servers = [{"name": f"{kind}", "type": f"{kind}_proxy", "escaper": "direct"} for kind in ("http", "socks")]
        handler, _ = replying(OK, OK)
        async with serving(*servers, escaper=float_) as p, origin(handler) as (_, port):
            login.path = request_path("direct", user=EgressPath(values={"direct": {"ip": "127.0.6.2"}}))
            await talk(p.http, get(b"http://127.0.0.1:%d/" % port, b"Connection: close"))
            assert (await p.task_record())["next_bind_ip"] == "127.0.6.2"
            with peer() as (_, port):
                async with associated(p.socks) as client:
                    assert (await client.exchange("127.0.0.1", port, b"datagram"))[2] == b"datagram"
                    client.writer.close()
                    (record,) = await p.records.wait(task_type="UdpConnect")
                    assert record["next_bind_ip"] == "127.0.6.2"
            login.path = request_path("direct", user=EgressPath(ids={"direct": "nobody"}))
            assert (await talk(p.http, get(b"http://a.test/", b"Connection: close"))).split()[1] == b"503"

    run(main())
