"""Upgrade: WebSocket through the proxy, what comes early, and servers that do not want to."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from loopback import run
from proxy import origin, proxy, read_response, replying

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n\r\n"


def ask(port: int, *more: bytes, method: bytes = b"GET", upgrade: bytes = b"other/1") -> bytes:
    fields = b"".join(line + b"\r\n" for line in (b"Connection: Upgrade", b"Upgrade: " + upgrade, *more))
    return b"%b http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n" % (method, port, port, fields)


async def websocket(request: web.Request) -> web.WebSocketResponse:
    """Say something first, then every message back in capitals."""
    socket = web.WebSocketResponse(protocols=("chat",))
    await socket.prepare(request)
    await socket.send_str("welcome")
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data.upper())
        else:
            await socket.send_bytes(message.data)
    return socket


def test_a_real_websocket_client_talks_to_a_real_websocket_server() -> None:
    async def main() -> None:
        application = web.Application()
        application.router.add_get("/chat", websocket)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with proxy() as p, aiohttp.ClientSession() as session:
                through = f"http://127.0.0.1:{p.http[1]}"
                url = f"ws://127.0.0.1:{port}/chat"
                async with session.ws_connect(url, proxy=through, protocols=("chat",)) as client:
                    assert client.protocol == "chat"
                    assert await client.receive_str() == "welcome"
                    await client.send_str("hello")
                    assert await client.receive_str() == "HELLO"
                    big = bytes(range(256)) * 8192
                    await client.send_bytes(big)
                    assert await client.receive_bytes() == big
                record = await p.task_record()
                assert (record["task_type"], record["reason"]) == ("HttpForward", "Finished")
                assert (record["rsp_status"], record["uri"]) == (101, f"http://127.0.0.1:{port}/chat")
                assert record["c_rd_bytes"] > len(big) < record["r_rd_bytes"]
                assert record["c_wr_bytes"] > len(big) < record["r_wr_bytes"]
                tasks = [r for r in p.records.records if r["log_type"] == "Task" and r["task_event"] == "Finished"]
                assert len(tasks) == 1
        finally:
            await runner.cleanup()

    run(main())


def test_early_bytes_of_both_sides_and_half_closes_are_carried_and_counted() -> None:
    async def main() -> None:
        heads: list[bytes] = []

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(SWITCH + b"server first")
            heads.append(await reader.read())
            writer.write(b", server last")
            writer.write_eof()

        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            request = ask(port)
            writer.write(request + b"client first")
            assert await reader.readuntil(b"first") == (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other/1\r\nConnection: Upgrade\r\n\r\nserver first"
            )
            writer.write(b", client last")
            writer.write_eof()
            assert await reader.read() == b", server last"
            writer.close()
            assert heads == [
                b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: other/1\r\nConnection: Upgrade\r\n\r\n" % port,
                b"client first, client last",
            ]
            record = await p.task_record()
            assert record["c_rd_bytes"] == len(request) + len(heads[1])
            assert record["r_wr_bytes"] == len(heads[0]) + len(heads[1])
            assert record["r_rd_bytes"] == record["c_wr_bytes"] == len(SWITCH) + len(b"server first, server last")
            events = [r["task_event"] for r in p.records.records if r["log_type"] == "Task"]
            assert events == ["ClientShutdown", "Finished"]

    run(main())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            b"HTTP/1.1 200 OK\r\nUpgrade: other/1\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        ),
        (
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: better/2\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nUpgrade: better/2\r\nConnection: Upgrade\r\n\r\n",
        ),
    ],
)
def test_a_server_that_does_not_switch_leaves_http_connections(answer: bytes, told: bytes) -> None:
    async def main() -> None:
        handler, heads = replying(answer, answer)
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(ask(port) * 2)  # what is behind a refused request is another request
            for _ in range(2):
                assert await read_response(reader) == (told, b"no")
            writer.close()
            assert len(heads) == 2  # on one connection
            records = await p.records.wait(2, task_event="Finished")
            assert [record["reason"] for record in records] == ["Finished", "Finished"]

    run(main())


def test_h2c_is_not_passed_on_and_nothing_hides_behind_it() -> None:
    async def main() -> None:
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        handler, heads = replying(ok, ok)
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(ask(port, b"HTTP2-Settings: AAMAAABk", upgrade=b"H2C") + ask(port, upgrade=b"h2c, websocket"))
            for _ in range(2):
                await read_response(reader)
            writer.close()
            assert b"Upgrade" not in heads[0]
            assert b"HTTP2" not in heads[0]
            assert b"\r\nUpgrade: websocket\r\n" in heads[1]

    run(main())


def test_a_switch_that_nobody_asked_for_is_refused() -> None:
    async def main() -> None:
        handler, _ = replying(SWITCH)
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nUpgrade: other/1\r\n\r\n" % port)
            head, _ = await read_response(reader)
            writer.close()
            assert head.startswith(b"HTTP/1.1 502 ")
            assert (await p.task_record())["reason"] == "InvalidUpstreamProtocol"

    run(main())


def test_the_new_protocol_begins_behind_the_whole_request() -> None:
    async def main() -> None:
        asked = asyncio.Event()
        heard: list[bytes] = []

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(SWITCH)
            asked.set()
            heard.append(await reader.read())

        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(ask(port, b"Content-Length: 6", method=b"POST") + b"bo")
            await asked.wait()
            writer.write(b"dy: ")
            writer.write(b"tunnel")
            assert await reader.readuntil(b"\r\n\r\n")
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            assert heard == [b"body: tunnel"]

    run(main())


def test_a_client_that_leaves_in_the_middle_of_its_request_gets_no_tunnel() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\nbo")
            writer.write(SWITCH)
            assert await reader.read() == b""

        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(ask(port, b"Content-Length: 6", method=b"POST") + b"bo")
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            assert (await p.task_record())["reason"] == "ClosedByClient"

    run(main())
