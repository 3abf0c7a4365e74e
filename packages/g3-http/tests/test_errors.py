"""Faults: what they carry."""

from g3_http import HttpError, RequestError, ResponseError, error_response
from g3_machine import RemoteProtocolError


def test_request_error() -> None:
    error = RequestError("host", "no Host")
    assert isinstance(error, HttpError)
    assert isinstance(error, RemoteProtocolError)
    assert (str(error), error.reason, error.status) == ("no Host", "host", 400)
    assert error.reply == error_response(400)
    assert RequestError("version", "no", 505).reply == error_response(505)


def test_response_error() -> None:
    error = ResponseError("chunk", "no size")
    assert isinstance(error, HttpError)
    assert (str(error), error.reason, error.status, error.reply) == ("no size", "chunk", 502, b"")
    assert ResponseError("chunk", "no size", 413).status == 502


def test_http_error() -> None:
    error = HttpError("reason", "text")
    assert (error.status, error.reply) == (400, b"")
    assert HttpError("reason", "text", 414, reply=b"x").reply == b"x"
