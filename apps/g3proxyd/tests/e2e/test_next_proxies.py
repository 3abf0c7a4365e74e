"""The daemon in front of HTTP proxies of others: tunnels, forwarded requests, credentials, refusals."""

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import free_port
from ftp_site import ftp_site
from hops import chained, connect, get, opened
from loopback import run
from origin_site import Site
from peer_program import listening_program, program
from proxy import Address, echo, origin, read_response, talk

SQUID = """\
http_port 127.0.0.1:{port}
acl denied dst 127.0.0.9
http_access deny denied
auth_param basic program {helper} {folder}/users
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log none
cache deny all
cache_mem 4 MB
shutdown_lifetime 0 seconds
coredump_dir {folder}
pinger_enable off
netdb_filename none
logfile_rotate 0
"""

TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Timeout 20
MaxClients 20
BasicAuth joe secret
"""

HELPER = "/usr/lib/squid/basic_ncsa_auth"
# The password in the way of crypt(3), by "openssl passwd -1".
SECRET = "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"
LOGIN: dict[str, Any] = {"proxy_username": "joe", "proxy_password": "secret"}


@contextlib.contextmanager
def squid(folder: Path) -> Iterator[int]:
    """It gives its rights up, and may not look into the folders of a test."""
    with tempfile.TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o755)
        with squid_in(Path(open_folder)) as port:
            yield port


@contextlib.contextmanager
def squid_in(folder: Path) -> Iterator[int]:
    port, config = free_port(), folder / "squid.conf"
    if not Path(HELPER).exists():
        pytest.skip(f"{HELPER} is not installed")
    (folder / "users").write_text(f"joe:{SECRET}\n")
    config.write_text(SQUID.format(port=port, folder=folder, helper=HELPER))
    with listening_program(program("squid"), "-N", "-f", str(config), port=port):
        yield port


@contextlib.contextmanager
def tinyproxy(folder: Path) -> Iterator[int]:
    port, config = free_port(), folder / "tinyproxy.conf"
    config.write_text(TINYPROXY.format(port=port))
    with listening_program(program("tinyproxy"), "-d", "-c", str(config), port=port):
        yield port


@pytest.fixture(params=[squid, tinyproxy], ids=["squid", "tinyproxy"])
def next_port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    with request.param(tmp_path) as port:
        yield port


async def echoed(address: Address, to: int, data: bytes) -> None:
    """Have a tunnel echo this. Neither of the two proxies passes a half-close on, so that none is sent."""
    reader, writer = await opened(address)
    writer.write(connect(b"127.0.0.1:%d" % to) + data)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert await reader.readexactly(len(data)) == data
    writer.close()


def test_tunnels(next_port: int) -> None:
    async def main() -> None:
        async with origin(echo) as (_, to), chained(next_port, **LOGIN) as p:
            await echoed(p.http, to, b"ping")
            data = bytes(range(256)) * 1000
            await asyncio.gather(*(echoed(p.http, to, data) for _ in range(10)))

    run(main())


def test_requests(next_port: int, site: Site) -> None:
    (site.folder / "file").write_bytes(b"content" * 10_000)

    async def main() -> None:
        async with chained(next_port, **LOGIN) as p:
            reader, writer = await opened(p.http)
            for _ in range(2):
                writer.write(get(site.http.encode() + b"/file"))
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
                assert b"roxy-Auth" not in head
                if re.search(rb"(?i)chunked", head):
                    assert await reader.readuntil(b"0\r\n\r\n")
                else:
                    assert await reader.readexactly(70_000) == b"content" * 10_000
            writer.close()

    run(main())


def test_wrong_credentials(tmp_path: Path, site: Site) -> None:
    async def main(port: int) -> None:
        async with chained(port, proxy_username="joe", proxy_password="wrong") as p:
            for request in (connect(b"127.0.0.1:22", b"Connection: close"), get(site.http.encode() + b"/file")):
                reader, writer = await opened(p.http)
                writer.write(request)
                head, _ = await read_response(reader)
                writer.close()
                assert head.startswith(b"HTTP/1.1 502 ")
                assert b"uthenticate" not in head
            (record,) = await p.records.wait(log_type="Escape")
            assert record["reason"] == "NegotiationRejected"
            assert "407 " in record["msg"]

    with squid(tmp_path) as port:
        run(main(port))


def test_a_target_that_the_next_proxy_denies(tmp_path: Path) -> None:
    async def main(port: int) -> None:
        async with chained(port, **LOGIN) as p:
            assert (await talk(p.http, connect(b"127.0.0.9:22", b"Connection: close"))).startswith(b"HTTP/1.1 502 ")
            (record,) = await p.records.wait(log_type="Escape")
            assert "403 Forbidden" in record["msg"]
            # What it says to a request is its own answer.
            said = await talk(p.http, get(b"http://127.0.0.9/", b"Connection: close"))
            assert said.startswith(b"HTTP/1.1 403 ")

    with squid(tmp_path) as port:
        run(main(port))


def test_ftp_through_squid(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "file").write_bytes(b"content")

    async def main(port: int, to: int) -> None:
        async with chained(port, **LOGIN, http_forward_capability={"forward_ftp_get": True}) as p:
            target = b"ftp://user:p%%40ss%%20w@127.0.0.1:%d/file" % to
            request = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % (target, to)
            said = await talk(p.http, request)
            assert said.startswith(b"HTTP/1.1 200 ")
            assert b"content" in said.partition(b"\r\n\r\n")[2]
            assert (await p.task_record())["task_type"] == "HttpForward"

    with squid(tmp_path) as port, ftp_site(files) as (_, to):
        run(main(port, to))
