"""CONNECT: the tunnel, what comes early, and refusals."""

import asyncio
import socket

from loopback import run
from proxy import echo, origin, proxy, read_response, replying, talk

GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connect(port: int, *more: bytes) -> bytes:
    fields = b"".join(line + b"\r\n" for line in more)
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n" % (port, port, fields)


def test_a_tunnel_carries_early_bytes_both_ways_and_half_closes() -> None:
    async def main() -> None:
        async with proxy() as p, origin(echo) as (_, port):
            assert await talk(p.http, connect(port) + b"early", end=True) == GRANTED + b"early"
            record = await p.task_record()
            assert (record["task_type"], record["reason"], record["stage"]) == ("TcpConnect", "Finished", "Relaying")
            assert record["upstream"] == f"127.0.0.1:{port}"
            assert [record[name] for name in ("c_rd_bytes", "r_wr_bytes", "r_rd_bytes", "c_wr_bytes")] == [5, 5, 5, 5]
            assert record["tcp_connect_tries"] == 1
            assert record["client_addr"].startswith("127.0.0.1:")
            events = [r["task_event"] for r in p.records.records if r["log_type"] == "Task"]
            assert events == ["ClientShutdown", "Finished"]

    run(main())


def test_a_large_early_block_and_megabytes_behind_it_arrive_unchanged() -> None:
    async def main() -> None:
        early, late = bytes(range(256)) * 400, bytes(reversed(range(256))) * 20_000
        async with proxy() as p, origin(echo) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(connect(port) + early)
            assert await reader.readuntil(b"\r\n\r\n") == GRANTED
            writer.write(late)
            assert await reader.readexactly(len(early) + len(late)) == early + late
            writer.close()

    run(main())


def test_every_wanted_moment_is_logged() -> None:
    async def main() -> None:
        moments = {
            "flush_task_log_on_created": True,
            "flush_task_log_on_connected": True,
            "task_log_flush_interval": "20ms",
        }
        async with proxy(http=moments) as p, origin(echo) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(connect(port) + b"x")
            await reader.readuntil(b"\r\n\r\nx")
            assert len(await p.records.wait(2, task_event="Periodic")) == 2
            writer.close()
            await p.task_record()
            events = [record["task_event"] for record in p.records.records]
            assert events[:2] == ["Created", "Connected"]
            assert events[-2:] == ["ClientShutdown", "Finished"]
            assert len({record["task_id"] for record in p.records.records}) == 1

    run(main())


def test_a_refused_tunnel_leaves_an_http_connection() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            dead_port = dead.getsockname()[1]
            async with proxy() as p, origin(handler) as (_, port):
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(connect(dead_port))
                head, _ = await read_response(reader)
                assert head.startswith(b"HTTP/1.1 521 Web Server Is Down\r\n")
                writer.write(connect(port) + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert await reader.readuntil(b"\r\n\r\n") == GRANTED
                assert (await read_response(reader))[1] == b"ok"
                writer.close()

    run(main())


def test_a_tunnel_without_a_byte_ends_as_idle() -> None:
    async def main() -> None:
        quick = {"task_idle_check_interval": "100ms", "task_idle_max_count": 2}
        async with proxy(http=quick) as p, origin(echo) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(connect(port))
            await reader.readuntil(b"\r\n\r\n")
            assert (await p.task_record())["reason"] == "Idle"
            writer.close()

    run(main())


def test_the_slower_of_two_speed_limits_counts() -> None:
    async def main() -> None:
        slow = {"tcp_sock_speed_limit": {"shift": 6, "upload": 100_000, "download": 100_000_000}}
        fast = {"tcp_sock_speed_limit": {"shift": 6, "upload": 100_000_000, "download": 100_000_000}}
        size = 300_000
        for sections in ({"http": slow, "escaper": fast}, {"http": fast, "escaper": slow}):
            async with proxy(**sections) as p, origin(echo) as (_, port):
                loop = asyncio.get_running_loop()
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(connect(port))
                await reader.readuntil(b"\r\n\r\n")
                started = loop.time()
                writer.write(bytes(size))
                assert await reader.readexactly(size) == bytes(size)
                # One slice of 64 ms goes at once, the other two have to be waited for.
                assert loop.time() - started >= 0.1
                writer.close()

    run(main())
