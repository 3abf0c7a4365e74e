"""Heads, chunks and pages: exact bytes, and nothing that could begin a second line."""

import pytest
from g3_http import (
    LAST_CHUNK,
    Field,
    RequestReader,
    ResponseReader,
    error_response,
    pack_chunk,
    pack_fields,
    pack_last_chunk,
    pack_request_head,
    pack_response_head,
)
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=9).map(lambda text: b"X-" + text.encode())
VALUES = st.binary(max_size=20).filter(lambda value: all(byte == 9 or (byte >= 32 and byte != 127) for byte in value))
FIELDS = st.lists(st.tuples(NAMES, VALUES.map(lambda value: value.strip(b" \t"))), max_size=5)


def test_request_head() -> None:
    assert pack_request_head(b"GET", b"/", [(b"Host", b"a"), (b"X", b"")]) == b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n"
    assert pack_request_head(b"OPTIONS", b"*", minor=0) == b"OPTIONS * HTTP/1.0\r\n\r\n"


def test_response_head() -> None:
    assert pack_response_head(200) == b"HTTP/1.1 200 OK\r\n\r\n"
    assert pack_response_head(200, [(b"A", b"b")], reason=b"Fine", minor=0) == b"HTTP/1.0 200 Fine\r\nA: b\r\n\r\n"
    assert pack_response_head(204, reason=b"") == b"HTTP/1.1 204 \r\n\r\n"
    assert pack_response_head(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert pack_response_head(999) == b"HTTP/1.1 999 Unknown\r\n\r\n"


def test_fields() -> None:
    assert pack_fields([]) == b""
    assert pack_fields(iter([(b"A", b"b"), (b"c", b"")])) == b"A: b\r\nc:\r\n"


@pytest.mark.parametrize("name", [b"", b"A B", b"A:", b"A\r\nB", b"\xe9", b"A\n"])
def test_bad_names(name: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a field name that is not a token$"):
        pack_fields([(b"Good", b"1"), (name, b"secret")])


@pytest.mark.parametrize("value", [b"secret\r\nB: c", b"secret\n", b"secret\r", b"\x00secret", b"\x7fsecret"])
def test_bad_values_are_not_repeated(value: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a control character in the value of X-A$"):
        pack_fields([(b"X-A", value)])


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"", b"/"),
        (b"G T", b"/"),
        (b"GET", b""),
        (b"GET", b"/ b"),
        (b"GET", b"/\r\n"),
        (b"GET", b"/\x7f"),
        (b"GET\n", b"/"),
    ],
)
def test_bad_request_lines(method: bytes, target: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a method or a target that would break the request line$"):
        pack_request_head(method, target)


def test_targets_may_hold_any_visible_byte() -> None:
    assert pack_request_head(b"GET", b"!~\x80\xff") == b"GET !~\x80\xff HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(("status", "reason"), [(99, None), (1000, None), (200, b"a\r\nb"), (200, b"\x00")])
def test_bad_status_lines(status: int, reason: bytes | None) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a status or a reason phrase that would break the status line$"):
        pack_response_head(status, reason=reason)


@pytest.mark.parametrize("data", [b"hello", bytearray(b"hello"), memoryview(b"hello")])
def test_chunk(data: bytes | bytearray | memoryview) -> None:
    assert pack_chunk(data) == b"5\r\nhello\r\n"


def test_chunks_by_size() -> None:
    assert pack_chunk(b"") == b""
    assert pack_chunk(memoryview(b"abcdefgh").cast("I")) == b"8\r\nabcdefgh\r\n"
    assert pack_chunk(bytes(26)) == b"1a\r\n" + bytes(26) + b"\r\n"


def test_last_chunk() -> None:
    assert pack_last_chunk() == LAST_CHUNK == b"0\r\n\r\n"
    assert pack_last_chunk([(b"A", b"b")]) == b"0\r\nA: b\r\n\r\n"
    with pytest.raises(LocalProtocolError):
        pack_last_chunk([(b"A", b"\r\n")])


def test_error_response() -> None:
    page = (
        b"<!DOCTYPE html>\n<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n"
        b"</body>\n</html>\n"
    )
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % len(page)
    assert error_response(404) == head + b"Connection: close\r\n\r\n" + page
    assert error_response(404, close=False) == head + b"\r\n" + page
    assert error_response(404, method=b"HEAD", close=False) == head + b"\r\n"


@pytest.mark.parametrize("status", [100, 199, 204, 205, 304])
def test_pages_that_cannot_be(status: int) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a page with a status that has no content$"):
        error_response(status)


@pytest.mark.parametrize("status", [200, 203, 206, 303, 305])
def test_pages_that_can_be(status: int) -> None:
    assert error_response(status).startswith(b"HTTP/1.1 %d " % status)


def test_error_response_with_all_it_can_say() -> None:
    response = error_response(
        530, reason=b"A & B", message="<no> name → none", fields=[(b"Proxy-Authenticate", b'Basic realm="x"')]
    )
    assert response.startswith(
        b'HTTP/1.1 530 A & B\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Type: text/html\r\n'
    )
    assert b"<title>530 A &amp; B</title>" in response
    assert b"<h1>530 A &amp; B</h1>\n<p>&lt;no&gt; name &#8594; none</p>\n</body>" in response
    head, _, page = response.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(page) in head


@given(FIELDS, st.binary(max_size=9))
def test_what_is_packed_is_read_back(fields: list[Field], body: bytes) -> None:
    requests = RequestReader()
    length = [(b"Content-Length", b"%d" % len(body))]
    requests.receive_data(pack_request_head(b"PUT", b"/x", [(b"Host", b"a"), *fields, *length]) + body)
    request = requests.next_event()
    assert request is not None
    assert request.fields == [(b"Host", b"a"), *fields, *length]
    assert request.end_to_end == fields
    assert requests.take_body() == body
    responses = ResponseReader()
    responses.expect(b"GET")
    responses.receive_data(pack_response_head(299, [*fields, (b"Transfer-Encoding", b"chunked")], reason=b"x y"))
    responses.receive_data(pack_chunk(body) + pack_last_chunk(fields))
    response = responses.next_event()
    assert response is not None
    assert (response.status, response.reason, response.end_to_end) == (299, b"x y", fields)
    assert responses.take_content() == body
    assert responses.body_ended
    assert responses.trailers == fields
