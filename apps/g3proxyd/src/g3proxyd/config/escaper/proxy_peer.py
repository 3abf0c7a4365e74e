"""Next proxies that are published while the daemon runs, each as an object of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from ..json_text import read_json
from ..keys import normalise
from ..section import spellings_of
from ..values.acl import OneHost
from ..values.address import SocketAddress, parse_socket_address
from ..values.credentials import Password, Username
from ..values.ip_map import IpTransmutation
from ..values.mistake import Mistake, MistakeError, nearest, show, wrong
from ..values.numbers import Boolean
from ..values.size import Size
from ..values.speed_limit import SocketSpeedLimit, UdpSocketSpeedLimit
from ..values.value import Value
from .floating import DynamicKeys
from .proxy_http import RESPONSE_MIN

__all__ = ["MAX_PEERS", "PeersRead", "ProxyPeer", "read_peers"]

MAX_PEERS = 16_384
"""Peers of one escaper: reading so many takes a few seconds."""

RESPONSE_MAX = 1024 * 1024
"""Bytes of an answer to CONNECT that a peer may ask for: it is not the operator's own word, as a configuration is."""

MAX_HEADERS = 32
MAX_HEADER_SIZE = 4096
"""How many fields a peer may want, and characters of all of them: as much again as a usual request has."""

HTTP = ("http", "https")
SOCKS = ("socks5", "socks5s")
SECURE = ("https", "socks5s")
_TYPES = {"http": "http", "https": "https", "socks5": "socks5", "socks5s": "socks5s", "socks5+tls": "socks5s"}

_is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

FRAMING = frozenset((
    "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
))  # fmt: skip
"""Fields that decide where a request ends, or who it is for: a second one would have two readings."""


def _parse_type(data: object) -> str:
    if isinstance(data, str) and data in _TYPES:
        return _TYPES[data]
    meant = nearest(data, _TYPES) if isinstance(data, str) else None
    raise wrong(f"{show(data)} is not a type of peer", expected=f"one of {', '.join(_TYPES)}", suggestion=meant)


def _parse_addr(data: object) -> SocketAddress:
    address = parse_socket_address(data)
    if address.port == 0:
        raise wrong("nobody can be connected to at port 0", expected="a port from 1 to 65535")
    return address


def _parse_headers(data: object) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(data, dict):
        raise wrong(f"{show(data)} is not a map", expected="a map from names of fields to their values")
    size = sum(len(str(name)) + len(str(value)) for name, value in data.items())
    if len(data) > MAX_HEADERS or size > MAX_HEADER_SIZE:
        raise wrong(
            f"{len(data)} fields of {size} characters are too many",
            expected=f"at most {MAX_HEADERS} of {MAX_HEADER_SIZE} characters in all",
        )
    return tuple(_parse_header(name, value) for name, value in data.items())


def _parse_header(name: str, value: object) -> tuple[bytes, bytes]:
    if not _is_token(name):
        raise wrong(f"{show(name)} cannot be the name of a field")
    if name.lower() in FRAMING:
        raise wrong(f"the field {name} is not the peer's to set")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise wrong(f"{show(value)} cannot be the value of a field", expected="ASCII text")
    return name.encode(), value.strip().encode()


_TEXT: Mapping[str, object] = {"type": "string"}
_Type: TypeAlias = Annotated[str, Value("type of peer", _parse_type, {"enum": [*_TYPES]})]
_Addr: TypeAlias = Annotated[SocketAddress, Value("socket address", _parse_addr, _TEXT, instance=SocketAddress)]
_Headers: TypeAlias = Annotated[
    tuple[tuple[bytes, bytes], ...],
    Value("map of fields", _parse_headers, {"type": "object"}, instance=tuple, display=lambda _: ""),
]


class ProxyPeer(DynamicKeys):
    """A next proxy as it is published."""

    type: _Type
    """What it speaks: `http`, `https`, `socks5`, or `socks5s`, which may be written `socks5+tls`."""
    addr: _Addr
    """Its address and port."""
    tcp_sock_speed_limit: SocketSpeedLimit = None
    """Speed limit of each connection to it, instead of the escaper's."""
    username: Username | None = None
    """The user that it knows us as."""
    password: Password | None = None
    """The password of `username`."""
    http_connect_rsp_header_max_size: Size = 4096
    """Bytes of the answer to CONNECT, 64 to 1MiB (`http`, `https`)."""
    extra_append_headers: _Headers = ()
    """Further fields of each request (`http`, `https`)."""
    tls_name: OneHost | None = None
    """Who its certificate has to be for; unset is its address (`https`, `socks5s`)."""
    udp_sock_speed_limit: UdpSocketSpeedLimit = None
    """Speed limit of each UDP socket towards it (`socks5`, `socks5s`)."""
    transmute_udp_peer_ip: IpTransmutation = None
    """As that of `proxy_socks5` (`socks5`, `socks5s`)."""
    end_on_control_closed: Boolean = False
    """As that of `proxy_socks5` (`socks5`, `socks5s`)."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not RESPONSE_MIN <= self.http_connect_rsp_header_max_size <= RESPONSE_MAX:
            message = f"{self.http_connect_rsp_header_max_size} is out of range"
            expected = f"{RESPONSE_MIN} to {RESPONSE_MAX}"
            conflicts.append(Mistake(message, expected, path=("http_connect_rsp_header_max_size",)))
        if self.type in SOCKS and self.username is not None and not self.password:
            conflicts.append(
                Mistake("needs 'password' beside it, which SOCKS5 does not want empty", path=("username",))
            )
        return {}


@dataclass(frozen=True, slots=True)
class PeersRead:
    """Peers, and what was wrong with others."""

    peers: tuple[tuple[ProxyPeer, object], ...] = ()
    """Each with the JSON that it was read from."""
    refused: tuple[str, ...] = ()
    """A line for each mistake of those that cannot be used."""
    remarks: tuple[str, ...] = ()
    """What is odd about those that can."""


def read_peers(items: Sequence[object], label: Callable[[int], str]) -> PeersRead:
    """Read peers one by one, so that none spoils the others; ``label`` names the one of a number in messages."""
    peers: list[tuple[ProxyPeer, object]] = []
    refused: list[str] = []
    remarks: list[str] = []
    known = spellings_of(ProxyPeer)
    for number, item in enumerate(items):
        name = label(number)
        said: Any = item
        if isinstance(item, dict):
            said = {key: value for key, value in item.items() if normalise(key) in known}
        try:
            peers.append((read_json(ProxyPeer, said, name), item))
        except MistakeError as error:
            refused += [mistake.message for mistake in error.mistakes]
            continue
        if isinstance(item, dict):
            remarks += [f"{name}: the unknown key {show(key)} is ignored" for key in item.keys() - said.keys()]
    return PeersRead(tuple(peers), tuple(refused), tuple(remarks))
