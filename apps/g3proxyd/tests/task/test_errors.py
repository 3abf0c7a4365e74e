"""What tasks make of an escaper's failure."""

import errno

import pytest
from g3_socks import Reply
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.resolver.errors import server_error
from g3proxyd.task.errors import Reason, from_connect_error, socks_reply

NOT_NEGOTIATED = Reason.UPSTREAM_NOT_NEGOTIATED


def failure(reason: ConnectReason) -> TcpConnectError:
    match reason:
        case ConnectReason.CONNECT_FAILED:
            return TcpConnectError(reason, os_error=OSError(errno.ECONNREFUSED, "refused"))
        case ConnectReason.RESOLVE_FAILED:
            return TcpConnectError(reason, resolve_error=server_error("NXDOMAIN", "no such name"))
        case _:
            return TcpConnectError(reason)


@pytest.mark.parametrize("reason", ConnectReason)
def test_every_failure_has_an_answer_for_each_kind_of_client(reason: ConnectReason) -> None:
    error = from_connect_error(failure(reason))
    assert error.status is not None
    assert 400 <= error.status < 600
    assert error.detail == str(failure(reason))
    assert socks_reply(failure(reason)) is not Reply.SUCCEEDED


@pytest.mark.parametrize(
    ("reason", "word", "status", "reply"),
    [
        (ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, Reason.INTERNAL_SERVER_ERROR, 500, Reply.GENERAL_FAILURE),
        (ConnectReason.PROXY_PROTOCOL_WRITE_FAILED, NOT_NEGOTIATED, 502, Reply.GENERAL_FAILURE),
        (
            ConnectReason.PEER_TLS_HANDSHAKE_TIMEOUT,
            Reason.UPSTREAM_TLS_HANDSHAKE_TIMEOUT,
            500,
            Reply.GENERAL_FAILURE,
        ),
        (ConnectReason.PEER_TLS_HANDSHAKE_FAILED, Reason.UPSTREAM_TLS_HANDSHAKE_FAILED, 500, Reply.GENERAL_FAILURE),
        (ConnectReason.NEGOTIATION_READ_FAILED, NOT_NEGOTIATED, 502, Reply.GENERAL_FAILURE),
        (ConnectReason.NEGOTIATION_WRITE_FAILED, NOT_NEGOTIATED, 502, Reply.GENERAL_FAILURE),
        (ConnectReason.NEGOTIATION_REJECTED, NOT_NEGOTIATED, 502, Reply.GENERAL_FAILURE),
        (ConnectReason.NEGOTIATION_PEER_TIMEOUT, NOT_NEGOTIATED, 504, Reply.CONNECTION_TIMED_OUT),
        (ConnectReason.NEGOTIATION_PROTOCOL_ERROR, NOT_NEGOTIATED, 502, Reply.GENERAL_FAILURE),
    ],
)
def test_failures_of_next_proxies(reason: ConnectReason, word: Reason, status: int, reply: Reply) -> None:
    error = from_connect_error(failure(reason))
    assert (error.reason, error.status) == (word, status)
    assert error.close is (status == 500 and word is Reason.INTERNAL_SERVER_ERROR)
    assert socks_reply(failure(reason)) is reply
