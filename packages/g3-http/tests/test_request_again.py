"""Requests with the field lines of the one before: read in a shorter way, and read the same."""

import pytest
from g3_http import MAX_EMPTY_LINES, Leniency, Limits, RequestError, RequestHead, RequestReader
from hypothesis import given
from hypothesis import strategies as st

FIELDS = b"Host: a.example\r\nX-One: 1\r\nAccept: */*\r\n\r\n"

first_lines = st.builds(
    b"%b %b HTTP/1.%b".__mod__,
    st.tuples(
        st.sampled_from([b"GET", b"HEAD", b"POST", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"G ET"]),
        st.sampled_from([b"/", b"/a?b", b"http://a.example/", b"http://b.example:81/c", b"*", b"a.example:443", b"?"]),
        st.sampled_from([b"0", b"1", b"1", b"1", b"2"]),
    ),
)
field_lines = st.lists(
    st.sampled_from(
        [
            b"Host: a.example",
            b"Host: b.example:81",
            b"Connection: keep-alive",
            b"Connection: close",
            b"Connection: x-one",
            b"Connection: upgrade",
            b"Upgrade: websocket",
            b"X-One: 1",
            b"X-Two:2 ",
            b"Expect: 100-continue",
            b"Content-Length: 0",
            b"Max-Forwards: 3",
            b"Proxy-Connection: close",
        ]
    ),
    max_size=4,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def after(*heads: bytes, leniency: Leniency | None = None, limits: Limits | None = None) -> RequestHead:
    """The last of some heads that come one by one."""
    reader = RequestReader(limits or Limits(), leniency or Leniency())
    head = None
    for stream in heads:
        reader.receive_data(stream)
        head = reader.next_event()
    assert head is not None
    return head


@given(before=st.tuples(first_lines, field_lines), lines=st.lists(first_lines, min_size=1, max_size=3))
def test_what_came_before_changes_nothing(before: tuple[bytes, bytes], lines: list[bytes]) -> None:
    fields = before[1] + b"\r\n"
    reader = RequestReader()
    for line in [before[0], *lines]:
        stream = line + b"\r\n" + fields
        fresh = RequestReader()
        told: list[RequestHead | str | None] = []
        for one in (fresh, reader):
            one.receive_data(stream)
            try:
                told.append(one.next_event())
            except RequestError as fault:
                told.append(str(fault))
        assert told[0] == told[1]
        if isinstance(told[0], str) or told[0] is None or not told[0].keep_alive or told[0].method == b"CONNECT":
            return
        if not reader.body_ended:
            return
        assert reader._inbox == fresh._inbox == b""


def test_the_fields_are_the_same_objects() -> None:
    """Which shows that they were not read again."""
    reader = RequestReader()
    heads = []
    for line in (b"GET /a HTTP/1.1\r\n", b"HEAD /b HTTP/1.1\r\n"):
        reader.receive_data(line + FIELDS)
        head = reader.next_event()
        assert head is not None
        heads.append(head)
    one, two = heads
    assert two.control is one.control
    assert (two.method, two.target.path, two.target.host) == (b"HEAD", b"/b", "a.example")
    assert two.size == one.size + 1


@pytest.mark.parametrize(
    "line", [b"OPTIONS / HTTP/1.1", b"TRACE / HTTP/1.1", b"CONNECT a.example:443 HTTP/1.1", b"GET / HTTP/1.0"]
)
def test_methods_and_versions_with_rules_of_their_own_are_read_anew(line: bytes) -> None:
    stream = line + b"\r\n" + FIELDS
    assert after(b"GET / HTTP/1.1\r\n" + FIELDS, stream) == after(stream)


@pytest.mark.parametrize(("size", "kept"), [(2048, True), (2049, False)])
def test_long_fields_are_not_kept(size: int, kept: bool) -> None:
    reader = RequestReader()
    first, last = b"GET / HTTP/1.1\r\n", b"Host: a.example\r\nCookie: "
    stream = first + last + b"x" * (size - len(last) - 3) + b"\r\n\r\n"
    heads = []
    for _ in range(2):
        reader.receive_data(stream)
        head = reader.next_event()
        assert head is not None
        heads.append(head)
    assert len(heads[0].block) == size
    assert (heads[0].control is heads[1].control) is kept


def test_what_was_removed_from_one_head_is_in_the_next() -> None:
    reader = RequestReader()
    for _ in range(3):
        reader.receive_data(b"GET / HTTP/1.1\r\n" + FIELDS)
        head = reader.next_event()
        assert head is not None
        assert head.end_to_end == [(b"X-One", b"1"), (b"Accept", b"*/*")]
        head.remove((b"x-one",))


@pytest.mark.parametrize("cut", range(1, 16 + len(FIELDS)))
def test_a_head_in_two_pieces(cut: int) -> None:
    stream = b"GET / HTTP/1.1\r\n" + FIELDS
    reader = RequestReader()
    reader.receive_data(stream)
    one = reader.next_event()
    reader.receive_data(stream[:cut])
    assert reader.next_event() is None
    reader.receive_data(stream[cut:])
    assert reader.next_event() == one
    assert not reader.head_begun


def test_two_heads_at_once() -> None:
    stream = b"GET / HTTP/1.1\r\n" + FIELDS
    reader = RequestReader()
    reader.receive_data(stream)
    one = reader.next_event()
    reader.receive_data(stream * 2)
    assert [reader.next_event(), reader.next_event(), reader.next_event()] == [one, one, None]


def test_empty_lines_before_each_head_are_counted_from_the_start() -> None:
    reader = RequestReader()
    for _ in range(5):
        reader.receive_data(b"\r\n" + b"GET / HTTP/1.1\r\n" + FIELDS)
        assert reader.next_event() is not None
        reader.receive_data(b"GET / HTTP/1.1\r\n" + FIELDS)
        assert reader.next_event() is not None


def test_empty_lines_behind_a_repeated_head_are_counted_from_the_start() -> None:
    reader = RequestReader()
    for _ in range(2):
        reader.receive_data(b"GET / HTTP/1.1\r\n" + FIELDS)
        assert reader.next_event() is not None
    reader.receive_data(b"\r\n" * (MAX_EMPTY_LINES + 1))
    with pytest.raises(RequestError, match="empty lines"):
        reader.next_event()


@pytest.mark.parametrize("limits", [Limits(head_size=80), Limits(line_length=80)], ids=["head", "line"])
def test_limits_hold(limits: Limits) -> None:
    short = b"GET / HTTP/1.1\r\n" + FIELDS
    fits, long = (b"GET /%b HTTP/1.1\r\n" % (b"a" * count) + FIELDS for count in (22, 100))
    assert len(fits) == 80
    assert after(short, fits, limits=limits).size == 80
    with pytest.raises(RequestError, match="too l"):
        after(short, long, limits=limits)


def test_a_head_of_many_lines_may_be_longer_than_a_line() -> None:
    limits = Limits(line_length=40)
    stream = b"GET / HTTP/1.1\r\n" + FIELDS
    assert after(stream, stream, stream, limits=limits) == after(stream, limits=limits)


def test_another_host_is_refused_or_noticed() -> None:
    first = b"GET http://a.example/ HTTP/1.1\r\n"
    assert after(first + FIELDS, first + FIELDS).host_matches
    assert not after(first + FIELDS, b"GET http://b.example/ HTTP/1.1\r\n" + FIELDS).host_matches
    with pytest.raises(RequestError, match="no Host"):
        after(first + b"\r\n", b"GET / HTTP/1.1\r\n\r\n", leniency=Leniency(missing_host=True))
