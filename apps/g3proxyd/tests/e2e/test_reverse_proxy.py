"""The reverse proxy between curl and nginx, as operators have it."""

import contextlib
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from daemon import PATIENCE, Daemon, daemon, free_port
from e2e.test_clients import curl, need

DATA = random.Random(8).randbytes(2_000_000)

CONFIGURATION = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; keepalive_requests 1000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{plain}; server_name files.test; root {folder}/files;
    location /said {{ return 200 "$host $http_x_forwarded_for $http_via $connection_requests"; }}
  }}
  server {{ listen 127.0.0.1:{plain} default_server; return 418; }}
  server {{
    listen 127.0.0.1:{secure} ssl; ssl_certificate {folder}/inner.crt; ssl_certificate_key {folder}/inner.key;
    return 200 "$ssl_server_name $host";
  }}
}}
"""


@dataclass
class Nginx:
    """A running nginx: files.test with files and an echo, and TLS for inner.test."""

    files: Path
    plain: int
    secure: int


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    need("nginx")
    folder = tmp_path / "nginx"
    files = folder / "files"
    files.mkdir(parents=True)
    authority().issue("inner.test").write(folder, "inner")
    running = Nginx(files, free_port(), free_port())
    text = CONFIGURATION.format(folder=folder, plain=running.plain, secure=running.secure)
    (folder / "nginx.conf").write_text(text)
    program = shutil.which("nginx") or ""
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", running.secure), PATIENCE).close()
                break
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def in_front(nginx: Nginx, tmp_path: Path) -> Iterator[tuple[Daemon, list[str]]]:
    """The daemon with TLS for its clients, and what makes curl find it and trust it."""
    (tmp_path / "ca.crt").write_bytes(authority().pem)
    pairs = {name: authority().issue(f"{name}.test").pair(tmp_path, name) for name in ("files", "api")}
    hosts = [
        {"exact_match": "files.test", "upstream": f"127.0.0.1:{nginx.plain}"},
        {
            "exact_match": "api.test",
            "upstream": f"127.0.0.1:{nginx.secure}",
            "tls_client": {"ca_certificate": str(tmp_path / "ca.crt"), "no_default_ca_certificate": True},
            "tls_name": "inner.test",
            "tls_server": {"cert_pairs": pairs["api"]},
        },
    ]
    keys: dict[str, Any] = {
        "type": "http_rproxy",
        "hosts": hosts,
        "enable_tls_server": True,
        "global_tls_server": {"cert_pairs": pairs["files"]},
        "server_id": "edge",
        "client_hello_recv_timeout": "20s",
    }
    with daemon(tmp_path, **keys) as d:
        resolve = [word for name in pairs for word in ("--resolve", f"{name}.test:{d.http_port}:127.0.0.1")]
        yield d, ["--noproxy", "*", "--cacert", str(tmp_path / "ca.crt"), *resolve]


def test_files(nginx: Nginx, tmp_path: Path) -> None:
    (nginx.files / "file").write_bytes(DATA)
    with in_front(nginx, tmp_path) as (d, options):
        url = f"https://files.test:{d.http_port}/file"
        assert curl(*options, url) == DATA
        assert curl(*options, "-r", "1000-1999", url) == DATA[1000:2000]
        head = curl(*options, "-I", url).decode()
        assert f"Content-Length: {len(DATA)}" in head
        etag = next(line for line in head.splitlines() if line.lower().startswith("etag")).partition(": ")[2]
        assert curl(*options, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-None-Match: {etag}", url) == b"304"


def test_requests_of_one_client_share_a_connection_to_nginx(nginx: Nginx, tmp_path: Path) -> None:
    with in_front(nginx, tmp_path) as (d, options):
        url = f"https://files.test:{d.http_port}/said"
        said = curl(*options, "-w", "\n", "-H", "X-Forwarded-For: 192.0.2.9", url, url, url).decode().splitlines()
        assert said == [f"files.test 192.0.2.9, 127.0.0.1 1.1 edge {count}" for count in (1, 2, 3)]
        assert [record["reuse_connection"] for record in d.finished(3)] == [False, True, True]


def test_tls_to_nginx(nginx: Nginx, tmp_path: Path) -> None:
    with in_front(nginx, tmp_path) as (d, options):
        said = curl(*options, f"https://api.test:{d.http_port}/x")
        assert said == b"inner.test api.test"
        assert d.finished()[0]["uri"] == f"https://api.test:{d.http_port}/x"
