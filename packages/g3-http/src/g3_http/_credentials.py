"""Credentials of clients and for next proxies: Basic (RFC 7617) and Bearer (RFC 6750 section 2.1)."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field

from g3_machine import LocalProtocolError

from ._errors import RequestError
from ._grammar import percent_decode

MAX_CREDENTIAL_LENGTH = 255
"""Bytes of a user name, and of a password: as many as SOCKS can carry (RFC 1929 section 2)."""

MAX_TOKEN_LENGTH = 8192
"""Bytes of a bearer token; signed ones with many claims reach some thousand."""


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password; the password stays out of the repr."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that stays out of the repr."""

    token: str = field(repr=False)


_split_credentials = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++)(?>(?: ++([^ ].*+))?)", re.DOTALL).fullmatch
_is_token68 = re.compile(rb"[A-Za-z0-9\-._~+/]++=*+").fullmatch
_has_control = re.compile(r"[\x00-\x1f\x7f-\x9f]").search


def parse_credentials(value: bytes) -> Basic | Bearer | None:
    """Read the value of Proxy-Authorization or Authorization (RFC 9110 section 11.4).

    Returns None for a scheme that is neither Basic nor Bearer: the client is to be asked again. Raises RequestError,
    reason ``credentials``, for credentials that break their scheme's rules.
    """
    found = _split_credentials(value)
    if found is None:
        raise RequestError("credentials", "not credentials")
    scheme = found[1].lower()
    if scheme == b"basic":
        return parse_basic(found[2] or b"")
    if scheme != b"bearer":
        return None
    token = found[2] or b""
    if not _is_token68(token) or len(token) > MAX_TOKEN_LENGTH:
        raise RequestError("credentials", "not a bearer token")
    return Bearer(token.decode("ascii"))


def parse_basic(encoded: bytes) -> Basic:
    """Read the base64 text behind the word Basic (RFC 7617 section 2): user-id ":" password, in UTF-8.

    Raises RequestError, reason ``credentials``, for base64 that is not canonical, text that is not UTF-8 or holds
    control characters, a missing colon, and a name or a password of more than `MAX_CREDENTIAL_LENGTH` bytes.
    """
    if len(encoded) > _MAX_ENCODED_LENGTH:
        raise RequestError("credentials", "credentials that are too long")
    try:
        plain = b64decode(encoded, validate=True)
    except Base64Error:
        plain = b""
    if not plain or b64encode(plain) != encoded:
        raise RequestError("credentials", "not base64")
    username, colon, password = plain.partition(b":")
    if not colon:
        raise RequestError("credentials", "no colon between user name and password")
    return _read_login(username, password)


def pack_basic(username: str, password: str) -> bytes:
    """Return the value of Proxy-Authorization or Authorization for a user name and a password.

    Raises LocalProtocolError for what `parse_basic` would not read back.
    """
    login = f"{username}:{password}"
    if ":" in username or _has_control(login):
        raise LocalProtocolError("credentials that Basic cannot carry")
    if max(len(username.encode()), len(password.encode())) > MAX_CREDENTIAL_LENGTH:
        raise LocalProtocolError("credentials that are too long")
    return b"Basic " + b64encode(login.encode())


def pack_challenge(realm: str) -> bytes:
    """Return the value of Proxy-Authenticate or WWW-Authenticate that asks for Basic credentials (RFC 7617 section 2).

    Raises LocalProtocolError for a realm that is not printable ASCII.
    """
    if not (realm.isascii() and realm.isprintable()):
        raise LocalProtocolError("a realm that a challenge cannot carry")
    return b'Basic realm="%b"' % re.sub(rb'["\\]', rb"\\\g<0>", realm.encode("ascii"))


def parse_userinfo(userinfo: bytes) -> Basic:
    """Read the userinfo of a target (RFC 3986 section 3.2.1): percent-encoded, and the password may be missing.

    Raises RequestError, reason ``credentials``, for text that is not UTF-8, holds control characters or is too long.
    """
    username, _, password = userinfo.partition(b":")
    return _read_login(percent_decode(username), percent_decode(password))


_MAX_ENCODED_LENGTH = (2 * MAX_CREDENTIAL_LENGTH + 1 + 2) // 3 * 4


def _read_login(username: bytes, password: bytes) -> Basic:
    if max(len(username), len(password)) > MAX_CREDENTIAL_LENGTH:
        raise RequestError("credentials", "credentials that are too long")
    try:
        login = Basic(username.decode(), password.decode())
    except UnicodeDecodeError:
        raise RequestError("credentials", "credentials that are not UTF-8") from None
    if _has_control(login.username) or _has_control(login.password):
        raise RequestError("credentials", "a control character in the credentials")
    return login
