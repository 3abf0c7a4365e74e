"""The body of a ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2; GB/T 38636 has the same fields)."""

import re
import struct
from ipaddress import IPv4Address
from typing import NoReturn

from ._alert import Alert
from ._codes import GREASE, GREASE_ALPN, SSL3, TLCP1_1, ExtensionType
from ._errors import HelloError
from ._hello import ClientHello

MESSAGE_HEAD_SIZE = 4

MAX_NAME_SIZE = 253
"""Characters of a host name (RFC 1035): SNI has no trailing dot."""

# An enum's member costs more to look up than these.
_SERVER_NAME = int(ExtensionType.SERVER_NAME)
_ALPN = int(ExtensionType.ALPN)
_PRE_SHARED_KEY = int(ExtensionType.PRE_SHARED_KEY)
_SUPPORTED_VERSIONS = int(ExtensionType.SUPPORTED_VERSIONS)
_EXTENSION_HEAD = struct.Struct(">HH")
# Letters, digits and hyphens, and the underscore that some names in use have; labels of 1 to 63.
_NAME = re.compile(rb"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")


class Cursor:
    """Goes through a structure from front to back; whatever does not fit is a HelloError."""

    __slots__ = ("_at", "_data", "_reason", "_tlcp")

    def __init__(self, data: bytes, reason: str, tlcp: bool) -> None:
        self._data = data
        self._at = 0
        self._reason = reason
        self._tlcp = tlcp

    @property
    def more(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int, what: str) -> bytes:
        """The next bytes, exactly as many."""
        start = self._at
        self._at = end = start + size
        if end > len(self._data):
            self.fail(f"the bytes end within {what}")
        return self._data[start:end]

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "big")

    def vector(self, prefix: int, what: str, least: int = 0, most: int = 65535) -> bytes:
        """A length of ``prefix`` bytes, and as many bytes as it says: ``least`` to ``most``."""
        length = self.number(prefix, what)
        if not least <= length <= most:
            self.fail(f"{what} of less than {least} or more than {most} bytes")
        return self.take(length, what)

    def numbers(self, prefix: int, what: str) -> tuple[int, ...]:
        """A vector of numbers of two bytes, one at least, without those of GREASE."""
        data = self.vector(prefix, what, 2)
        if len(data) & 1:
            self.fail(f"{what} in an odd number of bytes")
        found: tuple[int, ...] = struct.unpack(f">{len(data) // 2}H", data)
        return found if GREASE.isdisjoint(found) else tuple(number for number in found if number not in GREASE)

    def end(self, what: str) -> None:
        if self.more:
            self.fail(f"bytes behind {what}")

    def fail(self, text: str, alert: Alert = Alert.DECODE_ERROR) -> NoReturn:
        raise HelloError(self._reason, text, alert, tlcp=self._tlcp)


def parse_hello(message: bytes, tlcp: bool) -> ClientHello:
    """Read a whole message, its header included; ``tlcp`` says what its records were. Raises HelloError."""
    cursor = Cursor(message[MESSAGE_HEAD_SIZE:], "hello", tlcp)
    version = cursor.number(2, "a version")
    # A server answers a higher version than its own by its own highest (RFC 5246 appendix E.1).
    if version < (TLCP1_1 if tlcp else SSL3):
        raise HelloError("version", "a version below all that there are", Alert.PROTOCOL_VERSION, tlcp=tlcp)
    random = cursor.take(32, "a random")
    session_id = cursor.vector(1, "a session id", 0, 32)
    suites = cursor.numbers(2, "cipher suites")
    compression = cursor.vector(1, "compression methods", 1)
    if 0 not in compression:
        cursor.fail("compression methods without null", Alert.ILLEGAL_PARAMETER)
    extensions = _parse_extensions(cursor.vector(2, "extensions"), tlcp) if cursor.more else {}
    cursor.end("the extensions")
    return ClientHello(
        tlcp=tlcp,
        legacy_version=version,
        random=random,
        session_id=session_id,
        cipher_suites=suites,
        compression_methods=compression,
        extensions=tuple(extensions.items()),
        server_name=_parse_server_name(extensions.get(_SERVER_NAME), tlcp),
        alpn=_parse_alpn(extensions.get(_ALPN), tlcp),
        supported_versions=_parse_versions(extensions.get(_SUPPORTED_VERSIONS), tlcp),
        size=len(message),
    )


def _parse_extensions(data: bytes, tlcp: bool) -> dict[int, bytes]:
    """RFC 8446 section 4.2: type, data; each type once, and pre_shared_key the last of all.

    A hello has 10 to 20 of them: this loop without a `Cursor` halves the time of the whole.
    """
    found: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        start = at + _EXTENSION_HEAD.size
        if start > end:
            raise HelloError("extensions", "the bytes end within an extension", tlcp=tlcp)
        kind, length = _EXTENSION_HEAD.unpack_from(data, at)
        at = start + length
        if at > end:
            raise HelloError("extensions", "the bytes end within an extension", tlcp=tlcp)
        if kind in found:
            raise HelloError("extensions", "an extension that comes twice", Alert.ILLEGAL_PARAMETER, tlcp=tlcp)
        if kind == _PRE_SHARED_KEY and at < end:
            raise HelloError("extensions", "an extension behind pre_shared_key", Alert.ILLEGAL_PARAMETER, tlcp=tlcp)
        found[kind] = data[start:at]
    return found


def _parse_server_name(data: bytes | None, tlcp: bool) -> str | None:
    """RFC 6066 section 3: a list of names, of which host_name (0) is the only type there is, and comes once."""
    if data is None:
        return None
    outer = Cursor(data, "server_name", tlcp)
    cursor = Cursor(outer.vector(2, "server names", 1), "server_name", tlcp)
    outer.end("the server names")
    found = None
    while cursor.more:
        kind = cursor.number(1, "a server name")
        # Names of all types begin with their length, so that those of others can be skipped.
        name = cursor.vector(2, "a server name", 1)
        if kind:
            continue
        if found is not None:
            cursor.fail("two host names", Alert.ILLEGAL_PARAMETER)
        found = name
    if found is None:
        return None
    if len(found) > MAX_NAME_SIZE or not _NAME.fullmatch(found) or _is_address(found):
        cursor.fail("a server name that is no host name", Alert.ILLEGAL_PARAMETER)
    return found.decode("ascii")


def _parse_alpn(data: bytes | None, tlcp: bool) -> tuple[bytes, ...]:
    """RFC 7301 section 3.1: a list of names, 1 to 255 bytes each, one at least."""
    if data is None:
        return ()
    outer = Cursor(data, "alpn", tlcp)
    cursor = Cursor(outer.vector(2, "protocol names", 2), "alpn", tlcp)
    outer.end("the protocol names")
    names = []
    while cursor.more:
        name = cursor.vector(1, "a protocol name", 1)
        if name not in GREASE_ALPN:
            names.append(name)
    return tuple(names)


def _parse_versions(data: bytes | None, tlcp: bool) -> tuple[int, ...] | None:
    """RFC 8446 section 4.2.1: a list of versions, one at least."""
    if data is None:
        return None
    cursor = Cursor(data, "supported_versions", tlcp)
    versions = cursor.numbers(1, "supported versions")
    cursor.end("the supported versions")
    return versions


def _is_address(name: bytes) -> bool:
    """Whether a name is an IPv4 address, which RFC 6066 section 3 forbids; an IPv6 address has colons."""
    if not name[-1:].isdigit():
        return False
    try:
        IPv4Address(name.decode("ascii"))
    except ValueError:
        return False
    return True
