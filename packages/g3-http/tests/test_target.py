"""Targets and authorities; tests/vectors holds most of them."""

import pytest
from g3_http import DEFAULT_PORTS, Form, Leniency, RequestError, Target, parse_authority, parse_target
from g3_http._target import ABSOLUTE, ASTERISK, AUTHORITY, ORIGIN

ANY = Leniency(raw_target=True, userinfo=True)


def test_members() -> None:
    assert tuple(Form) == (ORIGIN, ABSOLUTE, AUTHORITY, ASTERISK)
    assert [form.value for form in Form] == ["origin", "absolute", "authority", "asterisk"]
    assert dict(DEFAULT_PORTS) == {b"http": 80, b"https": 443, b"ftp": 21}


@pytest.mark.parametrize(
    ("raw", "method", "target"),
    [
        (b"/a?b", b"GET", Target(ORIGIN, b"", "", 0, b"/a?b", b"")),
        (b"*", b"OPTIONS", Target(ASTERISK, b"", "", 0, b"*", b"")),
        (b"a:1", b"CONNECT", Target(AUTHORITY, b"", "a", 1, b"", b"a:1")),
        (b"[::1]:65535", b"CONNECT", Target(AUTHORITY, b"", "::1", 65535, b"", b"[::1]:65535")),
        (b"http://A.b/c", b"GET", Target(ABSOLUTE, b"http", "a.b", 80, b"/c", b"A.b")),
        (b"HTTPS://a?c", b"GET", Target(ABSOLUTE, b"https", "a", 443, b"/?c", b"a")),
        (b"ftp://a:1?c", b"GET", Target(ABSOLUTE, b"ftp", "a", 1, b"/?c", b"a:1")),
        (b"x://a/", b"GET", Target(ABSOLUTE, b"x", "a", 0, b"/", b"a")),
        (b"http://a", b"OPTIONS", Target(ABSOLUTE, b"http", "a", 80, b"*", b"a")),
        (b"http://a:/", b"OPTIONS", Target(ABSOLUTE, b"http", "a", 80, b"/", b"a")),
        (b"http://a?", b"OPTIONS", Target(ABSOLUTE, b"http", "a", 80, b"/?", b"a")),
        (b"http://[::0:1]", b"GET", Target(ABSOLUTE, b"http", "::1", 80, b"/", b"[::0:1]")),
        (b"http://[::1]:81?a=b?", b"GET", Target(ABSOLUTE, b"http", "::1", 81, b"/?a=b?", b"[::1]:81")),
        (b"http://[::1]/a?", b"GET", Target(ABSOLUTE, b"http", "::1", 80, b"/a?", b"[::1]")),
        (b"ftp://u:p%40@a/", b"GET", Target(ABSOLUTE, b"ftp", "a", 21, b"/", b"a", b"u:p%40")),
    ],
)
def test_targets(raw: bytes, method: bytes, target: Target) -> None:
    assert parse_target(raw, method) == target
    assert parse_target(raw, method, ANY) == target


@pytest.mark.parametrize(
    ("raw", "uri"),
    [
        (b"/a?b", b"/a?b"),
        (b"ftp://u:p@A:2/b", b"ftp://A:2/b"),
        (b"HTTP://a", b"http://a/"),
    ],
)
def test_uri(raw: bytes, uri: bytes) -> None:
    assert parse_target(raw).uri == uri


def test_uri_of_other_forms() -> None:
    assert parse_target(b"*", b"OPTIONS").uri == b"*"
    assert parse_target(b"http://a:8", b"OPTIONS").uri == b"http://a:8"
    assert parse_target(b"a:1", b"CONNECT").uri == b"a:1"


def fault(raw: bytes, method: bytes = b"GET", leniency: Leniency | None = None) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        parse_target(raw, method, leniency or Leniency())
    assert caught.value.status == 400
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "raw", [b'/|{}^`\\"<>[]', b"/%", b"/?%zz", b"/\xe9", b"http://a/|", b"http://a?|", b"ftp://u@a/|"]
)
def test_raw_targets(raw: bytes) -> None:
    assert fault(raw) == ("target", "a byte that a path or a query cannot hold")
    target = parse_target(raw, leniency=Leniency(raw_target=True))
    assert raw.endswith(target.path[2:])


@pytest.mark.parametrize("raw", [b"/#", b"/ ", b"/\x7f", b"http://a/#", b"http://a#b", b"/\x00", b"/\n"])
def test_targets_that_are_never_let_pass(raw: bytes) -> None:
    assert fault(raw, leniency=ANY) == ("target", "a byte that a path or a query cannot hold")


def test_userinfo() -> None:
    no = ("target", "userinfo in the request target")
    for raw in (b"http://u:p@a/b", b"HTTPS://@a/b"):
        assert fault(raw) == no
        assert fault(raw, leniency=Leniency(raw_target=True)) == no
        target = parse_target(raw, leniency=Leniency(userinfo=True))
        assert (target.host, target.userinfo, target.authority) == ("a", raw.split(b"@")[0].split(b"/")[2], b"a")
    for raw in (b"ftp://u|v@a/", b"ftp://u%@a/", b"ftp://u@v@a/", b"ftp://u\\@a/"):
        assert fault(raw, leniency=ANY) == no


def test_userinfo_stays_out_of_the_repr() -> None:
    assert "secret" not in repr(parse_target(b"ftp://u:secret@a/"))


@pytest.mark.parametrize(
    "raw", [b"", b"a", b"a/b", b"a:80", b"http:/a", b"http:a", b"1x://a/", b"://a/", b"mailto:a@b"]
)
def test_no_form_at_all(raw: bytes) -> None:
    assert fault(raw) == ("target", "none of the four forms of a request target")


def test_forms_for_other_methods() -> None:
    assert fault(b"*") == ("target", "the asterisk form is for OPTIONS alone")
    assert fault(b"a", b"CONNECT") == ("target", "CONNECT to a target without a port")
    assert fault(b"a:", b"CONNECT") == ("target", "CONNECT to a target without a port")
    assert fault(b"/", b"CONNECT") == ("host", "not a host with an optional port")


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        (b"A", ("a", None)),
        (b"a:", ("a", None)),
        (b"a:1", ("a", 1)),
        (b"a:00080", ("a", 80)),
        (b"a_b.-9.:65535", ("a_b.-9.", 65535)),
        (b"192.0.2.1:80", ("192.0.2.1", 80)),
        (b"[2001:DB8::1]", ("2001:db8::1", None)),
        (b"[::1]:8080", ("::1", 8080)),
        (b"a" * 255, ("a" * 255, None)),
    ],
)
def test_authorities(authority: bytes, expected: tuple[str, int | None]) -> None:
    assert parse_authority(authority) == expected
    port = expected[1]
    if not authority.endswith(b":"):
        target = parse_target(b"http://" + authority + b"/")
        assert (target.host, target.port, target.authority) == (expected[0], port or 80, authority)


@pytest.mark.parametrize(
    ("authority", "text"),
    [
        (b"", "not a host with an optional port"),
        (b".", "not a host with an optional port"),
        (b"a..b", "not a host with an optional port"),
        (b"u@a", "not a host with an optional port"),
        (b"a b", "not a host with an optional port"),
        (b"a:000080", "not a host with an optional port"),
        (b"a:-1", "not a host with an optional port"),
        (b"a:\xb2", "not a host with an optional port"),
        (b"a\n", "not a host with an optional port"),
        (b"::1", "not a host with an optional port"),
        (b"[fe80::1%1]", "not a host with an optional port"),
        (b"[::1]a", "not a host with an optional port"),
        (b"[]", "not a host with an optional port"),
        (b"[::g]", "not a host with an optional port"),
        (b"[1::2::3]", "not an IPv6 address between the brackets"),
        (b"[1.2.3.4]", "not an IPv6 address between the brackets"),
        (b"[:]", "not an IPv6 address between the brackets"),
        (b"a:0", "a port out of range"),
        (b"a:00000", "a port out of range"),
        (b"a:65536", "a port out of range"),
        (b"a" * 256, "a host that is too long"),
    ],
)
def test_bad_authorities(authority: bytes, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_authority(authority)
    assert (caught.value.reason, str(caught.value)) == ("host", text)
    if b"@" not in authority:
        assert fault(b"http://" + authority + b"/") == ("host", text)
        assert fault(b"http://" + authority, b"OPTIONS") == ("host", text)
