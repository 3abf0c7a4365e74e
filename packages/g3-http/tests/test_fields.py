"""Which fields travel on, and which steer the message here."""

import pytest
from g3_http import FORWARDED_FIELDS, HOP_BY_HOP, RequestError, field_value, field_values
from g3_http._fields import REQUEST_CONTROL, RESPONSE_CONTROL, drop_named, sort_fields, split_fields

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


def test_sort_fields() -> None:
    assert sort_fields(FIELDS, REQUEST_CONTROL) == ([FIELDS[0], FIELDS[2], FIELDS[3]], {b"te": b"x"})
    assert sort_fields([], REQUEST_CONTROL) == ([], {})


def test_repeated_control_fields_become_one_list() -> None:
    fields = [(b"Host", b"a"), (b"TE", b"1"), (b"host", b"a"), (b"X", b"y"), (b"te", b"2"), (b"HOST", b"")]
    assert sort_fields(fields, REQUEST_CONTROL) == ([(b"X", b"y")], {b"host": b"a, a, ", b"te": b"1, 2"})


def test_responses_may_have_a_host_field() -> None:
    assert sort_fields([(b"Host", b"a")], RESPONSE_CONTROL) == ([(b"Host", b"a")], {})


def test_drop_named() -> None:
    control = {b"te": b"x", b"trailer": b"t"}
    kept = [(b"A", b"1"), (b"B", b"2"), (b"a", b"3")]
    assert drop_named(kept, control, frozenset((b"close", b"te", b"upgrade")), RequestError) is kept
    assert drop_named(kept, control, frozenset((b"keep-alive", b"transfer-encoding")), RequestError) is kept
    assert drop_named(kept, control, frozenset((b"close", b"a")), RequestError) == [(b"B", b"2")]
    assert control == {b"te": b"x", b"trailer": b"t"}
    assert drop_named(kept, control, frozenset((b"trailer",)), RequestError) == kept
    assert control == {b"te": b"x"}
    assert drop_named(kept, control, frozenset((b"trailer", b"c")), RequestError) == kept


@pytest.mark.parametrize("name", [b"content-length", b"expect", b"host", b"max-forwards", b"via"])
def test_protected_names(name: bytes) -> None:
    with pytest.raises(RequestError, match=r"^Connection names a field that is not its to remove$") as caught:
        drop_named([], {}, frozenset((b"x", name)), RequestError)
    assert (caught.value.reason, caught.value.status) == ("connection", 400)


def test_looking_up() -> None:
    assert field_value(FIELDS, b"a") == b"1"
    assert field_value(FIELDS, b"b") is None
    assert field_values(FIELDS, b"a") == [b"1", b"2"]
    assert field_values(FIELDS, b"b") == []
