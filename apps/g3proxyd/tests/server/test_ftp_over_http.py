"""FTP over HTTP with a real FTP server: downloads, parts, listings, uploads, deletions, logins."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from ftp_site import ftp_site
from loopback import run
from proxy import Proxy, proxy, read_response, talk

BIG = bytes(range(256)) * 4096
LOGIN = b"Authorization: Basic dXNlcjpwQHNzIHc="  # user:p@ss w


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a b").write_bytes(b"0123456789")
    (tmp_path / "big").write_bytes(BIG)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").write_bytes(b"in")
    (tmp_path / "empty").mkdir()
    os.utime(tmp_path / "a b", (1_000_000_000, 1_000_000_000))
    return tmp_path


def ask(port: int, path: str, *more: bytes, method: str = "GET", login: str = "", body: bytes = b"") -> bytes:
    fields = b"".join(line + b"\r\n" for line in more)
    head = f"{method} ftp://{login}127.0.0.1:{port}{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    return head.encode() + fields + b"\r\n" + body


async def fetch(p: Proxy, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request; status, fields and body, of which chunks are undone."""
    reader, writer = await asyncio.open_connection(*p.http)
    writer.write(request)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.rstrip("\r\n").split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            assert await reader.readline() == b"\r\n"
        elif request.startswith(b"HEAD"):
            body = b""
        else:
            body = await reader.readexactly(int(fields.get("content-length", "0")))
        return int(status.split()[1]), fields, body
    finally:
        writer.close()


def with_site(folder: Path, main: Any, http: dict[str, Any] | None = None, **options: Any) -> None:
    """Run ``main(proxy, port)`` beside the real server."""

    async def whole() -> None:
        async with proxy(http=http or {}) as p:
            await main(p, port)

    with ftp_site(folder, **options) as (_, port):
        run(whole())


def test_a_file_with_its_size_and_date_and_what_the_log_says(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        request = ask(port, "/a%20b", b"User-Agent: test/1")
        status, fields, body = await fetch(p, request)
        assert (status, body) == (200, b"0123456789")
        assert fields == {
            "content-type": "application/octet-stream",
            "content-length": "10",
            "accept-ranges": "bytes",
            "last-modified": "Sun, 09 Sep 2001 01:46:40 GMT",
        }
        record = await p.task_record()
        assert (record["task_type"], record["reason"], record["stage"]) == ("FtpOverHttp", "Finished", "Finished")
        assert record["upstream"] == record["ftp_c_peer_addr"] == f"127.0.0.1:{port}"
        assert (record["method"], record["uri"]) == ("GET", f"ftp://127.0.0.1:{port}/a%20b")
        assert (record["rsp_status"], record["user_agent"]) == (200, "test/1")
        assert record["ftp_d_peer_addr"].startswith("127.0.0.1:")
        assert record["ftp_d_peer_addr"] != f"127.0.0.1:{port}"
        assert record["ftp_c_connect_tries"] == record["ftp_d_connect_tries"] == 1
        assert (record["ftp_d_rd_bytes"], record["ftp_d_wr_bytes"]) == (10, 0)
        assert (record["c_rd_bytes"], record["c_wr_bytes"] > 10) == (len(request), True)
        assert record["ftp_c_rd_bytes"] > 50 < record["ftp_c_wr_bytes"]
        assert "r_rd_bytes" not in record
        assert "next_peer_addr" not in record
        assert "tcp_connect_tries" not in record

    with_site(folder, main)


def test_a_connection_serves_many_requests(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        reader, writer = await asyncio.open_connection(*p.http)
        for path, expected in (("/big", BIG), ("/sub/inner", b"in"), ("/big;type=i", BIG), ("//sub/inner", b"in")):
            writer.write(ask(port, path))
            assert (await read_response(reader))[1] == expected
        writer.write(ask(port, "/missing"))
        head, _ = await read_response(reader)
        assert head.startswith(b"HTTP/1.1 404 ")
        writer.write(ask(port, "/big", method="HEAD"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nContent-Length: 1048576\r\n" in head
        assert b"\r\nAccept-Ranges: bytes\r\n" in head
        writer.write(ask(port, "/sub/inner"))
        assert (await read_response(reader))[1] == b"in"
        writer.close()

    with_site(folder, main)


@pytest.mark.parametrize(
    ("wanted", "status", "part", "said"),
    [
        (b"bytes=4-", 206, b"456789", "bytes 4-9/10"),
        (b"bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        (b"bytes=2-4", 206, b"234", "bytes 2-4/10"),
        (b"bytes=-3", 206, b"789", "bytes 7-9/10"),
        (b"bytes=9-99", 206, b"9", "bytes 9-9/10"),
        (b"bytes=10-", 416, b"", "bytes */10"),
        (b"bytes=4-2", 200, b"0123456789", None),
        (b"bytes=-", 200, b"0123456789", None),
        (b"bytes=1-2,4-5", 200, b"0123456789", None),
        (b"lines=1-2", 200, b"0123456789", None),
    ],
)
def test_parts(folder: Path, wanted: bytes, status: int, part: bytes, said: str | None) -> None:
    async def main(p: Proxy, port: int) -> None:
        got, fields, body = await fetch(p, ask(port, "/a%20b", b"Range: " + wanted))
        assert (got, body, fields.get("content-range")) == (status, part, said)

    with_site(folder, main)


def test_a_part_of_a_file_that_changed_is_not_sent(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        for moment, status in ((b"Sun, 09 Sep 2001 01:46:40 GMT", 206), (b"Sun, 09 Sep 2001 01:46:41 GMT", 200)):
            request = ask(port, "/a%20b", b"Range: bytes=5-", b"If-Range: " + moment)
            assert (await fetch(p, request))[0] == status

    with_site(folder, main)


def test_a_part_of_the_middle_leaves_the_rest_unread(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        assert (await fetch(p, ask(port, "/big", b"Range: bytes=100-299")))[2] == BIG[100:300]
        record = await p.task_record()
        assert record["reason"] == "Finished"
        assert record["ftp_d_rd_bytes"] == 200

    with_site(folder, main)


def test_directories_are_listed_with_and_without_a_slash(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        for path in ("/", "/sub", "/sub/", "/sub;type=d", "/empty/"):
            status, fields, body = await fetch(p, ask(port, path))
            assert (status, fields["content-type"]) == (200, "text/plain; charset=utf-8")
            names = [line.split()[-1] for line in body.decode().splitlines()]
            expected = {"/": ["b", "big", "empty", "sub"], "/empty/": []}.get(path, ["inner"])
            assert sorted(names) == expected
        assert (await fetch(p, ask(port, "/missing/")))[0] == 404
        assert (await fetch(p, ask(port, "/sub/", method="HEAD")))[0] == 200
        old = ask(port, "/sub/").replace(b"HTTP/1.1", b"HTTP/1.0")
        head, _, body = (await talk(p.http, old)).partition(b"\r\n\r\n")
        assert head.endswith(b"Connection: close")
        assert b"chunked" not in head
        assert body.endswith(b"inner\r\n")

    with_site(folder, main)


def test_uploads_by_length_in_chunks_and_after_100(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        request = ask(
            port, "/sub/new", b"Content-Length: %d" % len(BIG), body=BIG, method="PUT", login="user:p%40ss%20w@"
        )
        status, fields, _ = await fetch(p, request)
        assert (status, fields) == (201, {"content-length": "0"})
        assert (folder / "sub" / "new").read_bytes() == BIG
        body = b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        assert (await fetch(p, ask(port, "/sub/new", b"Transfer-Encoding: chunked", LOGIN, body=body, method="PUT")))[
            0
        ] == 204
        assert (folder / "sub" / "new").read_bytes() == b"abcdefg"
        assert (await fetch(p, ask(port, "/nothing", LOGIN, b"Content-Length: 0", method="PUT")))[0] == 201
        assert (folder / "nothing").read_bytes() == b""
        reader, writer = await asyncio.open_connection(*p.http)
        writer.write(ask(port, "/later", LOGIN, b"Content-Length: 2", b"Expect: 100-continue", method="PUT"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        assert (await read_response(reader))[0].startswith(b"HTTP/1.1 201 ")
        writer.close()
        assert (folder / "later").read_bytes() == b"hi"
        records = await p.records.wait(4, task_event="Finished")
        assert {record["reason"] for record in records} == {"Finished"}
        assert records[0]["ftp_d_wr_bytes"] == len(BIG)
        assert records[0]["c_rd_bytes"] == len(request)
        assert records[0]["uri"] == f"ftp://user:xyz@127.0.0.1:{port}/sub/new"

    with_site(folder, main)


def test_half_an_upload_is_cut_off_at_the_server(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        request = ask(port, "/half", LOGIN, b"Content-Length: 10", body=b"half", method="PUT")
        assert await talk(p.http, request, end=True) == b""
        assert (await p.task_record())["reason"] == "ClosedByClient"

    with_site(folder, main)


def test_deletions(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        for path, status in (("/a%20b", 204), ("/a%20b", 404), ("/empty/", 204), ("/sub/", 404), ("/", 400)):
            assert (await fetch(p, ask(port, path, LOGIN, method="DELETE")))[0] == status
        assert not (folder / "a b").exists()
        assert not (folder / "empty").exists()
        assert (folder / "sub" / "inner").exists()

    with_site(folder, main)


def test_logins(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        assert (await fetch(p, ask(port, "/big", login="user:p%40ss%20w@")))[2] == BIG
        assert (await fetch(p, ask(port, "/big", LOGIN)))[2] == BIG
        status, fields, _ = await fetch(p, ask(port, "/big", login="user:wrong@"))
        assert (status, fields["www-authenticate"]) == (401, f'Basic realm="ftp 127.0.0.1:{port}"')
        assert (await fetch(p, ask(port, "/new", b"Content-Length: 1", body=b"x", method="PUT")))[0] == 403  # anonymous
        records = await p.records.wait(4, task_event="Finished")
        assert "wrong" not in repr(p.records.records)
        assert [record["rsp_status"] for record in records] == [200, 200, 401, 403]

    with_site(folder, main)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (ask(1, "/a%0d%0aDELE%20b"), 400),
        (ask(1, "/a%00"), 400),
        (ask(1, "/" + "a" * 4097), 414),
        (ask(1, "/a", method="POST"), 501),
        (ask(1, "/", method="PUT"), 400),
        (ask(1, "/a", b"Content-Range: bytes 0-1/2", b"Content-Length: 2", method="PUT", body=b"ab"), 400),
        (ask(1, "/a", login="a%0ab@"), 400),
        (ask(1, "/a", b"Authorization: Basic !"), 400),
    ],
)
def test_what_ftp_cannot_serve_never_reaches_a_server(request_: bytes, status: int) -> None:
    async def main() -> None:
        async with proxy() as p:
            assert (await fetch(p, request_))[0] == status
            assert (await p.task_record())["reason"] == "InvalidClientProtocol"

    run(main())


def test_ipv6(folder: Path) -> None:
    async def main() -> None:
        async with proxy() as p:
            request = ask(port, "/big", LOGIN).replace(b"127.0.0.1", b"[::1]")
            assert (await fetch(p, request))[2] == BIG
            record = await p.task_record()
            assert record["ftp_c_peer_addr"] == f"[::1]:{port}"
            assert record["ftp_d_peer_addr"].startswith("[::1]:")

    with ftp_site(folder, "::1") as (_, port):
        run(main())


def test_rules_and_dead_servers(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        assert (await fetch(p, ask(port, "/big")))[0] == 403
        assert (await p.task_record())["reason"] == "ForbiddenByRule"
        assert (await fetch(p, ask(1, "/big")))[0] == 521

    with_site(folder, main, {"dst_port_filter": [1]})


def test_speed_limits_hold_for_downloads_and_uploads(folder: Path) -> None:
    async def main(p: Proxy, port: int) -> None:
        loop = asyncio.get_running_loop()
        for request in (
            ask(port, "/sub/new", LOGIN, b"Content-Length: 300000", body=bytes(300_000), method="PUT"),
            ask(port, "/sub/new"),
        ):
            started = loop.time()
            assert (await fetch(p, request))[0] in (200, 201)
            assert loop.time() - started >= 0.1  # three slices of 64 ms, of which the first goes at once

    limit = {"shift": 6, "upload": 100_000, "download": 100_000}
    with_site(folder, main, {"tcp_sock_speed_limit": limit})
