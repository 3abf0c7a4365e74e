"""An origin for real clients: a folder over http and https."""

import contextlib
import functools
import http.server
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, takes uploads."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        Path(self.translate_path(self.path)).write_bytes(data)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are part of the tests


@dataclass
class Site:
    """A folder over http and https."""

    folder: Path
    http: str
    https: str
    certificate: Path


@contextlib.contextmanager
def serve(folder: Path, certificate: Path) -> Iterator[Site]:
    """Serve the folder; the certificate's file holds its key as well."""
    handler = functools.partial(Handler, directory=str(folder))
    plain, secure = Server(("127.0.0.1", 0), handler), Server(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (plain, secure)]
    for thread in threads:
        thread.start()
    yield Site(
        folder,
        f"http://127.0.0.1:{plain.server_port}",
        f"https://127.0.0.1:{secure.server_port}",
        Path(str(certificate) + ".crt"),
    )
    for server, thread in zip((plain, secure), threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path) -> None:
    """A self-signed certificate for 127.0.0.1 and origin.test: with its key at ``path``, alone at ``path``.crt."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=origin.test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:origin.test"),
            *("-keyout", str(path), "-out", str(path) + ".crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(str(path) + ".crt").read_text())
