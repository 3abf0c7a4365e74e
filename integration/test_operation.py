"""The daemon as an operator sees it: task logs on its standard output, and how it ends."""

import re
import time
from typing import Any
from uuid import UUID

import pytest

from integration.clients import via_http, via_socks
from integration.lab import Lab, eventually

# In every line of a task.
SHARED = {"pid", "log_type", "server_type", "server_name", "task_type", "task_id", "stage", "start_at"}
ADDRESSES = {"server_addr", "client_addr", "upstream", "next_bound_addr", "next_peer_addr"}
BYTES = {"c_rd_bytes", "c_wr_bytes", "r_rd_bytes", "r_wr_bytes"}
CONNECTING = {"tcp_connect_tries", "tcp_connect_spend"}
TIMES = {"ready_time", "total_time"}
FINISHED = SHARED | ADDRESSES | BYTES | TIMES | CONNECTING | {"escaper", "reason"}
FORWARD = {"pipeline_wait", "method", "uri", "user_agent", "rsp_status", "origin_status"} | {
    "dur_req_send_hdr",
    "dur_req_send_all",
    "dur_rsp_recv_hdr",
    "dur_rsp_recv_all",
}


def check_shared(lab: Lab, line: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)", line["start_at"])
    assert UUID(line["task_id"]).hex == line["task_id"], "the simple form, without dashes"
    assert line["client_addr"].startswith(f"{lab.address('client')}:")
    assert line["server_addr"].startswith(f"{lab.address('proxy')}:")
    assert isinstance(line["pid"], int)


def test_log_of_a_forwarded_request(lab: Lab) -> None:
    uri = "http://origin.g3.test/hello.txt?forwarded"
    via_http(lab, uri, "-A", "a-client/1")
    line = lab.task(uri=uri)

    # A connection to the origin may have been kept from before: then there was nothing to connect.
    assert line.keys() >= (FINISHED | FORWARD) - CONNECTING
    assert line.get("reuse_connection") or line.keys() >= CONNECTING
    check_shared(lab, line)
    expected = {
        "task_type": "HttpForward",
        "server_type": "HttpProxy",
        "server_name": "http",
        "escaper": "direct",
        "reason": "Finished",
        "upstream": "origin.g3.test:80",
        "next_peer_addr": f"{lab.address('origin')}:80",
        "method": "GET",
        "user_agent": "a-client/1",
        "rsp_status": 200,
        "origin_status": 200,
    }
    assert {key: line[key] for key in expected} == expected
    assert all(line[counter] > 0 for counter in BYTES)


def test_log_of_a_tunnel(lab: Lab) -> None:
    via_http(lab, "http://log-connect.fresh.g3.test/hello.txt", "--proxytunnel")
    line = lab.task(upstream="log-connect.fresh.g3.test:80")

    assert line.keys() >= FINISHED
    check_shared(lab, line)
    assert (line["task_type"], line["server_type"], line["server_name"]) == ("TcpConnect", "HttpProxy", "http")
    assert line["tcp_connect_tries"] == 1
    # What went in at one side came out at the other.
    assert line["c_rd_bytes"] == line["r_wr_bytes"] > 0
    assert line["r_rd_bytes"] == line["c_wr_bytes"] > len("hello from the origin\n")


def test_log_of_a_socks_connection(lab: Lab) -> None:
    via_socks(lab, "socks5-hostname", "http://log-socks.fresh.g3.test/hello.txt")
    line = lab.task(upstream="log-socks.fresh.g3.test:80")

    assert line.keys() >= FINISHED
    check_shared(lab, line)
    assert (line["task_type"], line["server_type"], line["server_name"]) == ("TcpConnect", "SocksProxy", "socks")
    assert line["next_peer_addr"] == f"{lab.address('origin')}:80"


@pytest.mark.parametrize(
    ("host", "reason", "status"),
    [
        ("log-missing.g3.test", "UpstreamNotResolved", 530),
        ("log-refused.fresh.g3.test:81", "UpstreamNotConnected", 521),
        ("127.0.0.77", "ForbiddenByRule", 403),
    ],
)
def test_log_of_a_refusal_has_the_reason(lab: Lab, host: str, reason: str, status: int) -> None:
    uri = f"http://{host}/"
    assert via_http(lab, uri).status == status
    line = lab.task(uri=uri)

    assert line.keys() >= SHARED | {"reason", "upstream", "escaper", "total_time"}
    assert (line["reason"], line["rsp_status"]) == (reason, status)


def test_password_in_a_url_is_not_logged(lab: Lab) -> None:
    via_http(lab, "http://somebody:s3cr3t@origin.g3.test/hello.txt?with-password")
    assert eventually(lambda: "?with-password" in lab.log("proxy"))

    assert "s3cr3t" not in lab.log("proxy")


def test_every_line_is_json(lab: Lab) -> None:
    assert lab.task_logs()  # parses each line


def test_ends_gracefully_and_starts_again(lab: Lab) -> None:
    begin = time.monotonic()
    try:
        status = lab.stop("proxy", patience=20)
        took = time.monotonic() - begin
    finally:
        lab.start("proxy")

    assert status == 0
    assert took < 10
    assert via_http(lab, "http://origin.g3.test/hello.txt").status == 200
