"""Task log lines of HTTP requests before their end: when they are written, and what they say."""

import asyncio
from itertools import count
from typing import Any

import pytest
from ftp_site import scripted
from loopback import run
from proxy import Proxy, origin, proxy, read_response
from serving import serving

MOMENTS = {
    "flush_task_log_on_created": True,
    "flush_task_log_on_connected": True,
    "task_log_flush_interval": "20ms",
    "log_uri_max_chars": 16,
}
EVENTS = ("Created", "Connected", "Periodic", "Finished")
STORING = {
    "USER": b"230 in\r\n",
    "TYPE": b"200 ok\r\n",
    "EPSV": b"229 (|||{port}|)\r\n",
    "STOR": b"150 go\r\n|later|226 ok\r\n",
}


async def ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"abcd")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def silent_since(p: Proxy, last: dict[str, Any], server: str, request: bytes) -> bool:
    """Whether a task writes nothing after this line, while another one writes some."""
    _, writer = await asyncio.open_connection(*p.addresses[server])
    writer.write(request)
    seen = len(p.records.records)
    while sum(r["task_event"] == "Periodic" for r in p.records.records[seen:] if r["task_id"] != last["task_id"]) < 3:
        await p.records.wait(len(p.records.records) + 1)
    writer.close()
    return [r for r in p.records.records if r["task_id"] == last["task_id"]][-1] is last


async def ask_slowly(p: Proxy, server: str, head: str) -> list[dict[str, Any]]:
    """A request of which half of the body comes when that has been logged; the last line of each event."""
    request = head.encode() + b"User-Agent: slow\r\nContent-Length: 4\r\n\r\nab"
    reader, writer = await asyncio.open_connection(*p.addresses[server])
    writer.write(request)
    for seen in count(1):
        periodic = (await p.records.wait(seen, task_event="Periodic"))[-1]
        if periodic["c_rd_bytes"] == len(request):
            break
    writer.write(b"cd")
    assert (await read_response(reader))[0].split()[1].startswith(b"2")
    writer.close()
    assert await silent_since(p, await p.task_record(), server, request)
    task_id = p.records.records[0]["task_id"]
    lines = [record for record in p.records.records if record["task_id"] == task_id]
    assert [line["task_event"] for line in lines if line["task_event"] != "Periodic"] == [
        "Created",
        "Connected",
        "Finished",
    ]
    return [{line["task_event"]: line for line in lines}[event] for event in EVENTS]


@pytest.mark.parametrize("kind", ["http_proxy", "http_rproxy"])
def test_a_forwarded_request(kind: str) -> None:
    async def main() -> None:
        async with origin(ok) as (_, port):
            server = {"name": "web", "type": kind, "escaper": "direct", **MOMENTS}
            if kind == "http_rproxy":
                server["hosts"] = [{"set_default": True, "upstream": f"127.0.0.1:{port}"}]
            async with serving(server) as p:
                target = f"http://127.0.0.1:{port}/path"
                lines = await ask_slowly(p, "web", f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")
        created, connected, periodic, finished = lines
        for line in lines:
            assert line["task_type"] == "HttpForward"
            assert (line["method"], line["user_agent"], line["uri"]) == ("POST", "slow", target[:16])
            assert line["pipeline_wait"]
        assert [line["stage"] for line in lines] == ["Created", "Connected", "Replying", "Finished"]
        assert "next_peer_addr" not in created
        assert connected["next_peer_addr"] == f"127.0.0.1:{port}"
        assert periodic["r_wr_bytes"] + 2 == finished["r_wr_bytes"]
        assert periodic["dur_req_send_hdr"]
        assert "rsp_status" not in periodic
        assert finished["rsp_status"] == 200

    run(main())


def test_a_file_on_its_way_to_an_ftp_server() -> None:
    async def main() -> None:
        async with scripted(STORING) as ((_, port), _, uploaded), proxy(http=MOMENTS) as p:
            lines = await ask_slowly(p, "http", f"PUT ftp://127.0.0.1:{port}/f HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")
            assert uploaded == b"abcd"
        created, connected, periodic, finished = lines
        for line in lines:
            assert line["task_type"] == "FtpOverHttp"
            assert (line["method"], line["user_agent"], line["uri"]) == ("PUT", "slow", "ftp://127.0.0.1:")
        assert "ftp_c_peer_addr" not in created
        assert connected["ftp_c_peer_addr"] == f"127.0.0.1:{port}"
        assert "ftp_d_peer_addr" not in connected
        assert (periodic["ftp_d_wr_bytes"], finished["ftp_d_wr_bytes"]) == (2, 4)

    run(main())


def test_an_upgrade_is_one_task_with_the_tunnel_behind_it() -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        writer.write(await reader.readexactly(2))
        await reader.read()

    async def main() -> None:
        async with origin(switch) as (_, port), proxy(http=MOMENTS) as p:
            reader, writer = await asyncio.open_connection(*p.http)
            fields = f"Host: 127.0.0.1:{port}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
            request = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n{fields}".encode()
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"hi")
            assert await reader.readexactly(2) == b"hi"
            relayed = [r for r in await p.records.wait(3, task_event="Periodic") if r["stage"] == "Relaying"]
            assert all(record["task_type"] == "HttpForward" for record in relayed)
            writer.close()
            record = await p.task_record()
            assert (record["method"], record["rsp_status"]) == ("GET", 101)
            assert await silent_since(p, record, "http", request)

    run(main())
