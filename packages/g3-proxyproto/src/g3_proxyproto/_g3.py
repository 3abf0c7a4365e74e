"""The TLVs that g3proxy puts into its headers, for divert_tcp and for stream detours; all stand in the custom range."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from g3_machine import LocalProtocolError

from ._errors import HeaderError
from ._tlv import Tlv, text


class G3Type(IntEnum):
    """g3proxy's types."""

    UPSTREAM = 0xE0
    TLS_NAME = 0xE1
    USERNAME = 0xE2
    TASK_ID = 0xE3
    PROTOCOL = 0xE4
    MATCH_ID = 0xE5
    PAYLOAD_SIZE = 0xE6


@dataclass(frozen=True, slots=True)
class G3Values:
    """What g3proxy tells a service about a task; None for what it does not tell."""

    upstream: str | None = None
    """Where the client wants to go, ``host:port``."""
    tls_name: str | None = None
    """The name to verify in the upstream's certificate; only where TLS begins on the sender's side."""
    username: str | None = None
    task_id: bytes | None = None
    """The 16 bytes of the task's UUID."""
    protocol: str | None = None
    """What a detoured stream speaks: ``http_2``, ``websocket``, ``smtp``, ``imap``."""
    match_id: int | None = None
    """0 to 65535: what ties the two streams of a detour together, within one QUIC connection."""
    payload_size: int | None = None
    """0 to 2**32 - 1: bytes behind the header that describe the stream."""


_NUMBERS = {G3Type.MATCH_ID: 2, G3Type.PAYLOAD_SIZE: 4}
_TASK_ID_SIZE = 16


def parse_g3(tlvs: Iterable[Tlv]) -> G3Values:
    """Read g3proxy's TLVs, in any order; others are left alone.

    Raises HeaderError for one that comes twice, text that is not UTF-8, or a wrong length.
    """
    found: dict[str, str | bytes | int] = {}
    for tlv in tlvs:
        if tlv.type not in _OURS:
            continue
        kind = G3Type(tlv.type)
        name = kind.name.lower()
        if name in found:
            raise HeaderError("tlv", f"two TLVs of the type {kind.name}")
        if kind == G3Type.TASK_ID:
            found[name] = _exactly(tlv.value, _TASK_ID_SIZE, kind)
        elif size := _NUMBERS.get(kind):
            found[name] = int.from_bytes(_exactly(tlv.value, size, kind), "big")
        else:
            found[name] = text(tlv.value, "utf-8", kind.name)
    return G3Values(**found)  # type: ignore[arg-type]  # each name has the value that its type calls for


def pack_g3(values: G3Values) -> list[Tlv]:
    """Write what is not None; raises LocalProtocolError for a task id of another length, or a number without room."""
    tlvs = []
    for kind in G3Type:
        value = getattr(values, kind.name.lower())
        if value is None:
            continue
        if size := _NUMBERS.get(kind):
            if not 0 <= value < 1 << 8 * size:
                raise LocalProtocolError(f"{kind.name} {value}, not 0 to {(1 << 8 * size) - 1}")
            value = value.to_bytes(size, "big")
        elif kind == G3Type.TASK_ID:
            if len(value) != _TASK_ID_SIZE:
                raise LocalProtocolError(f"TASK_ID of {len(value)} bytes, not {_TASK_ID_SIZE}")
        else:
            value = value.encode()
        tlvs.append(Tlv(int(kind), value))
    return tlvs


def _exactly(value: bytes, size: int, kind: G3Type) -> bytes:
    if len(value) != size:
        raise HeaderError("tlv", f"{kind.name} that has not {size} bytes")
    return value


_OURS = frozenset(G3Type)
