"""Local request paths through which clients without proxy settings use the proxy.

``/.well-known/easy-proxy/{scheme}/{host}/{port}/{path}`` is g3proxy's own; ``/.well-known/masque/`` is that of RFC 9298
section 2 (udp), RFC 9484 section 3 (ip) and, for http, of a target URI as one percent-encoded segment.
"""

import re
from dataclasses import dataclass

from ._errors import RequestError
from ._grammar import percent_decode
from ._limits import STRICT, Leniency
from ._target import ABSOLUTE, MAX_HOST_LENGTH, Target, parse_authority, parse_target


@dataclass(frozen=True, slots=True)
class EasyProxy:
    """A request for ``target``, an absolute http, https or ftp target."""

    target: Target


@dataclass(frozen=True, slots=True)
class MasqueHttp:
    """A request for ``target``, an absolute target of any scheme."""

    target: Target


@dataclass(frozen=True, slots=True)
class MasqueUdp:
    """Datagrams to a host and a port (RFC 9298)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class MasqueIp:
    """IP packets (RFC 9484); None stands for the wildcard."""

    host: str | None
    protocol: int | None


@dataclass(frozen=True, slots=True)
class UnknownWellKnown:
    """Another well-known URI; ``suffix`` is its name, with the protocol behind ``masque/``."""

    suffix: str


WellKnown = EasyProxy | MasqueHttp | MasqueUdp | MasqueIp | UnknownWellKnown

_next_segment = re.compile(rb"/*+([^/?]++)(?=[/?]|\Z)").match
_is_number = re.compile(rb"[0-9]{1,5}").fullmatch


def parse_well_known(target: Target, leniency: Leniency = STRICT) -> WellKnown | None:
    """Read the path of a local request; None if it is none of ``/.well-known/``.

    Slashes in a row count as one between segments. Raises RequestError, reason ``well_known`` and status 501, for
    easy-proxy and masque paths that lack a part or hold an impossible one.
    """
    segments = _Segments(target.path)
    if segments.next() != b".well-known":
        return None
    name = segments.next()
    if name == b"easy-proxy":
        return _easy_proxy(segments)
    if name == b"masque":
        return _masque(segments, leniency)
    return None if name is None else UnknownWellKnown(name.decode("ascii", "backslashreplace"))


class _Segments:
    """The segments of a path, one after the other; ``rest`` is what follows, with its slash."""

    def __init__(self, path: bytes) -> None:
        self.rest = path

    def next(self) -> bytes | None:
        found = _next_segment(self.rest)
        if found is None:
            return None
        self.rest = self.rest[found.end() :]
        return found[1]

    def need(self, part: str) -> bytes:
        segment = self.next()
        if segment is None:
            raise _error(f"no {part}")
        return segment


def _easy_proxy(segments: _Segments) -> EasyProxy:
    scheme = segments.need("scheme")
    if scheme not in (b"http", b"https", b"ftp"):
        raise _error("a scheme other than http, https and ftp")
    name, host = _host(segments.need("host"))
    port = _number(segments.need("port"), 1, 65535)
    path = segments.rest
    if path[:1] != b"/":
        path = b"/" + path
    return EasyProxy(Target(ABSOLUTE, scheme, name, port, path, b"%b:%d" % (host, port)))


def _masque(segments: _Segments, leniency: Leniency) -> WellKnown:
    protocol = segments.need("protocol")
    found: WellKnown
    if protocol == b"udp":
        host, _ = _host(segments.need("host"))
        found = MasqueUdp(host, _number(segments.need("port"), 1, 65535))
    elif protocol == b"ip":
        target = percent_decode(segments.need("target"))
        number = percent_decode(segments.need("protocol number"))
        found = MasqueIp(
            None if target == b"*" else _host(target)[0], None if number == b"*" else _number(number, 0, 255)
        )
    elif protocol == b"http":
        found = MasqueHttp(_uri(percent_decode(segments.need("target URI")), leniency))
    else:
        return UnknownWellKnown(f"masque/{protocol.decode('ascii', 'backslashreplace')}")
    if segments.rest not in (b"", b"/"):
        raise _error("something behind its last part")
    return found


def _host(segment: bytes) -> tuple[str, bytes]:
    """Return a host as `Target.host` has it, and as an authority does; names of other letters become IDNs."""
    host = percent_decode(segment)
    if len(host) > MAX_HOST_LENGTH:
        # No name of this length has a short form, and the IDNA encoder of the standard library takes quadratic time.
        raise _error("an impossible host")
    try:
        if not host.isascii():
            host = host.decode("utf-8").encode("idna")
        elif b":" in host and host[:1] != b"[":
            host = b"[%b]" % host
        name, port = parse_authority(host)
    except (RequestError, UnicodeError):
        raise _error("an impossible host") from None
    if port is not None or host.endswith(b":"):
        raise _error("an impossible host")
    return name, host


def _number(segment: bytes, lowest: int, highest: int) -> int:
    if not _is_number(segment) or not lowest <= int(segment) <= highest:
        raise _error("a number that is none or out of range")
    return int(segment)


def _uri(uri: bytes, leniency: Leniency) -> Target:
    try:
        target = parse_target(uri, leniency=leniency)
    except RequestError:
        raise _error("an impossible target URI") from None
    if target.form is not ABSOLUTE:
        raise _error("a target URI that is not absolute")
    return target


def _error(problem: str) -> RequestError:
    return RequestError("well_known", f"a well-known URI with {problem}", 501)
