"""TLS in a daemon with several workers: sessions that each of them resumes, and certificates that are renewed."""

import contextlib
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from g3proxyd.control.client import RefusedError
from service import Service, service

NAME = "proxy.test"


class Client:
    """One TLS connection to the daemon."""

    def __init__(self, running: Service, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        raw = socket.create_connection(running.proxy, timeout=20)
        self.sock = context.wrap_socket(raw, server_hostname=NAME, session=session)

    def ask(self) -> bytes:
        """Any request that the proxy answers by itself."""
        self.sock.sendall(b"GET http://192.0.2.1:1/ HTTP/1.1\r\nHost: 192.0.2.1:1\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.sock.recv(65536)
            assert piece, head
            head += piece
        head, _, body = head.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += self.sock.recv(65536)
        return head.split(b" ")[1]

    def serial(self) -> str:
        certificate = self.sock.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])

    def close(self) -> None:
        self.sock.close()


def of_http(report: Any) -> list[str]:
    return [change["change"] for change in report["objects"] if change["name"] == "http"]


def test_every_worker_resumes_the_sessions_of_every_other(tmp_path: Path) -> None:
    tls = {"cert_pairs": authority().issue(NAME).pair(tmp_path), "no_session_cache": True}
    forbid = {"default": "forbid", "permit": ["127.0.0.1"]}
    with service(tmp_path, workers=3, tls_server=tls, dst_host_filter_set={"subnet": forbid}) as running:
        context = authority().client()
        # 16 connections with one ticket: that all of them meet the one worker of three that has given it out happens
        # once in 40 million runs.
        first = Client(running, context)
        assert first.ask() == b"403"
        session = first.sock.session
        first.close()
        assert session is not None
        for _ in range(16):
            client = Client(running, context, session)
            assert client.sock.session_reused
            client.close()
        # A worker that takes another's place knows the keys as well.
        (victim, *_) = running.now.workers()
        os.kill(victim, signal.SIGKILL)
        running.now.wait_for("it is replaced")
        for _ in range(16):
            client = Client(running, context, session)
            assert client.sock.session_reused
            client.close()


def test_a_renewed_certificate_is_served_after_a_reload_and_nobody_is_disturbed(tmp_path: Path) -> None:
    first, second = authority().issue(NAME), authority().issue(NAME)
    tls = {"cert_pairs": first.pair(tmp_path)}
    with service(tmp_path, workers=2, tls_server=tls) as running, socket.create_server(("127.0.0.1", 0)) as origin:
        origin.settimeout(20)
        context = authority().client()
        old = Client(running, context)
        old.sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % origin.getsockname()[1])
        far, _ = origin.accept()
        assert old.sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        before = old.serial()
        assert of_http(running.reload()) == ["kept"]
        second.write(tmp_path)
        assert of_http(running.reload()) == ["rebuilt"]
        for _ in range(8):
            new = Client(running, context)
            assert new.serial() != before
            new.close()
        old.sock.sendall(b"still")
        assert far.recv(100) == b"still"
        far.sendall(b"here")
        assert old.sock.recv(100) == b"here"
        (tmp_path / "leaf.key").write_bytes(first.key)
        with pytest.raises(RefusedError) as refused:
            running.reload()
        assert "does not belong to the first certificate" in "".join(refused.value.details)
        new = Client(running, context)
        assert new.serial() != before
        for each in (old, new):
            each.close()
        far.close()


def test_what_becomes_of_connections_when_a_certificate_is_renewed(tmp_path: Path) -> None:
    """One that waits for its next request is closed behind it; a tunnel goes on until somebody ends it."""
    tls = {"cert_pairs": authority().issue(NAME).pair(tmp_path)}
    with service(tmp_path, workers=2, tls_server=tls) as running, socket.create_server(("127.0.0.1", 0)) as origin:
        origin.settimeout(20)
        context = authority().client()
        kept, tunnel = Client(running, context), Client(running, context)
        request = b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"
        kept.sock.sendall(request)
        assert b"connection: close" not in kept.sock.recv(65536).lower()
        tunnel.sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % origin.getsockname()[1])
        far, _ = origin.accept()
        assert tunnel.sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        authority().issue(NAME).write(tmp_path)
        assert of_http(running.reload()) == ["rebuilt"]
        kept.sock.sendall(request)
        last = b""
        while piece := kept.sock.recv(65536):
            last += piece
        assert b"connection: close" in last.lower()
        tunnel.sock.sendall(b"still")
        assert far.recv(100) == b"still"
        with running.control() as client:
            client.post("server", "http", "force-quit")
        with contextlib.suppress(ConnectionResetError):  # an abort is a reset; some see an end instead
            assert tunnel.sock.recv(100) == b""
        for each in (kept, tunnel):
            each.close()
        far.close()
