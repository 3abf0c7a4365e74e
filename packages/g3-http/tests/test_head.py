"""Reading heads whole and line by line: limits to the byte, faults at their line, work that grows with the bytes."""

import re
from typing import Any, cast

import pytest
from g3_http import Limits, RequestError, RequestHead, RequestReader, ResponseError, ResponseReader
from g3_http._head import HeadReader
from g3_machine.testing import Script, assert_splits_agree, cut
from hypothesis import given
from hypothesis import strategies as st

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"
UNTIDY = b"GET / HTTP/1.1\r\nHost: a \r\nX:\t1\t\r\n\r\n"


def fault(stream: bytes, limits: Limits) -> tuple[str, int, str]:
    """The fault of a request, the same however it is split."""
    story = assert_splits_agree(lambda: RequestReader(limits), stream, cuts=[16, 17, 30])
    assert story.events == ()
    reader = RequestReader(limits)
    reader.receive_data(stream)
    with pytest.raises(RequestError) as caught:
        reader.next_event()
    assert story.fault == (RequestError, str(caught.value), caught.value.reply)
    return caught.value.reason, caught.value.status, str(caught.value)


def head_of(stream: bytes, limits: Limits | None = None) -> RequestHead:
    story = assert_splits_agree(lambda: RequestReader(limits or Limits()), stream, cuts=[16, 17, 30])
    assert story.fault is None
    [head] = story.events
    return head  # type: ignore[no-any-return]  # a story's events are of any kind


@pytest.mark.parametrize("stream", [HEAD, UNTIDY])
def test_whole_or_line_by_line(stream: bytes) -> None:
    head = head_of(stream)
    assert head.fields == [(b"Host", b"a"), (b"X", b"1")]
    assert head.size == len(stream)


@pytest.mark.parametrize("stream", [HEAD, UNTIDY])
def test_what_lies_behind_stays(stream: bytes) -> None:
    for pieces in ([stream + stream + b"GE"], cut(stream + stream + b"GE", [20])):
        reader = RequestReader()
        for piece in pieces:
            reader.receive_data(piece)
        assert isinstance(reader.next_event(), RequestHead)
        assert reader.head_begun
        assert isinstance(reader.next_event(), RequestHead)
        assert reader.next_event() is None
        assert reader.take_unread() == b"GE"
        assert not reader.head_begun


@pytest.mark.parametrize("stream", [HEAD, UNTIDY])
def test_head_size(stream: bytes) -> None:
    assert head_of(stream, Limits(head_size=len(stream))).size == len(stream)
    for size in range(17, len(stream)):
        assert fault(stream, Limits(head_size=size)) == ("head_size", 431, "a head that is too large")
    for size in range(1, 16):
        limits = Limits(head_size=size, line_length=99)
        assert fault(stream, limits) == ("head_size", 414, "a head that is too large")
        assert fault(stream[:size], limits) == ("head_size", 414, "a head that is too large")
    assert fault(stream, Limits(head_size=16)) == ("head_size", 431, "a head that is too large")
    assert fault(stream[:16], Limits(head_size=16)) == ("head_size", 431, "a head that is too large")


def test_a_head_that_is_too_large_is_not_looked_into() -> None:
    for stream in (HEAD[:16], HEAD[:16] + b"\x00"):
        assert fault(stream, Limits(head_size=16)) == ("head_size", 431, "a head that is too large")


def test_a_head_that_may_still_fit_is_waited_for() -> None:
    reader = RequestReader(Limits(head_size=len(HEAD)))
    for at in range(len(HEAD)):
        assert reader.next_event() is None
        reader.receive_data(HEAD[at : at + 1])
    assert reader.next_event() is not None


def test_line_length() -> None:
    stream = b"GET / HTTP/1.1\r\nHost: a\r\nX: 12345678901\r\n\r\n"
    assert head_of(stream, Limits(line_length=16)).size == len(stream)
    assert fault(stream, Limits(line_length=15)) == ("line_length", 414, "a line that is too long")
    assert fault(stream[:15], Limits(line_length=15)) == ("line_length", 414, "a line that is too long")
    longer = stream.replace(b"01", b"012")
    assert fault(longer, Limits(line_length=16)) == ("line_length", 431, "a line that is too long")
    assert fault(longer[:41], Limits(line_length=16)) == ("line_length", 431, "a line that is too long")


def test_which_limit_speaks_when_both_are_reached() -> None:
    assert fault(HEAD, Limits(head_size=10, line_length=10))[0] == "line_length"
    assert fault(HEAD, Limits(head_size=10, line_length=11))[0] == "head_size"
    assert fault(HEAD, Limits(head_size=20, line_length=16))[0] == "head_size"
    assert fault(HEAD, Limits(head_size=24, line_length=16))[0] == "head_size"


@pytest.mark.parametrize("end", [b"\r\n", b" \r\n"])
def test_field_count(end: bytes) -> None:
    stream = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2" + end + b"\r\n"
    assert len(head_of(stream, Limits(fields=3)).fields) == 3
    assert fault(stream, Limits(fields=2)) == ("field_count", 431, "too many field lines")
    assert fault(stream[:-2], Limits(fields=2)) == ("field_count", 431, "too many field lines")


def test_the_shortest_lines_are_counted_as_well() -> None:
    first, lines = b"GET / HTTP/1.1\r\n", [b"A: 1\r\n"] * 101
    stream = first + b"".join(lines) + b"Host: a\r\n\r\n"
    assert len(head_of(stream, Limits(fields=102)).fields) == 102
    assert fault(stream, Limits(fields=101))[0] == "field_count"
    assert fault(stream, Limits(fields=100))[0] == "field_count"


def test_empty_lines() -> None:
    reader = RequestReader()
    reader.receive_data(b"\r\n\r\n" + HEAD + b"\r\n\r\n\r\n\r\n" + HEAD + b"\r\n" * 5)
    for _ in range(2):
        head = reader.next_event()
        assert head is not None
        assert head.size == len(HEAD)
    for _ in range(2):
        with pytest.raises(RequestError, match=r"^empty lines before the first line of a head$") as caught:
            reader.next_event()
        assert (caught.value.reason, caught.value.status) == ("empty_lines", 400)


def test_empty_lines_are_counted_from_none_behind_a_head() -> None:
    reader = RequestReader()
    reader.receive_data(HEAD + b"\r\n" * 5 + HEAD)
    assert reader.next_event() is not None
    with pytest.raises(RequestError, match=r"^empty lines before the first line of a head$"):
        reader.next_event()


def test_empty_lines_are_counted_anew_when_they_come_alone() -> None:
    reader = RequestReader()
    for _ in range(3):
        reader.receive_data(b"\r\n" * 4)
        assert reader.next_event() is None
        reader.receive_data(HEAD)
        assert reader.next_event() is not None


def test_empty_lines_are_counted_anew_for_an_untidy_head() -> None:
    reader = RequestReader()
    reader.receive_data((b"\r\n" * 4 + UNTIDY) * 2 + b"\r\n" * 4 + HEAD)
    for _ in range(3):
        assert reader.next_event() is not None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b" folded\r\n", "a field line that continues the one before"),
        (b"\tfolded\r\n", "a field line that continues the one before"),
        (b"A: b\n", "a field line that ends with LF alone"),
        (b"\x00", "not a field line"),
        (b"\n", "a field line that ends with LF alone"),
        (b": b\r\n", "not a field line"),
        (b"A : b\r\n", "not a field line"),
        (b"A\r\n", "not a field line"),
        (b"\rA: b\r\n", "not a field line"),
    ],
)
def test_field_faults(line: bytes, text: str) -> None:
    assert fault(HEAD[:-2] + line + b"\r\n", Limits()) == ("field", 400, text)


@pytest.mark.parametrize(
    "stream", [b"\x16", b" ", b"GET / HTTP/1.1\r\n ", b"GET / HTTP/1.1\r\nHost: a\r\n\x00", b"GET / HTTP/1.1\n"]
)
def test_a_faulty_line_is_refused_before_the_head_is_whole(stream: bytes) -> None:
    reader = RequestReader()
    reader.receive_data(stream)
    with pytest.raises(RequestError):
        reader.next_event()


def test_the_first_fault_counts() -> None:
    assert fault(b"GET / HTTP/1.1\r\nX : 1\r\n" + b"A: 1\r\n" * 9 + b"\r\n", Limits(fields=5))[0] == "field"
    assert fault(b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 9 + b"X : 1\r\n\r\n", Limits(fields=5))[0] == "field_count"
    assert fault(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX : 1\r\n\r\n", Limits())[0] == "field"


def test_a_fault_and_its_reply() -> None:
    with Script(RequestReader()) as script:
        script.event(None)
        script >> b"GET / HTTP/1.1\r\nHost: a\r\n"
        script.event(None)
        script >> b"Broken\r\n"
        error = script.fault(r"^not a field line$", RequestError)
        script.fault(r"^not a field line$", RequestError)
        script << error.reply


def test_a_response_reader_allows_no_empty_line() -> None:
    reader = ResponseReader()
    reader.expect(b"GET")
    reader.receive_data(b"\r\nHTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(ResponseError, match=r"^empty lines before the first line of a head$"):
        reader.next_event()


def test_a_head_reader_is_only_a_base() -> None:
    reader: HeadReader[object] = HeadReader(HeadReader._read_head, Limits())
    with pytest.raises(NotImplementedError):
        reader._first_line_error(b"")
    with pytest.raises(NotImplementedError):
        reader._build(b"", b"", b"", b"\n", 0)


class Box(bytearray):
    """An inbox that counts the bytes that are looked at."""

    work = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        found = super().find(sub, start, end)
        self.work += (len(self) if found < 0 else found + 1) - start
        return found


class Pattern:
    """A pattern that counts the bytes that it is given."""

    def __init__(self, pattern: re.Pattern[bytes], box: Box) -> None:
        self.pattern = pattern
        self.box = box

    def match(self, data: bytearray) -> re.Match[bytes] | None:
        self.box.work += len(data)
        return self.pattern.match(data)


@given(st.sampled_from([1, 7, 1000]), st.sampled_from([b"A:\r\n", b"A: " + b"b" * 5000 + b"\r\n", b"Abc: d \r\n"]))
def test_the_work_grows_with_the_bytes(size: int, line: bytes) -> None:
    limits = Limits(fields=20000)
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + line * (65000 // len(line)) + b"\r\n"
    box = Box()

    class Counting(RequestReader):
        _tidy_head = cast("re.Pattern[bytes]", Pattern(RequestReader._tidy_head, box))

    reader = Counting(limits)
    reader._inbox = box
    for at in range(0, len(head), size):
        assert reader.next_event() is None
        reader.receive_data(head[at : at + size])
    assert reader.next_event() is not None
    assert box.work <= 3 * len(head)
