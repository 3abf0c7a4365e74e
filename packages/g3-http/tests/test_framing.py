"""Content-Length, Transfer-Encoding and Connection as the readers hear them."""

import pytest
from g3_http import Framing, HttpError, RequestError, ResponseError
from g3_http._framing import CHUNKED, CLOSE, LENGTH, NONE, Control, read_framing, read_options, split_list


def test_members() -> None:
    assert (NONE, LENGTH, CHUNKED, CLOSE) == (Framing.NONE, Framing.LENGTH, Framing.CHUNKED, Framing.CLOSE)
    assert [member.value for member in Framing] == ["none", "length", "chunked", "close"]


@pytest.mark.parametrize(
    ("control", "framing", "length"),
    [
        ({}, NONE, None),
        ({b"content-length": b"0"}, LENGTH, 0),
        ({b"content-length": b"9223372036854775807"}, LENGTH, 2**63 - 1),
        ({b"content-length": b"0000000000000000001"}, LENGTH, 1),
        ({b"transfer-encoding": b"Chunked"}, CHUNKED, None),
    ],
)
def test_framing(control: Control, framing: Framing, length: int | None) -> None:
    assert read_framing(control, 1, RequestError) == (framing, length)


@pytest.mark.parametrize("length", [b"9223372036854775808", b"00000000000000000001", b"", b"-1", b"1, 1", b"\xb2"])
def test_lengths_that_are_none(length: bytes) -> None:
    with pytest.raises(RequestError, match=r"^a Content-Length that is not one number in range$") as caught:
        read_framing({b"content-length": length}, 1, RequestError)
    assert (caught.value.reason, caught.value.status) == ("content_length", 400)


def fault(control: Control, minor: int, error: type[HttpError] = RequestError) -> tuple[str, int, str]:
    with pytest.raises(error) as caught:
        read_framing(control, minor, error)
    return caught.value.reason, caught.value.status, str(caught.value)


def test_both() -> None:
    control = {b"content-length": b"0", b"transfer-encoding": b"chunked"}
    assert fault(control, 1) == ("framing", 400, "both Content-Length and Transfer-Encoding")
    assert fault(control, 1, ResponseError) == ("framing", 502, "both Content-Length and Transfer-Encoding")


def test_http10() -> None:
    assert fault({b"transfer-encoding": b"chunked"}, 0) == ("framing", 400, "Transfer-Encoding in an HTTP/1.0 message")


@pytest.mark.parametrize(
    "coding", [b"gzip, chunked", b"gzip;a=1 , CHUNKED", b"gzip\t ;a=1, chunked", b",br,gzip,chunked,"]
)
def test_codings_that_we_do_not_speak(coding: bytes) -> None:
    assert fault({b"transfer-encoding": coding}, 1) == (
        "transfer_encoding",
        501,
        "a transfer coding other than chunked",
    )


@pytest.mark.parametrize(
    "coding",
    [
        b"",
        b",",
        b"gzip",
        b"chunked, gzip",
        b"chunked, chunked",
        b"chunked, gzip, chunked",
        b"gzip, chunked;a=1",
        b"chunked;a=1",
        b"gz ip, chunked",
        b"chunked,",
        b"chunked;a=1, chunked",
        b"xchunked",
        b'"chunked"',
        b'a;b="c,", chunked',
    ],
)
def test_codings_that_nobody_can_follow(coding: bytes) -> None:
    assert fault({b"transfer-encoding": coding}, 1) == (
        "transfer_encoding",
        400,
        "a Transfer-Encoding that is not chunked alone",
    )


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (None, set()),
        (b"", set()),
        (b" , ,", set()),
        (b"close", {b"close"}),
        (b"Close", {b"close"}),
        (b"keep-alive", {b"keep-alive"}),
        (b"Keep-Alive", {b"keep-alive"}),
        (b"CLOSE,\tTe , x", {b"close", b"te", b"x"}),
    ],
)
def test_options(value: bytes | None, options: set[bytes]) -> None:
    assert read_options(value, RequestError) == options


@pytest.mark.parametrize("value", [b"a b", b"close;", b"a, b/c", b'"a"', b"\xe9"])
def test_options_that_are_no_tokens(value: bytes) -> None:
    with pytest.raises(RequestError, match=r"^an option in Connection that is not a token$") as caught:
        read_options(value, RequestError)
    assert caught.value.reason == "connection"


def test_split_list() -> None:
    assert split_list(b" a ,, b\t,c d ") == [b"a", b"b", b"c d"]
