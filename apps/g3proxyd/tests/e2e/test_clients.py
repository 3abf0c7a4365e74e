"""Real clients through the daemon: curl, wget, git, aiohttp, PySocks."""

import asyncio
import hashlib
import os
import random
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
import socks
from daemon import Daemon, daemon
from origin_site import Site

DATA = random.Random(7).randbytes(3_000_000)


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def call(*command: str, cwd: Path | None = None, **environment: str) -> bytes:
    """What the command prints; fails with what it complains about."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, cwd=cwd, env={**clean, **environment}, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def curl(*arguments: str) -> bytes:
    need("curl")
    return call("curl", "-sS", "--fail-with-body", "--max-time", "50", *arguments)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("way", ["-x http", "--socks4", "--socks4a", "--socks5", "--socks5-hostname"])
def test_curl(tmp_path: Path, site: Site, way: str, secure: bool) -> None:
    (site.folder / "file").write_bytes(DATA)
    url = site.https if secure else site.http
    if way in ("-x http", "--socks4a", "--socks5-hostname"):
        url = url.replace("127.0.0.1", "origin.test")  # the proxy knows that name, the client does not
    with daemon(tmp_path) as d:
        proxy = ["-x", d.http_url] if way == "-x http" else [way, f"127.0.0.1:{d.socks_port}"]
        got = curl(*proxy, "--cacert", str(site.certificate), f"{url}/file")
        assert hashlib.sha256(got).digest() == hashlib.sha256(DATA).digest()
        finished = d.finished()
        assert [record["reason"] for record in finished] == ["Finished"]
        kind = "TcpConnect" if secure or way != "-x http" else "HttpForward"
        assert finished[0]["task_type"] == kind
        assert d.stop() == 0


def test_curl_uploads(tmp_path: Path, site: Site) -> None:
    (tmp_path / "up").write_bytes(DATA)
    with daemon(tmp_path) as d:
        for number, more in enumerate(([], ["-p"], ["-H", "Expect: 100-continue"])):
            curl("-x", d.http_url, *more, "-T", str(tmp_path / "up"), f"{site.http}/{number}")
            assert (site.folder / str(number)).read_bytes() == DATA


def test_wget(tmp_path: Path, site: Site) -> None:
    need("wget")
    (site.folder / "file").write_bytes(DATA)
    with daemon(tmp_path) as d:
        for url in (site.http, site.https):
            out = tmp_path / "out"
            call(
                *("wget", "-q", "-O", str(out), f"--ca-certificate={site.certificate}", f"{url}/file"),
                http_proxy=d.http_url,
                https_proxy=d.http_url,
            )
            assert out.read_bytes() == DATA


def test_git_clone(tmp_path: Path, site: Site) -> None:
    need("git")
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(DATA[:100_000])
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test")
    call("git", "init", "-q", cwd=source)
    call("git", "add", "file", cwd=source)
    call("git", *identity, "commit", "-q", "-m", "one", cwd=source)
    call("git", "clone", "-q", "--bare", str(source), str(site.folder / "repo.git"))
    call("git", "update-server-info", cwd=site.folder / "repo.git")
    with daemon(tmp_path) as d:
        for number, proxy in enumerate((d.http_url, f"socks5h://127.0.0.1:{d.socks_port}")):
            target = tmp_path / f"clone{number}"
            call("git", "-c", f"http.proxy={proxy}", "clone", "-q", f"{site.http}/repo.git", str(target))
            assert (target / "file").read_bytes() == DATA[:100_000]


def test_aiohttp(tmp_path: Path, site: Site) -> None:
    (site.folder / "file").write_bytes(DATA)

    async def main(d: Daemon) -> None:
        tls = ssl.create_default_context(cafile=str(site.certificate))
        async with aiohttp.ClientSession() as session:
            for url in [site.http, site.https] * 3:
                async with session.get(f"{url}/file", proxy=d.http_url, ssl=tls) as response:
                    assert response.status == 200
                    assert await response.read() == DATA
            async with session.put(f"{site.http}/up", data=_pieces(), proxy=d.http_url) as response:
                # The test's origin does not read chunks: it says so, and the proxy passes that on.
                assert response.status in (500, 502)

    async def _pieces() -> "asyncio.AsyncIterator[bytes]":  # type: ignore[name-defined]
        yield b"piece"

    with daemon(tmp_path) as d:
        asyncio.run(main(d))


@pytest.mark.parametrize("kind", [socks.SOCKS4, socks.SOCKS5, socks.HTTP])
def test_pysocks(tmp_path: Path, site: Site, kind: int) -> None:
    (site.folder / "file").write_bytes(DATA)
    host, port = site.http.removeprefix("http://").split(":")
    with daemon(tmp_path) as d:
        sock = socks.socksocket()
        with sock:
            sock.settimeout(20)
            sock.set_proxy(kind, "127.0.0.1", d.http_port if kind == socks.HTTP else d.socks_port)
            sock.connect((host, int(port)))
            sock.sendall(b"GET /file HTTP/1.0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            got = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        assert got.endswith(DATA)
