"""Response heads: what is made of status, method and fields, and when a connection may serve again."""

import pytest
from g3_http import Framing, Leniency, Limits, ResponseError, ResponseHead, ResponseReader
from g3_machine import LocalProtocolError

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def read(
    stream: bytes, method: bytes = b"GET", *, upgrade: bool = False, leniency: Leniency | None = None
) -> tuple[ResponseReader, ResponseHead]:
    reader = ResponseReader(Limits(), leniency or Leniency())
    reader.expect(method, upgrade=upgrade)
    reader.receive_data(stream)
    head = reader.next_event()
    assert head is not None
    return reader, head


def rsp(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK", method: bytes = b"GET") -> ResponseHead:
    return read(b"\r\n".join([first, *lines, b"", b""]), method)[1]


def fault(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK", method: bytes = b"GET") -> tuple[str, int, str]:
    with pytest.raises(ResponseError) as caught:
        rsp(*lines, first=first, method=method)
    return caught.value.reason, caught.value.status, str(caught.value)


def test_all_of_a_head() -> None:
    stream = (
        b"HTTP/1.1 206 Some  of it\r\nX-One: 1\r\nConnection: keep-alive, x-two\r\nX-Two: 2\r\nHost: c\r\n"
        b"Content-Length: 5\r\nProxy-Authenticate: Basic\r\n\r\n"
    )
    assert read(stream)[1] == ResponseHead(
        status=206,
        reason=b"Some  of it",
        minor=1,
        block=(
            b"\nX-One: 1\r\nConnection: keep-alive, x-two\r\nX-Two: 2\r\nHost: c\r\nContent-Length: 5\r\n"
            b"Proxy-Authenticate: Basic\r\n"
        ),
        end_to_end_block=b"\nX-One: 1\r\nHost: c\r\n",
        control={
            b"connection": b"keep-alive, x-two",
            b"content-length": b"5",
            b"proxy-authenticate": b"Basic",
        },
        framing=Framing.LENGTH,
        content_length=5,
        keep_alive=True,
        size=len(stream),
    )


def test_repr() -> None:
    head = rsp(b"Set-Cookie: secret", b"Transfer-Encoding: chunked", first=b"HTTP/1.1 404 secret")
    assert repr(head) == "<ResponseHead 404 HTTP/1.1, 2 fields, body chunked>"


@pytest.mark.parametrize("status", range(100, 1000, 33))
def test_status(status: int) -> None:
    head = rsp(b"Content-Length: 0", first=b"HTTP/1.1 %d " % status)
    assert (head.status, head.reason, head.interim) == (status, b"", status < 200)


@pytest.mark.parametrize(
    ("method", "status", "lines", "expected"),
    [
        (b"GET", 200, [], (Framing.CLOSE, None)),
        (b"GET", 200, [b"Content-Length: 5"], (Framing.LENGTH, 5)),
        (b"GET", 200, [b"Transfer-Encoding: chunked"], (Framing.CHUNKED, None)),
        (b"HEAD", 200, [b"Content-Length: 5"], (Framing.NONE, 5)),
        (b"HEAD", 200, [], (Framing.NONE, None)),
        (b"HEAD", 204, [b"Content-Length: 0"], (Framing.NONE, None)),
        (b"GET", 204, [], (Framing.NONE, None)),
        (b"GET", 205, [], (Framing.CLOSE, None)),
        (b"GET", 304, [b"Content-Length: 5"], (Framing.NONE, 5)),
        (b"GET", 304, [b"Transfer-Encoding: chunked"], (Framing.NONE, None)),
        (b"GET", 305, [], (Framing.CLOSE, None)),
        (b"GET", 199, [b"Content-Length: 0"], (Framing.NONE, None)),
        (b"CONNECT", 200, [b"Content-Length: x", b"Transfer-Encoding: y"], (Framing.NONE, None)),
        (b"CONNECT", 299, [], (Framing.NONE, None)),
        (b"CONNECT", 300, [], (Framing.CLOSE, None)),
        (b"CONNECT", 199, [], (Framing.NONE, None)),
        (b"connect", 200, [], (Framing.CLOSE, None)),
    ],
)
def test_framing(method: bytes, status: int, lines: list[bytes], expected: tuple[Framing, int | None]) -> None:
    head = rsp(*lines, first=b"HTTP/1.1 %d " % status, method=method)
    assert (head.framing, head.content_length) == expected


@pytest.mark.parametrize("status", [100, 103, 199, 204])
@pytest.mark.parametrize("line", [b"Content-Length: 1", b"Transfer-Encoding: chunked"])
def test_content_where_there_is_none(status: int, line: bytes) -> None:
    no = ("content", 502, "content in a response whose status has none")
    assert fault(line, first=b"HTTP/1.1 %d " % status) == no


@pytest.mark.parametrize(
    ("first", "lines", "keep_alive"),
    [
        (b"HTTP/1.1 200 ", [], True),
        (b"HTTP/1.1 200 ", [b"Connection: close"], False),
        (b"HTTP/1.1 200 ", [b"Proxy-Connection: close"], False),
        (b"HTTP/1.1 200 ", [b"Connection: keep-alive", b"Proxy-Connection: Close"], False),
        (b"HTTP/1.0 200 ", [], False),
        (b"HTTP/1.0 200 ", [b"Connection: keep-alive"], True),
        (b"HTTP/1.0 200 ", [b"Proxy-Connection: keep-alive"], True),
        (b"HTTP/1.0 200 ", [b"Connection: keep-alive, close"], False),
    ],
)
def test_keep_alive(first: bytes, lines: list[bytes], keep_alive: bool) -> None:
    stream = b"\r\n".join([first, b"Content-Length: 0", *lines, b"", b""])
    reader, head = read(stream)
    assert head.keep_alive == reader.reusable == keep_alive
    assert not rsp(*lines, first=first).keep_alive  # until close


def test_reusable() -> None:
    reader = ResponseReader()
    assert reader.reusable
    reader.expect(b"GET")
    assert not reader.reusable
    reader.receive_data(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
    assert not reader.reusable
    reader.next_event()
    assert not reader.reusable
    reader.take_body()
    assert not reader.reusable
    reader.receive_data(b"i")
    reader.take_body()
    assert reader.reusable
    reader.expect(b"GET")
    reader.expect(b"HEAD")
    reader.receive_data(EMPTY)
    reader.next_event()
    assert not reader.reusable
    reader.receive_data(EMPTY)
    reader.next_event()
    assert reader.reusable
    reader.receive_eof()
    assert not reader.reusable


def test_not_reusable_after_a_byte_that_nobody_asked_for() -> None:
    reader, _ = read(EMPTY)
    reader.receive_data(b"H")
    assert not reader.reusable
    with pytest.raises(ResponseError, match=r"^bytes that answer no request$") as caught:
        reader.next_event()
    assert (caught.value.reason, caught.value.status) == ("unasked", 502)
    reader.take_unread()
    assert not reader.reusable


def test_nothing_expected() -> None:
    reader = ResponseReader()
    assert reader.next_event() is None
    reader.receive_eof()
    assert reader.next_event() is None


def test_pipelined_responses_answer_in_turn() -> None:
    reader = ResponseReader()
    for method in (b"HEAD", b"GET", b"HEAD"):
        reader.expect(method)
    five = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    reader.receive_data(five + five + b"hello" + five)
    framings = []
    while (head := reader.next_event()) is not None:
        framings.append(head.framing)
        reader.take_body()
    assert framings == [Framing.NONE, Framing.LENGTH, Framing.NONE]


def test_no_response_after_the_last_one() -> None:
    reader, head = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" + EMPTY)
    assert not head.keep_alive
    reader.expect(b"GET")
    with pytest.raises(ResponseError, match=r"^the response before was the last on this connection$") as caught:
        reader.next_event()
    assert caught.value.reason == "no_response"


def test_closed() -> None:
    for stream, text, reason in (
        (b"", "the peer closed instead of answering", "no_response"),
        (b"H", "the peer closed in the middle of a head", "closed"),
    ):
        reader = ResponseReader()
        reader.expect(b"GET")
        reader.receive_data(stream)
        assert reader.next_event() is None
        reader.receive_eof()
        with pytest.raises(ResponseError, match=f"^{text}$") as caught:
            reader.next_event()
        assert (caught.value.reason, caught.value.status) == (reason, 502)


def test_interim_responses() -> None:
    reader = ResponseReader()
    reader.expect(b"HEAD")
    reader.receive_data(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + EMPTY)
    heads = []
    while (head := reader.next_event()) is not None:
        heads.append((head.status, head.interim))
    assert heads == [(100, True), (103, True), (200, False)]
    assert reader.reusable


def test_an_interim_response_does_not_close() -> None:
    reader, head = read(b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + EMPTY)
    assert not head.keep_alive
    assert reader.next_event() is not None
    assert reader.reusable


def test_199_is_interim() -> None:
    reader, head = read(b"HTTP/1.1 199 x\r\n\r\n" + EMPTY)
    assert (head.status, head.keep_alive) == (199, True)
    assert not reader.reusable
    assert reader.next_event() is not None
    assert reader.reusable
    _, head = read(b"HTTP/1.1 199 x\r\n\r\n" + EMPTY, b"CONNECT")
    assert (head.status, head.keep_alive) == (199, True)
    no = ("content", 502, "content in a response whose status has none")
    assert fault(b"Content-Length: 1", first=b"HTTP/1.1 199 x", method=b"CONNECT") == no


def test_too_many_interim_responses_to_the_first_request() -> None:
    reader = ResponseReader()
    reader.expect(b"GET")
    reader.receive_data(b"HTTP/1.1 102 Processing\r\n\r\n" * 33)
    for _ in range(32):
        assert reader.next_event() is not None
    with pytest.raises(ResponseError, match=r"^too many interim responses$"):
        reader.next_event()


def test_too_many_interim_responses() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    reader = ResponseReader()
    for method in (b"GET", b"GET"):
        reader.expect(method)
        reader.receive_data(interim * 32 + EMPTY)
        for _ in range(33):
            assert reader.next_event() is not None
    reader.expect(b"GET")
    reader.receive_data(interim * 33)
    for _ in range(32):
        assert reader.next_event() is not None
    with pytest.raises(ResponseError, match=r"^too many interim responses$") as caught:
        reader.next_event()
    assert caught.value.reason == "interim"


def test_switching() -> None:
    stream = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly"
    reader, head = read(stream, upgrade=True)
    assert (head.status, head.interim) == (101, False)
    assert not reader.reusable
    with pytest.raises(LocalProtocolError, match=r"^the connection speaks another protocol now$"):
        reader.next_event()
    assert reader.take_unread() == b"early"
    with pytest.raises(ResponseError, match=r"^a switch of protocols that nobody asked for$") as caught:
        read(stream)
    assert caught.value.reason == "switch"


def test_a_tunnel() -> None:
    reader, _ = read(b"HTTP/1.1 200 OK\r\n\r\nearly", b"CONNECT")
    with pytest.raises(LocalProtocolError, match=r"^the connection speaks another protocol now$"):
        reader.next_event()
    assert reader.take_unread() == b"early"
    assert not reader.reusable


def test_an_interim_response_to_connect_opens_no_tunnel() -> None:
    reader, _ = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"CONNECT")
    assert reader.next_event() is not None
    with pytest.raises(LocalProtocolError):
        reader.next_event()


def test_a_refused_tunnel() -> None:
    reader, head = read(b"HTTP/1.1 300 No\r\nContent-Length: 2\r\n\r\nno", b"CONNECT")
    assert head.content_length == 2
    assert reader.take_body() == b"no"
    assert reader.reusable


def test_bare_status_line() -> None:
    bare = b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"
    head = read(bare, leniency=Leniency(bare_status_line=True))[1]
    assert (head.status, head.reason) == (200, b"")
    no = ("status_line", 502, "a status line without a space behind its code")
    assert fault(b"Content-Length: 0", first=b"HTTP/1.1 200") == no


@pytest.mark.parametrize(
    ("line", "reason", "text"),
    [
        (b"HTTP/1.2 200 OK", "version", "a version other than HTTP/1.0 and HTTP/1.1"),
        (b"HTTP/2.0 200", "version", "a version other than HTTP/1.0 and HTTP/1.1"),
        (b"HTTP/1.1 099 OK", "status_line", "not a status line"),
        (b"HTTP/1.1 1000 OK", "status_line", "not a status line"),
        (b"HTTP/1.0 abc OK", "status_line", "not a status line"),
        (b"HTTP/1.0 099 OK", "status_line", "not a status line"),
        (b"SIP/2.0 200 OK", "status_line", "not a status line"),
    ],
)
def test_first_lines(line: bytes, reason: str, text: str) -> None:
    assert fault(first=line) == (reason, 502, text)


def test_the_body_comes_before_the_next_response() -> None:
    reader = ResponseReader()
    for _ in range(2):
        reader.expect(b"GET")
    reader.receive_data(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 204 No Content\r\n\r\n")
    assert reader.next_event() is not None
    with pytest.raises(LocalProtocolError, match=r"^the body of the message before has not been taken$"):
        reader.next_event()
    assert reader.take_body() == b"x"
    assert reader.next_event() is not None
