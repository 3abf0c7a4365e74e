"""Types of requests."""

import pytest
from g3_acl import AclError, Action, Problem, RequestRule, RequestType
from g3_acl._request_rule import parse_request_type

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action
EXPECTED = "one of http_forward, https_forward, ftp_over_http, http_connect, socks_tcp_connect, socks_udp_associate"


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        (RequestType.HTTP_FORWARD, ["http_forward", "HttpForward", "httpforward", "HTTP-FORWARD"]),
        (RequestType.HTTPS_FORWARD, ["https_forward", "HttpsForward"]),
        (RequestType.FTP_OVER_HTTP, ["ftp_over_http", "FtpOverHttp"]),
        (RequestType.HTTP_CONNECT, ["http_connect", "HttpConnect"]),
        (RequestType.SOCKS_TCP_CONNECT, ["socks_tcp_connect", "SocksTcpConnect"]),
        (RequestType.SOCKS_UDP_ASSOCIATE, ["socks_udp_associate", "SocksUdpAssociate"]),
    ],
)
def test_names(kind: RequestType, spellings: list[str]) -> None:
    assert kind.value == spellings[0]
    assert [parse_request_type(text) for text in spellings] == [kind] * len(spellings)


@pytest.mark.parametrize(
    ("text", "suggestion"), [("http_conect", "http_connect"), ("HTTP-CONNEKT", "http_connect"), ("", None)]
)
def test_no_type(text: str, suggestion: str | None) -> None:
    with pytest.raises(AclError) as raised:
        parse_request_type(text)
    assert raised.value.problems == (Problem((), f"{text!r} is no type of request", EXPECTED, suggestion),)


def test_rule() -> None:
    rule = RequestRule()
    rule.add(RequestType.HTTP_CONNECT, FORBID)
    rule.add(RequestType.HTTP_CONNECT, PERMIT_LOG)
    assert rule.missed is FORBID
    assert rule.find(RequestType.HTTP_CONNECT) is PERMIT_LOG
    assert rule.find(RequestType.HTTP_FORWARD) is None
    assert rule.check(RequestType.HTTP_FORWARD) is FORBID
    assert RequestRule(PERMIT).check(RequestType.HTTP_FORWARD) is PERMIT


def test_freeze_and_equality() -> None:
    rule = RequestRule().freeze()
    with pytest.raises(RuntimeError, match=r"^this RequestRule is frozen$"):
        rule.add(RequestType.HTTP_CONNECT, PERMIT)
    other = RequestRule()
    assert rule == other
    other.add(RequestType.HTTP_CONNECT, PERMIT)
    assert rule != other
