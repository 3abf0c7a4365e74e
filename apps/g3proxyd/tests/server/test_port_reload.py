"""Reloads and drains while connections are on their way from a port to the server behind it."""

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest
from g3_proxyproto import Inet, pack_v2
from g3proxyd.worker.worker import Quit
from loopback import run
from proxy import echo, listening, origin, talk
from serving import serving, with_servers

GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
HEADER = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 6))
PORT = {"name": "port", "type": "plain_tcp_port", "server": "http", "proxy_protocol": 2}


def http(**keys: Any) -> dict[str, Any]:
    return {"name": "http", "type": "http_proxy", "escaper": "direct", **keys}


def connect(to: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (to, to)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_connection_in_its_header_when_everything_is_rebuilt(order: tuple[int, int]) -> None:
    """The old port, with the old server and its resolver, lives until its last connection has ended."""

    async def main() -> None:
        sockets = {"port": listening(), "http": listening()}
        before = [[PORT, http()][index] for index in order]
        after = [[PORT, http(log_uri_max_chars=5)][index] for index in order]
        async with serving(*before, sockets=sockets) as p, origin(echo) as (_, to):
            reader, writer = await asyncio.open_connection(*p.addresses["port"])
            writer.write(HEADER[:20])
            old = p.worker.modules
            while old is None or not old.servers["port"].connections:
                await asyncio.sleep(0)
                old = p.worker.modules
            p.worker.prepare(with_servers(*after, escaper={"tcp_connect": {"max_retry": 1}}))
            p.worker.commit({name: [sock] for name, sock in sockets.items()})
            new = p.worker.modules
            assert new is not None
            assert all(new.servers[name] is not old.servers[name] for name in ("port", "http"))
            assert p.worker.offline == [old.servers["port"]]

            writer.write(HEADER[20:] + connect(to) + b"x")
            assert await reader.readexactly(len(GRANTED) + 1) == GRANTED + b"x"
            assert await talk(p.addresses["port"], HEADER + connect(to) + b"y", end=True) == GRANTED + b"y"
            assert [new.servers["port"].stats.connection_total, new.servers["http"].stats.task_total] == [2, 2]
            writer.close()
            await old.servers["port"].connections_done()
            await asyncio.sleep(0)
            assert p.worker.offline == []

    run(main())


def test_a_reload_of_the_port_alone_keeps_the_server() -> None:
    async def main() -> None:
        sockets = {"port": listening(), "http": listening()}
        async with serving(PORT, http(), sockets=sockets) as p, origin(echo) as (_, to):
            assert await talk(p.addresses["port"], HEADER + connect(to), end=True) == GRANTED
            old = p.worker.modules
            assert old is not None
            p.worker.prepare(with_servers({**PORT, "proxy_protocol": 1}, http()))
            p.worker.commit({name: [sock] for name, sock in sockets.items()})
            new = p.worker.modules
            assert new is not None
            assert new.servers["http"] is old.servers["http"]
            said = b"PROXY UNKNOWN\r\n" + connect(to) + b"x"
            assert await talk(p.addresses["port"], said, end=True) == GRANTED + b"x"

    run(main())


def test_a_drain_waits_for_a_tunnel_behind_a_port() -> None:
    async def main() -> None:
        async with serving(PORT, http()) as p, origin(echo) as (_, to):
            reader, writer = await asyncio.open_connection(*p.addresses["port"])
            writer.write(HEADER + connect(to))
            assert await reader.readuntil(b"\r\n\r\n") == GRANTED
            p.worker.quit(Quit.GRACEFUL)
            while not p.worker.offline:
                await asyncio.sleep(0.01)
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.close()
            await p.running
            assert (await p.task_record())["reason"] == "Finished"

    run(main())
