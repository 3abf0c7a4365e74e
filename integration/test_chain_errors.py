"""Next proxies that are dead, say no, or do not like us: what curl and the operator are told."""

from typing import Any

import pytest

from integration.clients import Answer, curl, via_entrance
from integration.lab import Lab

SOCKS = "--socks5-hostname"


def check(lab: Lab, host: str, answer: Answer, status: int, task_reason: str) -> dict[str, Any]:
    """curl was told the status to CONNECT, and the task log the reason; returns the escape log's line."""
    task = lab.task("entrance", upstream=host)
    assert (answer.connect, task["reason"]) == (status, task_reason), task
    line = lab.record("Escape", "entrance", upstream=host)
    assert line["task_id"] == task["task_id"]
    return line


FAULTS = [
    ("dead", 521, "UpstreamNotConnected", "TcpConnect", "ConnectFailed", "refused"),
    ("unknown-login", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationRejected", "401"),
    ("no-login", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationRejected", "407"),
    ("unknown-socks-login", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationRejected", ""),
    ("stranger", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationReadFailed", "unknown_ca"),
    ("socks-stranger", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationReadFailed", "unknown_ca"),
    ("expired", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationReadFailed", "expired"),
    ("anonymous", 502, "UpstreamNotNegotiated", "TcpConnect", "NegotiationReadFailed", "certificate_required"),
    ("misnamed", 500, "UpstreamTlsHandshakeFailed", "TlsHandshake", None, "certificate"),
]


@pytest.mark.parametrize(("way", "status", "task", "kind", "reason", "words"), FAULTS, ids=[row[0] for row in FAULTS])
def test_faults(lab: Lab, way: str, status: int, task: str, kind: str, reason: str | None, words: str) -> None:
    host = f"{way}.fresh.g3.test:443"
    answer = via_entrance(lab, f"https://{host}/")
    line = check(lab, host, answer, status, task)

    assert (line["escaper_name"], line["escape_type"], line.get("reason")) == (way, kind, reason)
    assert words in line["msg"]


@pytest.mark.parametrize("way", ["dead", "no-login", "stranger", "misnamed"])
def test_faults_for_socks_clients(lab: Lab, way: str) -> None:
    """curl's own status for a proxy that refuses."""
    answer = curl(lab, SOCKS, f"{lab.address('entrance')}:1080", f"http://socks.{way}.fresh.g3.test/")

    assert answer.exit_code == 97, answer.error


@pytest.mark.parametrize(
    ("host", "words"),
    [
        pytest.param("refused.squid.fresh.g3.test:443", "403", id="squid"),
        pytest.param("refused.tinyproxy.fresh.g3.test:443", "403", id="tinyproxy"),
        pytest.param("refused.dante.fresh.g3.test:25", "(2)", id="dante"),
        pytest.param("127.0.0.1.relay.fresh.g3.test:81", "521", id="relay"),
    ],
)
def test_next_proxy_refuses_a_tunnel(lab: Lab, host: str, words: str) -> None:
    answer = via_entrance(lab, f"https://{host}/")
    line = check(lab, host, answer, 502, "UpstreamNotNegotiated")

    assert line["reason"] == "NegotiationRejected"
    assert words in line["msg"]


@pytest.mark.parametrize("way", ["squid", "tinyproxy"])
def test_refusal_of_a_request_is_passed_on(lab: Lab, way: str) -> None:
    uri = f"http://refused.{way}.fresh.g3.test/?passed-on"
    answer = via_entrance(lab, uri)
    task = lab.task("entrance", uri=uri)

    assert answer.status == 403
    assert way in answer.body.lower(), "its own page"
    assert (task["reason"], task["rsp_status"], task["origin_status"]) == ("Finished", 403, 403)


def test_login_of_ours_is_nothing_for_the_client_to_mend(lab: Lab) -> None:
    """407 of the next proxy is none of the client's business."""
    assert via_entrance(lab, "http://no-login.fresh.g3.test/").status == 502


def test_stranger_is_named_by_the_relay(lab: Lab) -> None:
    refused = f"server relay: refused a connection from {lab.address('entrance')}: the TLS handshake failed"
    with lab.saying(refused, "west"):
        via_entrance(lab, "https://anonymous.fresh.g3.test:444/")


def test_next_proxy_that_stands_still(lab: Lab) -> None:
    host = "still.squid.fresh.g3.test:443"
    with lab.frozen("hops"):
        answer = via_entrance(lab, f"https://{host}/")
    line = check(lab, host, answer, 504, "UpstreamNotNegotiated")

    assert line["reason"] == "NegotiationPeerTimeout"


def test_next_proxies_go_and_come_back(lab: Lab) -> None:
    """How the kernel says that nobody is there depends on when it asked last."""
    host = "gone.squid.fresh.g3.test:443"
    ways = ["squid", "tinyproxy", "dante"]
    with lab.stopped("hops"):
        answer = via_entrance(lab, f"https://{host}/")
        line = lab.record("Escape", "entrance", upstream=host)
    assert answer.connect in {504, 523}
    assert line["reason"] in {"ConnectFailed", "TimeoutByRule"}
    for way in ways:
        assert via_entrance(lab, f"http://{way}.fresh.g3.test/hello.txt").status == 200
