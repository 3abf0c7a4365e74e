"""A port that ends TLS in a daemon with several workers: added, resumed, renewed and led elsewhere by reloads."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from certificates import authority
from daemon import free_port
from g3proxyd.control.client import RefusedError
from service import Service, service
from tls.secure import NAME

REQUEST = b"GET http://192.0.2.1:1/ HTTP/1.1\r\nHost: 192.0.2.1:1\r\nConnection: close\r\n\r\n"
"""One that the proxy answers by itself: its resolver and its rules are asked first."""


def edit(running: Service, change: Callable[[dict[str, Any]], None]) -> None:
    document = yaml.safe_load(running.path.read_text())
    change(document)
    running.path.write_text(yaml.safe_dump(document))


def ask(
    context: ssl.SSLContext, port: int, said: bytes, session: ssl.SSLSession | None = None
) -> tuple[bytes, ssl.SSLSession | None, bool]:
    """All that is answered inside TLS, up to its own end; the session, and whether it was resumed."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    with context.wrap_socket(raw, server_hostname=NAME, session=session) as sock:
        sock.sendall(said)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer, sock.session, bool(sock.session_reused)


def of(report: Any, name: str) -> list[str]:
    return [change["change"] for change in report["objects"] if change["name"] == name]


def serial(port: int) -> str:
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    with authority().client().wrap_socket(raw, server_hostname=NAME) as sock:
        certificate = sock.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])


def test_a_port_comes_resumes_and_is_renewed(tmp_path: Path) -> None:
    at, context = free_port(), authority().client()
    tls = {"cert_pairs": authority().issue(NAME).pair(tmp_path), "no_session_cache": True}
    front = {"name": "front", "type": "plain_tls_port", "listen": f"127.0.0.1:{at}", "server": "http"}
    forbid = {"default": "forbid", "permit": ["127.0.0.1"]}
    with service(tmp_path, workers=2, dst_host_filter_set={"subnet": forbid}) as running:
        edit(running, lambda document: document["server"].append({**front, "tls_server": tls}))
        report = running.reload()
        assert (of(report, "http"), of(report, "front")) == (["kept"], ["added"])
        answer, session, _ = ask(context, at, REQUEST)
        assert answer.startswith(b"HTTP/1.1 403 ")
        for _ in range(12):
            answer, _, resumed = ask(context, at, REQUEST, session)
            assert answer.startswith(b"HTTP/1.1 403 ")
            assert resumed  # whichever worker it came to

        before = serial(at)
        authority().issue(NAME).write(tmp_path)
        report = running.reload()
        assert (of(report, "http"), of(report, "front")) == (["kept"], ["rebuilt"])
        assert serial(at) != before

        edit(running, lambda document: document["server"][0].update(tls_server=tls))
        with pytest.raises(RefusedError) as refused:
            running.reload()
        assert "server front.server: TLS ends here" in "".join(refused.value.details)
        assert ask(context, at, REQUEST)[0].startswith(b"HTTP/1.1 403 ")
