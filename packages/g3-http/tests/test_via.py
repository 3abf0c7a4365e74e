"""Via: adding, reading, and noticing oneself."""

import pytest
from g3_http import RequestError, ViaMember, parse_via, passed_by, via_field
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st


def test_field() -> None:
    assert via_field(1, b"proxy") == (b"Via", b"1.1 proxy")
    assert via_field(0, b"a.example:8080", comment=b"g3 1.0") == (b"Via", b"1.0 a.example:8080 (g3 1.0)")
    assert via_field(0, b"x", name=b"HTTPS") == (b"Via", b"HTTPS/1.0 x")


@pytest.mark.parametrize(
    ("pseudonym", "name"),
    [(b"", b"HTTP"), (b"a b", b"HTTP"), (b"a,b", b"HTTP"), (b"(a)", b"HTTP"), (b"a", b""), (b"a", b"x/y")],
)
def test_bad_pseudonyms(pseudonym: bytes, name: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a pseudonym or a protocol name that Via cannot carry$"):
        via_field(1, pseudonym, name=name)


@pytest.mark.parametrize("comment", [b"(", b"a)", b"\\", b"\n", b"\x7f", b"\x00"])
def test_bad_comments(comment: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a comment that Via cannot carry$"):
        via_field(1, b"a", comment=comment)


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"", []),
        (b" , ,", []),
        (b"1.1 a", [ViaMember(b"HTTP", b"1.1", b"a")]),
        (
            b"1.0 fred, HTTPS/1.1\t p.example.net:81 ",
            [ViaMember(b"HTTP", b"1.0", b"fred"), ViaMember(b"HTTPS", b"1.1", b"p.example.net:81")],
        ),
        (
            b",1.1 a (x, (y) \\( z), ,2 [::1]:80",
            [ViaMember(b"HTTP", b"1.1", b"a", b"(x, (y) \\( z)"), ViaMember(b"HTTP", b"2", b"[::1]:80")],
        ),
        (b"1.1 a ()", [ViaMember(b"HTTP", b"1.1", b"a", b"()")]),
        (b"1.1 a ((())) , 1.1 b", [ViaMember(b"HTTP", b"1.1", b"a", b"((()))"), ViaMember(b"HTTP", b"1.1", b"b")]),
    ],
)
def test_members(value: bytes, members: list[ViaMember]) -> None:
    assert parse_via(value) == members


@pytest.mark.parametrize(
    "value",
    [
        b"1.1",
        b"a",
        b"1.1 a b",
        b"/1.1 a",
        b"HTTP/ a",
        b"1.1 a,b",
        b"1.1 a (x)1.1 b",
        b"1.1 a (x) y",
        b"1.1 a(x)",
        b"1.1 (x)",
        b"1.1 a;b",
        b"1.1 \x00",
    ],
)
def test_no_members(value: bytes) -> None:
    with pytest.raises(RequestError, match=r"^not a list of hops in Via$") as caught:
        parse_via(value)
    assert (caught.value.reason, caught.value.status) == ("via", 400)


@pytest.mark.parametrize("value", [b"1.1 a (", b"1.1 a (x", b"1.1 a ((x)", b"1.1 a (\\)", b"1.1 a (x, 1.1 b"])
def test_comments_without_end(value: bytes) -> None:
    with pytest.raises(RequestError, match=r"^a comment in Via that does not end$") as caught:
        parse_via(value)
    assert caught.value.reason == "via"


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        ([], False),
        ([b"1.1 me"], True),
        ([b"1.1 ME (x)"], True),
        ([b"1.0 other, HTTP/1.1 me , 1.1 third"], True),
        ([b"1.1 other", b"1.1 me"], True),
        ([b"broken, 1.1 me, ("], True),
        ([b"1.1 menot"], False),
        ([b"1.1 notme"], False),
        ([b"1.1 me:80"], False),
        ([b"me/1.1 other"], False),
        ([b"1.1 other (me)"], False),
        ([b"me"], False),
    ],
)
def test_passed_by(values: list[bytes], passed: bool) -> None:
    fields = [(b"X", b"1.1 me"), *((b"vIa", value) for value in values)]
    assert passed_by(fields, b"Me") == passed


@given(st.integers(0, 1), st.text("ab.:-[]", min_size=1, max_size=9), st.text("xy ,\t", max_size=9))
def test_what_is_added_is_found(minor: int, pseudonym: str, comment: str) -> None:
    field = via_field(minor, pseudonym.encode(), comment=comment.encode())
    assert passed_by([field], pseudonym.upper().encode())
    [member] = parse_via(field[1])
    text = f"({comment})" if comment else ""
    assert member == ViaMember(b"HTTP", b"1.%d" % minor, pseudonym.encode(), text.encode())
