"""Request targets and authorities (RFC 9112 section 3.2, RFC 9110 sections 4.2 and 7.1, RFC 3986 section 3)."""

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import AddressValueError, IPv6Address

from ._errors import RequestError
from ._limits import STRICT, Leniency

DEFAULT_PORTS: dict[bytes, int] = {b"http": 80, b"https": 443, b"ftp": 21}

MAX_HOST_LENGTH = 255
"""A name of the DNS has at most 253 characters (RFC 1035 section 2.3.4)."""


class Form(Enum):
    """The four forms of a request target (RFC 9112 section 3.2)."""

    ORIGIN = "origin"
    ABSOLUTE = "absolute"
    AUTHORITY = "authority"
    ASTERISK = "asterisk"


ORIGIN, ABSOLUTE, AUTHORITY, ASTERISK = Form
"""For use in this package: CPython 3.11 takes 85 ns to look a member up in its class."""


@dataclass(slots=True)
class Target:
    """Where a request goes: the target URI of RFC 9110 section 7.1, as far as the request tells it.

    For the origin and asterisk forms a reader fills ``host``, ``port`` and ``authority`` in from Host, and
    ``scheme`` stays empty: only the driver knows whether the connection is secured.
    """

    form: Form
    scheme: bytes
    """In lower case; empty unless the form is absolute."""
    host: str
    """A name in lower case, or an address as text, IPv6 without brackets; empty when nobody named one."""
    port: int
    """1 to 65535; the default of the scheme when none was given, and 0 when the scheme has no known default."""
    path: bytes
    """Path and query as they go into an origin-form target; ``*`` for a whole server; empty for CONNECT."""
    authority: bytes
    """``host`` or ``host:port`` as given, without userinfo: what Host says for this target."""
    userinfo: bytes = field(default=b"", repr=False)
    """``user:password`` as given, percent-encoded; only ftp targets and lenient readers have it."""

    @property
    def uri(self) -> bytes:
        """The target URI if the scheme is known, else the target as it came; without userinfo, as logs want it."""
        if self.scheme:
            return b"%b://%b%b" % (self.scheme, self.authority, b"" if self.path == b"*" else self.path)
        return self.path or self.authority


_NAME = rb"(?>(?:[A-Za-z0-9_\-]++\.?+)+)"
_AUTHORITY = rb"(" + _NAME + rb"|\[[0-9A-Fa-f:.]++\])(?>(?::([0-9]{0,5}+))?)"
_PATH = rb"(?>(?:[!$&'()*+,\-./0-9:;=?@A-Z_a-z~]++|%[0-9A-Fa-f]{2})*)"
_RAW_PATH = rb"[\x21\x22\x24-\x7e\x80-\xff]*+"

_BRACKET, _QUESTION_MARK = b"[?"

_match_authority = re.compile(_AUTHORITY).fullmatch
_match_absolute = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*+)://" + _AUTHORITY + rb"(?>([/?]" + _PATH + rb")?)").fullmatch
_split_absolute = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*+)://([^/?#]*+)(.*+)", re.DOTALL).fullmatch
_is_path = re.compile(_PATH).fullmatch
_is_raw_path = re.compile(_RAW_PATH).fullmatch
_is_userinfo = re.compile(rb"(?>(?:[!$&'()*+,\-.0-9:;=A-Z_a-z~]++|%[0-9A-Fa-f]{2})*)").fullmatch


def parse_authority(authority: bytes) -> tuple[str, int | None]:
    """Split ``host[:port]``, the value of Host or the target of CONNECT, into a host and a port.

    The host is a name in lower case or an address, IPv6 without brackets; the port is None when there is none.
    Raises RequestError with the reason ``host``.
    """
    found = _match_authority(authority)
    if found is None:
        raise RequestError("host", "not a host with an optional port")
    host, port = found.groups()
    return _host(host), _port(port)


def parse_target(raw: bytes, method: bytes = b"GET", leniency: Leniency = STRICT) -> Target:
    """Read the request target of a request with this method.

    Raises RequestError with the reason ``target`` (or ``host`` for a bad address in it) when the target has none of
    the four forms, has one that the method does not allow, or holds a byte that RFC 3986 does not allow there.
    """
    if method == b"CONNECT":
        return _authority_form(raw)
    if raw[:1] == b"/":
        if not _is_path(raw) and not (leniency.raw_target and _is_raw_path(raw)):
            raise RequestError("target", "a byte that a path or a query cannot hold")
        return Target(ORIGIN, b"", "", 0, raw, b"")
    if raw == b"*":
        if method != b"OPTIONS":
            raise RequestError("target", "the asterisk form is for OPTIONS alone")
        return Target(ASTERISK, b"", "", 0, raw, b"")
    found = _match_absolute(raw)
    if found is None:
        return _odd_absolute_form(raw, method, leniency)
    scheme, host, port, path = found.groups()
    if not path or host[0] == _BRACKET or len(host) > MAX_HOST_LENGTH:
        return _absolute_form(scheme, host, port, path, method)
    scheme, name = scheme.lower(), host.lower().decode("ascii")
    if path[0] == _QUESTION_MARK:
        path = b"/" + path
    if not port:
        return Target(ABSOLUTE, scheme, name, DEFAULT_PORTS.get(scheme, 0), path, host)
    if not 1 <= (number := int(port)) <= 65535:
        raise _port_error()
    return Target(ABSOLUTE, scheme, name, number, path, host + b":" + port)


def _authority_form(raw: bytes) -> Target:
    """RFC 9112 section 3.2.3: uri-host ":" port."""
    host, port = parse_authority(raw)
    if port is None:
        # RFC 9110 section 9.3.6: a server MUST reject a CONNECT request that targets an empty or invalid port.
        raise RequestError("target", "CONNECT to a target without a port")
    return Target(AUTHORITY, b"", host, port, b"", raw)


def _absolute_form(
    scheme: bytes, host: bytes, port: bytes | None, path: bytes | None, method: bytes, userinfo: bytes = b""
) -> Target:
    """RFC 9112 section 3.2.2: absolute-URI, here scheme "://" authority path-abempty [ "?" query ]."""
    scheme = scheme.lower()
    number = _port(port)
    authority = host + b":" + port if port else host
    if number is None:
        number = DEFAULT_PORTS.get(scheme, 0)
    if not path:
        # RFC 9112 section 3.2.4: OPTIONS for an empty path and no query asks about the whole server.
        path = b"*" if method == b"OPTIONS" else b"/"
    elif path[0] == _QUESTION_MARK:
        path = b"/" + path
    return Target(ABSOLUTE, scheme, _host(host), number, path, authority, userinfo)


def _odd_absolute_form(raw: bytes, method: bytes, leniency: Leniency) -> Target:
    """The absolute form with userinfo, or with a path that only leniency allows; or the reason why it is neither."""
    found = _split_absolute(raw)
    if found is None:
        raise RequestError("target", "none of the four forms of a request target")
    scheme, authority, path = found.groups()
    userinfo, at, rest = authority.rpartition(b"@")
    if at and (not _is_userinfo(userinfo) or not (leniency.userinfo or scheme.lower() == b"ftp")):
        raise RequestError("target", "userinfo in the request target")
    if not _is_path(path) and not (leniency.raw_target and _is_raw_path(path)):
        raise RequestError("target", "a byte that a path or a query cannot hold")
    split = _match_authority(rest)
    if split is None:
        raise RequestError("host", "not a host with an optional port")
    return _absolute_form(scheme, split[1], split[2], path, method, userinfo)


def _host(host: bytes) -> str:
    if len(host) > MAX_HOST_LENGTH:
        raise RequestError("host", "a host that is too long")
    if host[0] != _BRACKET:
        return host.lower().decode("ascii")
    try:
        address = IPv6Address(host[1:-1].decode("ascii"))
    except AddressValueError:
        raise RequestError("host", "not an IPv6 address between the brackets") from None
    # RFC 5952 section 5; CPython does so by itself from 3.13 on.
    return str(address) if address.ipv4_mapped is None else f"::ffff:{address.ipv4_mapped}"


def _port(port: bytes | None) -> int | None:
    if not port:
        return None  # RFC 3986 section 3.2.3: an empty port means the scheme's default, as no port does
    number = int(port)
    if not 1 <= number <= 65535:
        raise _port_error()
    return number


def _port_error() -> RequestError:
    return RequestError("host", "a port out of range")
