"""Writes a small ClientHello: for tests, probes and clients that want no more than an answer."""

from collections.abc import Collection, Iterable, Sequence

from g3_machine import LocalProtocolError

from ._alert import TLCP_VERSION
from ._codes import TLCP1_1, TLS1_0, TLS1_2, TLS1_3, ExtensionType

TLS_SUITES = (0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8)
"""TLS 1.3's three, and ECDHE with AES-GCM and ChaCha20-Poly1305 of TLS 1.2."""
TLCP_SUITES = (0xE053, 0xE013)
"""ECC with SM4 in GCM and CBC, the two that need no certificate of the client's."""

_GROUPS = bytes.fromhex("001d 0017 0018")  # x25519, secp256r1, secp384r1
_SIGNATURES = bytes.fromhex("0403 0804 0401 0503 0805 0501 0806 0601")
_MAX_FRAGMENT_SIZE = 16384


def pack_client_hello(
    random: bytes,
    *,
    server_name: str | None = None,
    alpn: Sequence[bytes] = (),
    versions: Collection[int] = (TLS1_3, TLS1_2),
    cipher_suites: Sequence[int] | None = None,
    session_id: bytes = b"",
    extensions: Iterable[tuple[int, bytes]] = (),
    tlcp: bool = False,
    fragment_size: int = _MAX_FRAGMENT_SIZE,
) -> bytes:
    """Return the records of a ClientHello that servers answer.

    ``random`` has 32 bytes, which should be random. ``extensions``, types and data, come behind our own. With TLS 1.3
    among ``versions`` the key share is empty, and a server asks for one (RFC 8446 section 4.2.8). ``tlcp`` writes a
    hello of TLCP instead, with as few extensions as can be. ``fragment_size`` is 1 to 16384 bytes: how the message is
    cut into records. Raises LocalProtocolError for sizes that are wrong or have no room, and for other versions than
    TLS 1.0 to 1.3.
    """
    if len(random) != 32 or len(session_id) > 32:
        raise LocalProtocolError(f"a random of {len(random)} and a session id of {len(session_id)} bytes; 32 and <= 32")
    if not 1 <= fragment_size <= _MAX_FRAGMENT_SIZE:
        raise LocalProtocolError(f"fragment_size {fragment_size}, not 1 to {_MAX_FRAGMENT_SIZE}")
    if not tlcp and (not versions or not all(TLS1_0 <= version <= TLS1_3 for version in versions)):
        raise LocalProtocolError("versions: none, or others than TLS 1.0 to 1.3")
    suites = cipher_suites or (TLCP_SUITES if tlcp else TLS_SUITES)
    ours = [] if server_name is None else [_server_name(server_name)]
    if alpn:
        ours.append((ExtensionType.ALPN, _vector(2, b"".join(_vector(1, name) for name in alpn))))
    if not tlcp:
        ours += _tls_extensions(versions)
    written = b"".join(_number(kind) + _vector(2, data) for kind, data in (*ours, *extensions))
    body = (
        _number(TLCP1_1 if tlcp else min(max(versions), TLS1_2))
        + random
        + _vector(1, session_id)
        + _vector(2, b"".join(map(_number, suites)))
        + b"\x01\x00"
        + (_vector(2, written) if written else b"")
    )
    return _records(b"\x01" + _vector(3, body), TLCP_VERSION if tlcp else TLS1_0, fragment_size)


def _tls_extensions(versions: Collection[int]) -> list[tuple[int, bytes]]:
    extensions: list[tuple[int, bytes]] = [
        (ExtensionType.SUPPORTED_GROUPS, _vector(2, _GROUPS)),
        (ExtensionType.SIGNATURE_ALGORITHMS, _vector(2, _SIGNATURES)),
    ]
    if TLS1_3 in versions:
        offered = b"".join(map(_number, sorted(versions, reverse=True)))
        extensions.append((ExtensionType.SUPPORTED_VERSIONS, _vector(1, offered)))
        extensions.append((ExtensionType.KEY_SHARE, _vector(2, b"")))
    return extensions


def _server_name(name: str) -> tuple[int, bytes]:
    """RFC 6066 section 3: a list of one name of the type 0."""
    if not name.isascii():
        raise LocalProtocolError(f"server name {name!r}: not ASCII, as its IDNA form would be")
    return (ExtensionType.SERVER_NAME, _vector(2, b"\0" + _vector(2, name.encode())))


def _records(message: bytes, version: int, size: int) -> bytes:
    """The message, cut into handshake records."""
    head = b"\x16" + _number(version)
    return b"".join(head + _vector(2, message[at : at + size]) for at in range(0, len(message), size))


def _number(value: int) -> bytes:
    try:
        return value.to_bytes(2, "big")
    except OverflowError:
        raise LocalProtocolError(f"{value}, not 0 to 65535") from None


def _vector(prefix: int, data: bytes) -> bytes:
    """The data behind a length of ``prefix`` bytes."""
    try:
        return len(data).to_bytes(prefix, "big") + data
    except OverflowError:
        raise LocalProtocolError(f"{len(data)} bytes, more than a length of {prefix} bytes can say") from None
