"""A header by which clients choose the local address of the connection that is made for them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ftp_site import ftp_site
from loopback import run
from proxy import Handler, origin, proxy, read_response, talk

HTTP = {"egress_path_selection_header": "X-Path"}
OUT = {"bind_ip": [f"127.0.3.{number}" for number in range(1, 6)], "enable_path_selection": True}


def get(port: int, *more: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in more)
    return b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n" % (port, port, lines)


def telling() -> tuple[Handler, list[bytes]]:
    """An origin that answers each request with the address that it came from; and the heads."""
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            host = writer.get_extra_info("peername")[0].encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(host), host))

    return handler, heads


def test_numbers_choose_and_the_header_goes_no_further() -> None:
    async def main() -> None:
        handler, heads = telling()
        async with proxy(http=HTTP, escaper=OUT) as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            for number, address in ((1, 1), (2, 2), (5, 5), (0, 5), (6, 1), (2**64 - 1, 5)):
                writer.write(get(port, b"x-path: %d" % number))
                assert (await read_response(reader))[1] == b"127.0.3.%d" % address
            writer.close()
            assert not any(b"x-path" in head.lower() for head in heads)
            records = await p.records.wait(6, task_event="Finished")
            # A connection that was kept is used again by those alone who chose the same way.
            assert [record["next_bind_ip"] for record in records[:3]] == ["127.0.3.1", "127.0.3.2", "127.0.3.5"]
            assert not any(record["reuse_connection"] for record in records)

    run(main())


def test_a_kept_connection_goes_the_way_that_was_chosen() -> None:
    async def main() -> None:
        handler, _ = telling()
        async with proxy(http=HTTP, escaper=OUT) as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            for choice in ((b"X-Path: 3",), (b"X-Path: 3",), (), ()):
                writer.write(get(port, *choice))
                address = (await read_response(reader))[1]
                assert address == b"127.0.3.3" or not choice
            writer.close()
            records = await p.records.wait(4, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, True, False, True]

    run(main())


def test_tunnels_and_ftp(tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = telling()
        async with proxy(http=HTTP, escaper=OUT) as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\nX-Path: 4\r\n\r\n" % port)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(get(port))
            assert (await read_response(reader))[1] == b"127.0.3.4"
            writer.close()
            request = b"GET ftp://127.0.0.1:%d/ HTTP/1.1\r\nX-Path: 2\r\nConnection: close\r\n\r\n" % ftp_port
            assert (await talk(p.http, request)).startswith(b"HTTP/1.1 200 ")
            (record,) = await p.records.wait(task_type="FtpOverHttp")
            assert record["ftp_c_bound_addr"].startswith("127.0.3.2:")
            assert record["ftp_d_bound_addr"].startswith("127.0.3.2:")

    with ftp_site(tmp_path) as (_, ftp_port):
        run(main())


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b"one", b"0x1", b"1.0", b"1 2", b"\xb2", b"9" * 21, b"18446744073709551616"]
)
def test_what_is_no_number_fails_the_request(value: bytes) -> None:
    async def main() -> None:
        handler, heads = telling()
        async with proxy(http=HTTP, escaper=OUT) as p, origin(handler) as (_, port):
            assert (await talk(p.http, get(port, b"X-Path: " + value))).startswith(b"HTTP/1.1 400 ")
            assert heads == []

    run(main())


def test_two_choices_are_none() -> None:
    async def main() -> None:
        async with proxy(http=HTTP, escaper=OUT) as p:
            response = await talk(p.http, get(1, b"X-Path: 1", b"X-Path: 1"))
            assert response.startswith(b"HTTP/1.1 400 ")

    run(main())


@pytest.mark.parametrize(
    ("http", "out", "kept"), [({}, OUT, True), (HTTP, {**OUT, "enable_path_selection": False}, False)]
)
def test_both_sides_have_to_agree(http: dict[str, Any], out: dict[str, Any], kept: bool) -> None:
    async def main() -> None:
        handler, heads = telling()
        two = {**out, "bind_ip": ["127.0.3.1", "127.0.3.2"]}
        async with proxy(http=http, escaper=two) as p, origin(handler) as (_, port):
            found = set()
            for _ in range(40):  # by chance all the same once in 2^39 runs
                response = await talk(p.http, get(port, b"X-Path: 1", b"Connection: close"))
                found.add(response.rpartition(b"\r\n\r\n")[2])
            assert found == {b"127.0.3.1", b"127.0.3.2"}
            assert (b"X-Path: 1" in heads[0]) is kept  # a header that nobody configured is the client's own business

    run(main())
