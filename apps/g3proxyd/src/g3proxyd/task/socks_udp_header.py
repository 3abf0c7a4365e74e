"""The header of a SOCKS5 datagram (RFC 1928 section 7) in a buffer: how long it is, and which target it names."""

import mmap

from g3_acl import HostError, parse_host, unmap
from g3_machine import RemoteProtocolError
from g3_socks import parse_datagram

from ..upstream import Upstream

IPV4_HEADER = 10
IPV6_HEADER = 22


def header_size(start: bytes) -> int:
    """Bytes of the header whose first 5 bytes these are; 0 for an unknown address type, or when they are fewer."""
    if len(start) < 5:
        return 0
    kind = start[3]
    if kind == 1:
        return IPV4_HEADER
    if kind == 4:
        return IPV6_HEADER
    return 7 + start[4] if kind == 3 else 0


def header_at(memory: mmap.mmap, start: int, size: int) -> bytes:
    """The header of the datagram of so many bytes that begins there; empty when it is too short for one."""
    length = header_size(memory[start : start + 5]) if size >= 5 else 0
    return memory[start : start + length] if length <= size else b""


def upstream_in(header: bytes) -> Upstream | None:
    """The target that a datagram's header names, in the one spelling that rules know; None for anything else."""
    try:
        datagram = parse_datagram(header)
        host = datagram.host
        return Upstream(parse_host(host) if isinstance(host, str) else unmap(host), datagram.port)
    except (RemoteProtocolError, HostError):
        return None
