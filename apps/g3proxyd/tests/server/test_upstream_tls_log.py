"""What the escape log says of TLS with upstreams that fails."""

from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from loopback import run
from proxy import echo, talk
from serving import serving
from tls.secure import secure_origin, trusting

ROUTE = {"name": "route", "type": "route_select", "next_nodes": ["direct"]}


@pytest.mark.parametrize("escaper", ["direct", "route"])
@pytest.mark.parametrize("kind", ["http_proxy", "http_rproxy", "tcp_stream"])
def test_somebody_else_answers(kind: str, escaper: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with secure_origin(echo, authority().issue("other.test"), tmp_path) as (_, port):
            upstream, tls = f"origin.test:{port}", trusting(tmp_path)
            keys: dict[str, dict[str, Any]] = {
                "http_proxy": {"tls_client": tls},
                "http_rproxy": {"hosts": [{"set_default": True, "upstream": upstream, "tls_client": tls}]},
                "tcp_stream": {"upstream": upstream, "tls_client": tls},
            }
            server = {"name": "s", "type": kind, "escaper": escaper, **keys[kind]}
            async with serving(server, routes=[ROUTE]) as p:
                if kind == "tcp_stream":
                    assert await talk(p.addresses["s"], b"") == b""
                else:
                    target = f"https://{upstream}/" if kind == "http_proxy" else "/"
                    said = f"GET {target} HTTP/1.1\r\nHost: {upstream}\r\nConnection: close\r\n\r\n"
                    assert (await talk(p.addresses["s"], said.encode())).startswith(b"HTTP/1.1 525 ")
                task = await p.task_record()
                (record,) = await p.records.wait(log_type="Escape")
        assert record["escape_type"] == "TlsHandshake"
        assert (record["escaper_type"], record["escaper_name"]) == ("DirectFixed", "direct")
        assert (record["upstream"], record["tls_peer"], record["tls_name"]) == (upstream, upstream, "origin.test")
        assert record["next_peer_addr"] == task["next_peer_addr"] == f"127.0.0.1:{port}"
        assert record["tls_application"] == ("TcpStream" if kind == "tcp_stream" else "HttpForward")
        assert record["task_id"] == task["task_id"]
        assert record["msg"] == task["msg"]
        assert record["msg"].startswith("the TLS handshake failed: certificate_name (")

    run(main())
