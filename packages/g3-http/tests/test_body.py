"""Taking bodies by count."""

import pytest
from g3_http import Framing, RequestError, RequestReader, ResponseError, ResponseReader
from g3_machine import LocalProtocolError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


def read(stream: bytes, *, eof: bool = False, method: bytes = b"GET") -> ResponseReader:
    reader = ResponseReader()
    reader.expect(method)
    reader.receive_data(stream)
    if eof:
        reader.receive_eof()
    assert reader.next_event() is not None
    return reader


def test_before_any_head() -> None:
    reader = ResponseReader()
    assert reader.body_ended
    assert reader.body_left == 0
    assert reader.trailers == []
    assert reader.take_body() == b""
    assert reader.take_content() == b""
    reader.skip_body(0)
    with pytest.raises(LocalProtocolError, match=r"^more bytes than the body has left$"):
        reader.skip_body(1)


def test_a_part_of_a_counted_body() -> None:
    reader = read(LENGTH + b"he")
    assert reader.take_body() == b"he"
    assert (reader.body_left, reader.body_ended) == (3, False)
    reader.receive_data(b"llo")
    assert reader.take_body(3) == b"llo"
    assert (reader.body_left, reader.body_ended) == (0, True)


def test_content_length() -> None:
    reader = read(LENGTH + b"he")
    assert (reader.body_left, reader.body_ended) == (5, False)
    assert reader.take_body(1) == b"h"
    assert reader.body_left == 4
    assert reader.take_content() == b"e"
    assert reader.body_left == 3
    assert reader.take_body() == b""
    reader.receive_data(b"lloX")
    assert reader.take_body(3) == b"llo"
    assert (reader.body_left, reader.body_ended) == (0, True)
    assert reader.take_body() == b""
    assert reader.take_unread() == b"X"


def test_content_length_all_at_once() -> None:
    reader = read(LENGTH + b"hello and more")
    assert reader.take_body(99) == b"hello"
    assert reader.take_unread() == b" and more"


def test_no_body() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert reader.body_ended
    assert reader.body_left == 0
    assert reader.take_body() == b""


def test_until_close() -> None:
    reader = read(CLOSE + b"abc")
    assert (reader.body_left, reader.body_ended) == (None, False)
    assert reader.take_body(2) == b"ab"
    reader.receive_eof()
    assert not reader.body_ended
    assert reader.take_body() == b"c"
    assert (reader.body_left, reader.body_ended) == (0, True)
    assert reader.take_body() == b""
    assert reader.next_event() is None


def test_chunks_as_they_came() -> None:
    reader = read(CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\nX")
    assert (reader.body_left, reader.body_ended) == (None, False)
    assert [reader.take_body(4) for _ in range(6)] == [b"5\r\nh", b"ello", b"\r\n0\r", b"\n", b"A: b", b"\r\n"]
    assert not reader.body_ended
    assert reader.take_body(1) == b"\r"
    assert not reader.body_ended
    assert reader.take_body() == b"\n"
    assert (reader.body_left, reader.body_ended) == (0, True)
    assert reader.trailers == [(b"A", b"b")]
    assert reader.take_body() == b""
    assert reader.take_unread() == b"X"


def test_chunks_without_their_framing() -> None:
    reader = read(CHUNKED + b"5\r\nhello\r\n1;x\r\n!\r\n")
    assert [reader.take_content(6) for _ in range(4)] == [b"hel", b"lo", b"!", b""]
    reader.receive_data(b"0\r\nA: b\r\n\r\nX")
    assert not reader.body_ended
    assert reader.take_content() == b""
    assert reader.body_ended
    assert reader.trailers == [(b"A", b"b")]
    assert reader.take_unread() == b"X"


def test_both_ways_of_taking_in_turn() -> None:
    reader = read(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
    assert reader.take_body(4) == b"5\r\nh"
    assert reader.take_content(2) == b"el"
    assert reader.take_body(2) == b"lo"
    assert reader.take_body(1) == b"\r"
    with pytest.raises(LocalProtocolError, match=r"^take_body\(\) has stopped inside the framing$"):
        reader.take_content()
    assert reader.take_body() == b"\n0\r\n"
    assert reader.take_content() == b""
    assert reader.body_ended


def test_content_of_many_chunks_comes_together() -> None:
    reader = read(CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert reader.take_content() == b"hello world"
    assert reader.body_ended


def test_no_room() -> None:
    for head in (LENGTH, CLOSE, CHUNKED):
        reader = read(head)
        reader.receive_eof()
        if head != CLOSE:
            assert not reader.body_ended
        assert reader.take_body(0) == b""
        assert reader.take_content(0) == b""


@pytest.mark.parametrize("stream", [LENGTH + b"hell", CHUNKED + b"5\r\nhell", CHUNKED + b"5\r\nhello\r\n"])
@pytest.mark.parametrize("verb", ["take_body", "take_content"])
def test_the_end_comes_early(stream: bytes, verb: str) -> None:
    reader = read(stream, eof=True)
    assert getattr(reader, verb)()
    for again in (verb, verb, "next_event"):
        with pytest.raises(ResponseError, match=r"^the peer closed in the middle of a body$") as caught:
            getattr(reader, again)()
        assert caught.value.reason == "closed"


@pytest.mark.parametrize("verb", ["take_body", "take_content"])
def test_the_end_comes_early_for_one_byte_more(verb: str) -> None:
    reader = read(LENGTH, eof=True)
    with pytest.raises(ResponseError, match=r"^the peer closed in the middle of a body$"):
        getattr(reader, verb)(1)


def test_a_fault_in_a_head_is_a_fault_of_the_body_too() -> None:
    reader = RequestReader()
    reader.receive_data(b"GET /\r\n")
    for verb in (reader.next_event, reader.take_body, reader.take_content):
        with pytest.raises(RequestError, match=r"^not a request line$"):
            verb()


def test_a_fault_in_a_request_body_has_its_reply_ready() -> None:
    reader = RequestReader()
    reader.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naz\r\n")
    reader.next_event()
    assert reader.take_body() == b"1\r\na"
    assert reader.data_to_send() == b""
    for _ in range(2):
        with pytest.raises(RequestError, match=r"^chunk data without its CRLF$"):
            reader.take_body()
    assert reader.data_to_send().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert reader.data_to_send() == b""


def test_skipping() -> None:
    reader = read(LENGTH + b"h")
    with pytest.raises(LocalProtocolError, match=r"^the next bytes of the body have to be taken from the reader$"):
        reader.skip_body(1)
    assert reader.take_body() == b"h"
    reader.skip_body(3)
    assert reader.body_left == 1
    for size in (2, -1):
        with pytest.raises(LocalProtocolError, match=r"^more bytes than the body has left$"):
            reader.skip_body(size)
    reader.skip_body(0)
    assert reader.body_left == 1
    reader.skip_body(1)
    assert reader.body_ended
    reader.skip_body(0)
    with pytest.raises(LocalProtocolError, match=r"^more bytes than the body has left$"):
        reader.skip_body(1)


def test_skipping_until_close() -> None:
    reader = read(CLOSE)
    reader.skip_body(1 << 40)
    assert (reader.body_left, reader.body_ended) == (None, False)
    reader.receive_eof()
    assert reader.body_ended


def test_chunks_cannot_be_skipped() -> None:
    reader = read(CHUNKED)
    with pytest.raises(LocalProtocolError, match=r"^the next bytes of the body have to be taken from the reader$"):
        reader.skip_body(0)


def test_the_next_head_waits_for_the_body() -> None:
    readers: list[RequestReader | ResponseReader] = [read(stream) for stream in (LENGTH, CHUNKED, CLOSE)]
    readers.append(RequestReader())
    readers[-1].receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    assert readers[-1].next_event() is not None
    for reader in readers:
        with pytest.raises(LocalProtocolError, match=r"^the body of the message before has not been taken$"):
            reader.next_event()


def test_trailers_belong_to_one_message() -> None:
    reader = read(CHUNKED + b"0\r\nA: b\r\n\r\n" + LENGTH + b"hello")
    assert reader.take_body() == b"0\r\nA: b\r\n\r\n"
    reader.expect(b"HEAD")
    head = reader.next_event()
    assert head is not None
    assert head.framing is Framing.NONE
    assert reader.trailers == []
