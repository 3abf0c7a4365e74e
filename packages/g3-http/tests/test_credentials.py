"""Basic and Bearer credentials."""

from base64 import b64encode

import pytest
from g3_http import (
    MAX_CREDENTIAL_LENGTH,
    MAX_TOKEN_LENGTH,
    Basic,
    Bearer,
    RequestError,
    pack_basic,
    pack_challenge,
    parse_basic,
    parse_credentials,
    parse_userinfo,
)
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st

LONG = "é" * 127 + "x"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)


def fault(value: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        parse_credentials(value)
    assert (caught.value.reason, caught.value.status) == ("credentials", 400)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Basic("Aladdin", "open sesame")),
        (b"basic   dGVzdDoxMjPCow==", Basic("test", "123£")),
        (b"BASIC YTpiOmM=", Basic("a", "b:c")),
        (b"Basic Og==", Basic("", "")),
        (b"Bearer mF_9.B5f-4.1JqM", Bearer("mF_9.B5f-4.1JqM")),
        (b"bearer a+/~==", Bearer("a+/~==")),
        (b"Digest username=x", None),
        (b"Negotiate", None),
    ],
)
def test_credentials(value: bytes, credentials: Basic | Bearer | None) -> None:
    assert parse_credentials(value) == credentials


def test_secrets_stay_out_of_reprs() -> None:
    assert repr(Basic("user", "secret")) == "Basic(username='user')"
    assert repr(Bearer("secret")) == "Bearer()"


@pytest.mark.parametrize(
    "value", [b"", b" Basic YTpi", b"Basic:YTpi", b"(Basic) YTpi", b"Basic\tYTpi", b"Basic ", b"\xe9 x"]
)
def test_not_credentials(value: bytes) -> None:
    assert fault(value) == "not credentials"


@pytest.mark.parametrize(
    "encoded", [b"YTpi=", b"YTp", b"YTp i", b"YTpi\n", b"YTpj!", b"YTo", b"YTp=", b"YTpiZB==", b"YT-_", b"="]
)
def test_base64_that_is_not_canonical(encoded: bytes) -> None:
    assert fault(b"Basic " + encoded) == "not base64"


def test_basic_without_anything() -> None:
    assert fault(b"Basic") == "not base64"
    with pytest.raises(RequestError, match=r"^not base64$"):
        parse_basic(b"")


def basic(login: bytes) -> bytes:
    return b"Basic " + b64encode(login)


def test_what_base64_may_not_hold() -> None:
    assert fault(basic(b"user")) == "no colon between user name and password"
    for login in (b"\xff:", b":\xc3"):
        assert fault(basic(login)) == "credentials that are not UTF-8"
    for login in (b"a\x00:b", b"a:b\n", b"a:\x7f", "a\x80:b".encode(), "a:\x9f".encode()):
        assert fault(basic(login)) == "a control character in the credentials"


def test_lengths() -> None:
    assert MAX_CREDENTIAL_LENGTH == len(LONG.encode()) == 255
    longest = pack_basic(LONG, LONG)
    assert parse_credentials(longest) == Basic(LONG, LONG)
    assert len(longest) == 6 + 684
    for login in (LONG + "x:", ":x" + LONG, LONG + "x:" + LONG[:-1]):
        assert fault(basic(login.encode())) == "credentials that are too long"
    assert fault(b"Basic " + b"A" * 688) == "credentials that are too long"
    assert fault(b"Basic " + b"A" * 684) == "no colon between user name and password"


@pytest.mark.parametrize("token", [b"", b"a b", b"=", b"a=b", b"\xe9", b'"a"', b"a,", b"a\n"])
def test_not_tokens(token: bytes) -> None:
    assert fault(b"Bearer " + token) == ("not a bearer token" if token else "not credentials")


def test_bearer_without_a_token() -> None:
    assert fault(b"Bearer") == "not a bearer token"


def test_length_of_tokens() -> None:
    assert MAX_TOKEN_LENGTH == 8192
    assert parse_credentials(b"Bearer " + b"a" * 8192) == Bearer("a" * 8192)
    assert fault(b"Bearer " + b"a" * 8193) == "not a bearer token"


def test_packing() -> None:
    assert pack_basic("Aladdin", "open sesame") == b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert pack_basic("", "") == b"Basic Og=="
    for username, password in (("a:b", ""), ("a\n", ""), ("", "a\x00"), ("\x9f", "")):
        with pytest.raises(LocalProtocolError, match=r"^credentials that Basic cannot carry$"):
            pack_basic(username, password)
    for username, password in ((LONG + "x", ""), ("", LONG + "x")):
        with pytest.raises(LocalProtocolError, match=r"^credentials that are too long$"):
            pack_basic(username, password)


def test_challenges() -> None:
    assert pack_challenge("proxy") == b'Basic realm="proxy"'
    assert pack_challenge('a "b" \\c') == rb'Basic realm="a \"b\" \\c"'
    assert pack_challenge("") == b'Basic realm=""'
    for realm in ("é", "a\r\nb", "\x7f", "\x00"):
        with pytest.raises(LocalProtocolError, match=r"^a realm that a challenge cannot carry$"):
            pack_challenge(realm)


@given(TEXT.filter(lambda text: ":" not in text), TEXT)
def test_what_is_packed_is_read_back(username: str, password: str) -> None:
    assert parse_credentials(pack_basic(username, password)) == Basic(username, password)


@pytest.mark.parametrize(
    ("userinfo", "login"),
    [
        (b"", Basic("", "")),
        (b"user", Basic("user", "")),
        (b"u:p:q", Basic("u", "p:q")),
        (b"u%3a%40:%C3%A9", Basic("u:@", "é")),
        (b":p", Basic("", "p")),
    ],
)
def test_userinfo(userinfo: bytes, login: Basic) -> None:
    assert parse_userinfo(userinfo) == login


@pytest.mark.parametrize(
    ("userinfo", "text"),
    [
        (b"%ff", "credentials that are not UTF-8"),
        (b"u:%0a", "a control character in the credentials"),
        (b"u" * 256, "credentials that are too long"),
        (b":" + b"u" * 256, "credentials that are too long"),
    ],
)
def test_bad_userinfo(userinfo: bytes, text: str) -> None:
    with pytest.raises(RequestError, match=f"^{text}$") as caught:
        parse_userinfo(userinfo)
    assert caught.value.reason == "credentials"
