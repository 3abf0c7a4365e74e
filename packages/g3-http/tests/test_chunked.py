"""Walking over chunks; tests/vectors holds what is good and bad on the wire."""

import pytest
from g3_http import FORBIDDEN_TRAILERS, Limits, RequestError, ResponseError
from g3_http._chunked import ChunkedBody

ALL = 1 << 62


def walk(stream: bytes, room: int = ALL, limits: Limits | None = None) -> tuple[ChunkedBody, int, bytes]:
    body = ChunkedBody(limits or Limits(), RequestError)
    content: list[bytes] = []
    return body, body.advance(bytearray(stream), room, content), b"".join(content)


def test_a_whole_body() -> None:
    stream = b"5\r\nhello\r\n3;x\r\n wo\r\n3\r\nrld\r\n0\r\nA: b \r\nC:\r\n\r\nGET /"
    body, walked, content = walk(stream)
    assert walked == len(stream) - 5
    assert content == b"hello world"
    assert body.ended
    assert body.trailers == [(b"A", b"b"), (b"C", b"")]


def test_content_is_optional() -> None:
    body = ChunkedBody(Limits(), RequestError)
    assert body.advance(bytearray(b"5\r\nhello\r\n0\r\n\r\n"), ALL) == 15
    assert body.ended


def test_nothing_behind_the_end_is_walked_over() -> None:
    body, walked, _ = walk(b"0\r\n\r\n0\r\n\r\n")
    assert walked == 5
    assert body.advance(bytearray(b"0\r\n\r\n"), ALL) == 0


@pytest.mark.parametrize(
    ("room", "walked", "content"),
    [
        (0, 0, b""),
        (1, 3, b""),
        (3, 3, b""),
        (4, 4, b"h"),
        (7, 7, b"hell"),
        (8, 13, b"hello"),
        (13, 13, b"hello"),
        (14, 14, b"hello!"),
        (15, 20, b"hello!?"),
        (20, 20, b"hello!?"),
        (21, 25, b"hello!?"),
        (25, 25, b"hello!?"),
        (26, 27, b"hello!?"),
        (99, 27, b"hello!?"),
    ],
)
def test_room(room: int, walked: int, content: bytes) -> None:
    """A plain size line belongs to the data before it."""
    stream = b"5\r\nhello\r\n2\r\n!?\r\n0\r\nA:1\r\n\r\n"
    assert walk(stream, room)[1:] == (walked, content)


def test_step_by_step() -> None:
    body = ChunkedBody(Limits(), RequestError)
    assert [body.advance(bytearray(piece), ALL) for piece in (b"", b"5", b"5;", b"5;a\r", b"5;a\r\n")] == [
        0,
        0,
        0,
        0,
        5,
    ]
    assert [body.advance(bytearray(piece), ALL) for piece in (b"he", b"llo", b"", b"\r", b"\r\n", b"0\r")] == [
        2,
        3,
        0,
        0,
        2,
        0,
    ]
    assert [body.advance(bytearray(piece), ALL) for piece in (b"0\r\n", b"A: b", b"A: b\r\n", b"\r", b"\r\n")] == [
        3,
        0,
        6,
        0,
        2,
    ]
    assert body.ended
    assert body.trailers == [(b"A", b"b")]


def test_a_line_is_searched_from_its_own_beginning() -> None:
    body = ChunkedBody(Limits(), RequestError)
    assert body.advance(bytearray(b"5;abcdef"), ALL) == 0
    assert body.advance(bytearray(b"5;abcdef\r\nhello\r\n0\r\nA:\r\n\r\n"), ALL) == 26
    assert body.ended


def test_sizes_are_hexadecimal_in_every_chunk() -> None:
    stream = b"10\r\n" + bytes(16) + b"\r\n1a\r\n" + bytes(26) + b"\r\n10;x\r\n" + bytes(16) + b"\r\n0\r\n\r\n"
    body, walked, content = walk(stream)
    assert (body.ended, walked, content) == (True, len(stream), bytes(58))


def test_an_unfinished_line_is_searched_once() -> None:
    class Box(bytearray):
        starts: list[int] = []  # noqa: RUF012  # one list for the one box of this test

        def find(self, sub, start=0, end=None, /):  # type: ignore[no-untyped-def]  # as bytearray has it
            self.starts.append(start)
            return super().find(sub, start, end)

    body = ChunkedBody(Limits(), RequestError)
    box = Box(b"1;a=")
    for _ in range(5):
        assert body.advance(box, ALL) == 0
        box += b"bb"
    assert box.starts == [0, 4, 6, 8, 10]
    box += b"\r\nx"
    assert body.advance(box, ALL) == len(box)


@pytest.mark.parametrize("room", [ALL, 3])
def test_a_fault_waits_for_what_is_good(room: int) -> None:
    body = ChunkedBody(Limits(), RequestError)
    assert body.advance(bytearray(b"1\r\nxz"), room) == (4 if room == ALL else 3)
    if room == 3:
        assert body.advance(bytearray(b"xz"), room) == 1
    for _ in range(2):
        with pytest.raises(RequestError, match=r"^chunk data without its CRLF$") as caught:
            body.advance(bytearray(b"z"), room)
        assert (caught.value.reason, caught.value.status) == ("chunk", 400)


def test_the_fault_is_the_readers() -> None:
    body = ChunkedBody(Limits(), ResponseError)
    with pytest.raises(ResponseError, match=r"^not a chunk size$"):
        body.advance(bytearray(b"g\r\n"), ALL)


@pytest.mark.parametrize("size", [b"7fffffffffffffff", b"8000000000000000", b"ffffffffffffffff"])
def test_the_largest_chunk(size: bytes) -> None:
    if size < b"8":
        assert walk(size + b"\r\nx")[1] == 19
    else:
        with pytest.raises(RequestError, match=r"^not a chunk size$"):
            walk(size + b"\r\nx")


def test_the_largest_chunk_behind_another() -> None:
    fifteen = b"fffffffffffffff"
    assert walk(b"1\r\nx\r\n" + fifteen + b"\r\ny")[1] == 6 + 17 + 1
    assert walk(b"1\r\nx\r\n0" + fifteen + b"\r\ny")[1] == 6 + 18 + 1
    assert walk(b"1\r\nx\r\nf" + fifteen + b"\r\ny")[1] == 6


@pytest.mark.parametrize("part", [b"", b"0\r\n"])
def test_the_longest_line(part: bytes) -> None:
    limits = Limits(body_line_length=20)
    line = b"1;" + b"a" * 16 + b"\r\n" if not part else b"A:" + b"a" * 16 + b"\r\n"
    assert walk(part + line, limits=limits)[1] == len(part) + 20
    for longer in (line[:-2] + b"a\r\n", line[:-2] + b"aa"):
        body = ChunkedBody(limits, RequestError)
        assert body.advance(bytearray(part), ALL) == len(part)
        assert body.advance(bytearray(longer[:19]), ALL) == 0
        with pytest.raises(RequestError, match=r"^a line in a chunked body that is too long$") as caught:
            body.advance(bytearray(longer), ALL)
        assert (caught.value.reason, caught.value.status) == ("body_line_length", 413)


def test_the_largest_trailer_section() -> None:
    limits = Limits(trailer_size=10)
    assert walk(b"0\r\nA:1\r\nB:2\r\n\r\n", limits=limits)[0].ended
    body, walked, _ = walk(b"0\r\nA:1\r\nB:22\r\n\r\n", limits=limits)
    assert walked == 8
    with pytest.raises(RequestError, match=r"^a trailer section that is too large$") as caught:
        body.advance(bytearray(b"B:22\r\n"), ALL)
    assert (caught.value.reason, caught.value.status) == ("trailer_size", 431)
    assert body.advance(bytearray(b"B:2\r\n"), ALL) == 5


def test_bad_trailers() -> None:
    body = walk(b"0\r\n")[0]
    with pytest.raises(RequestError, match=r"^not a trailer field line$") as caught:
        body.advance(bytearray(b"A\r\n"), ALL)
    assert (caught.value.reason, caught.value.status) == ("trailer", 400)
    for name in FORBIDDEN_TRAILERS:
        with pytest.raises(
            RequestError, match=r"^a trailer field that would change how the message is read$"
        ) as caught:
            body.advance(bytearray(name.title() + b": 1\r\n"), ALL)
        assert caught.value.reason == "trailer"
    assert body.trailers == []
    assert body.advance(bytearray(b"ETag: 1\r\n"), ALL) == 9


def test_forbidden_trailers() -> None:
    assert {b"content-length", b"transfer-encoding", b"host", b"authorization", b"trailer"} <= FORBIDDEN_TRAILERS
    assert all(name == name.lower() for name in FORBIDDEN_TRAILERS)
    assert len(FORBIDDEN_TRAILERS) == 19
