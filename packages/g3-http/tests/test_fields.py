"""Which fields travel on, and which steer the message here."""

import pytest
from g3_http import FORWARDED_FIELDS, HOP_BY_HOP, RequestError, RequestReader, field_value, field_values
from g3_http._fields import (
    REQUEST_CONTROL,
    RESPONSE_CONTROL,
    Split,
    drop_named,
    pack_block,
    sort_fields,
    split_block,
    split_fields,
    split_request,
    split_response,
)

FIELDS = [(b"A", b"1"), (b"TE", b"x"), (b"a", b"2"), (b"Via", b"3")]


def test_names() -> None:
    assert {b"content-length", b"expect", b"host"} == REQUEST_CONTROL - HOP_BY_HOP
    assert {b"content-length"} == RESPONSE_CONTROL - HOP_BY_HOP
    assert {b"forwarded", b"x-forwarded-for"} == FORWARDED_FIELDS
    assert {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    } == HOP_BY_HOP


def test_split_fields() -> None:
    assert split_fields(b"A: b \r\nc:\r\nD: \t e:f\r\n") == [(b"A", b"b "), (b"c", b""), (b"D", b"e:f")]
    assert split_fields(b"") == []


def test_blocks() -> None:
    fields = [(b"A", b"b: c"), (b"c", b""), (b"c", b":d")]
    assert pack_block(fields) == b"\nA: b: c\r\nc:\r\nc: :d\r\n"
    assert split_block(pack_block(fields)) == fields
    assert pack_block([]) == b"\n"
    assert split_block(b"\n") == []


def test_sort_fields() -> None:
    kept = b"\nA: 1\r\na: 2\r\nVia: 3\r\n"
    assert sort_fields(pack_block(FIELDS), split_request) == (kept, {b"te": b"x"})
    assert sort_fields(kept, split_request) == (kept, {})
    assert sort_fields(b"\n", split_request) == (b"\n", {})
    both = b"\nTE: x\r\nA: 1\r\nHost:\r\nB: 2\r\n"
    assert sort_fields(both, split_request) == (b"\nA: 1\r\nB: 2\r\n", {b"te": b"x", b"host": b""})


@pytest.mark.parametrize(("split", "names"), [(split_request, REQUEST_CONTROL), (split_response, RESPONSE_CONTROL)])
def test_control_fields_are_found_in_any_case_and_by_their_whole_name(split: Split, names: frozenset[bytes]) -> None:
    for name in names:
        for spelt in (name, name.upper(), name.title()):
            assert sort_fields(pack_block([(spelt, b"1")]), split) == (b"\n", {name: b"1"})
        for other in (name + b"x", name[:-1] or b"x", b"x" + name, name.replace(b"-", b"_") + b"_"):
            block = pack_block([(other, name + b": 1")])
            expected = {other: name + b": 1"} if other in names else {}
            assert sort_fields(block, split)[1] == expected


def test_repeated_control_fields_become_one_list() -> None:
    fields = [(b"Host", b"a"), (b"TE", b"1"), (b"host", b"a"), (b"X", b"y"), (b"te", b"2"), (b"HOST", b"")]
    expected = (b"\nX: y\r\n", {b"host": b"a, a, ", b"te": b"1, 2"})
    assert sort_fields(pack_block(fields), split_request) == expected


def test_responses_may_have_a_host_field() -> None:
    assert sort_fields(b"\nHost: a\r\n", split_response) == (b"\nHost: a\r\n", {})


def test_drop_named() -> None:
    control = {b"te": b"x", b"trailer": b"t"}
    kept = pack_block([(b"A", b"1"), (b"B", b"2"), (b"a", b"3")])
    assert drop_named(kept, control, frozenset((b"close", b"te", b"upgrade")), RequestError) is kept
    assert drop_named(kept, control, frozenset((b"keep-alive", b"transfer-encoding")), RequestError) is kept
    assert drop_named(kept, control, frozenset((b"close", b"a")), RequestError) == b"\nB: 2\r\n"
    assert control == {b"te": b"x", b"trailer": b"t"}
    assert drop_named(kept, control, frozenset((b"trailer",)), RequestError) == kept
    assert control == {b"te": b"x"}
    assert drop_named(kept, control, frozenset((b"trailer", b"c")), RequestError) == kept


def test_removing_fields_of_a_head() -> None:
    reader = RequestReader()
    reader.receive_data(b"GET / HTTP/1.1\r\nA: 1\r\nhost: b\r\nX-Two: 2\r\nx-two: 3\r\n\r\n")
    head = reader.next_event()
    assert head is not None
    assert head.end_to_end == [(b"A", b"1"), (b"X-Two", b"2"), (b"x-two", b"3")]
    head.remove((b"x-two", b"b"))
    assert head.end_to_end == [(b"A", b"1")]
    assert head.fields == [(b"A", b"1"), (b"host", b"b"), (b"X-Two", b"2"), (b"x-two", b"3")]


@pytest.mark.parametrize("name", [b"content-length", b"expect", b"host", b"max-forwards", b"via"])
def test_protected_names(name: bytes) -> None:
    with pytest.raises(RequestError, match=r"^Connection names a field that is not its to remove$") as caught:
        drop_named(b"\n", {}, frozenset((b"x", name)), RequestError)
    assert (caught.value.reason, caught.value.status) == ("connection", 400)


def test_looking_up() -> None:
    assert field_value(FIELDS, b"a") == b"1"
    assert field_value(FIELDS, b"b") is None
    assert field_values(FIELDS, b"a") == [b"1", b"2"]
    assert field_values(FIELDS, b"b") == []
