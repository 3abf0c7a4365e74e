"""The web server behind every proxy under test: nginx with one worker, on the clients' core."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import free_port, running

SMALL = "/small"
SMALL_SIZE = 1024
BULK = "/bulk"
# A sparse file that is asked for several times over one tunnel: as good as one big file, and kinder to the page cache.
BULK_SIZE = 256 * 1024 * 1024

# The origin sends from memory, as every origin does that speaks TLS, which is what tunnels carry. With sendfile its
# data come in pages of 4 KiB. Proxies that copy do not notice, but splicing gets dearer: 0.5 of squid's time, not 0.4.
_CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error warn;
{user}
events {{ worker_connections 20000; }}
http {{
    access_log off;
    sendfile off;
    output_buffers 2 512k;
    tcp_nodelay on;
    default_type application/octet-stream;
    keepalive_timeout 3600;
    keepalive_requests 1000000000;
    client_header_timeout 3600;
    open_file_cache max=16;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder}/www;
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """A running origin; `port` is on 127.0.0.1."""

    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def missing() -> str | None:
    """Why no origin can run here, if so."""
    return None if shutil.which("nginx") else "nginx is not installed"


@contextlib.contextmanager
def serve(folder: Path, core: int | None) -> Iterator[Origin]:
    """Run nginx with its files in `folder` until the block ends."""
    www = folder / "www"
    www.mkdir(parents=True)
    (www / SMALL[1:]).write_bytes(os.urandom(SMALL_SIZE))
    with (www / BULK[1:]).open("wb") as bulk:
        bulk.truncate(BULK_SIZE)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is only ours to read
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, user=user))
    command = ["nginx", "-c", str(config), "-p", str(folder), "-e", str(folder / "nginx.error")]
    with running(command, folder / "nginx.log", core, [port]):
        yield Origin(port)
