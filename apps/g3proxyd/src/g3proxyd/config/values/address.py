"""IP addresses, socket addresses and network interfaces."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, TypeAlias

from .mistake import MistakeError, nearest, show, wrong
from .value import Value, list_of

__all__ = [
    "IP_SCHEMA",
    "Interface",
    "IpAddress",
    "IpAddressList",
    "Ipv4",
    "Ipv6",
    "ListedAddress",
    "SocketAddress",
    "parse_interface",
    "parse_ip",
    "parse_ipv4",
    "parse_ipv6",
    "parse_listed_address",
    "parse_socket_address",
]

_BRACKETED = re.compile(r"\[([^\[\]]+)\]:([0-9]{1,5})", re.ASCII)
_PLAIN = re.compile(r"([^:\[\]]+):([0-9]{1,5})", re.ASCII)
_PORT_MAX = 65535
_EXPECTED = "an address and a port such as 127.0.0.1:8080 or [::1]:8080"
_INTERFACE_NAME_MAX = 15  # IFNAMSIZ with its final NUL


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address and a port."""

    host: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        """`address:port`, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if isinstance(self.host, IPv6Address) else f"{self.host}:{self.port}"


def parse_ip(data: object) -> IPv4Address | IPv6Address:
    """An IPv4 or IPv6 address."""
    try:
        if isinstance(data, str):
            return ip_address(data)
    except ValueError:
        pass
    raise wrong(f"{show(data)} is not an IP address", expected="an address such as 192.0.2.1 or 2001:db8::1")


def parse_ipv4(data: object) -> IPv4Address:
    """An IPv4 address."""
    address = parse_ip(data)
    if not isinstance(address, IPv4Address):
        raise wrong(f"{address} is not an IPv4 address", expected="an address such as 192.0.2.1")
    return address


def parse_ipv6(data: object) -> IPv6Address:
    """An IPv6 address; one that maps an IPv4 address is refused."""
    address = parse_ip(data)
    if not isinstance(address, IPv6Address):
        raise wrong(f"{address} is not an IPv6 address", expected="an address such as 2001:db8::1")
    if address.ipv4_mapped is not None:
        raise wrong(f"{address} maps an IPv4 address", expected="an IPv6 address of its own")
    return address


def parse_socket_address(data: object) -> SocketAddress:
    """`address:port` or `[address]:port`."""
    found = (_BRACKETED.fullmatch(data) or _PLAIN.fullmatch(data)) if isinstance(data, str) else None
    if found is None or int(found[2]) > _PORT_MAX:
        raise wrong(f"{show(data)} is not a socket address", expected=_EXPECTED)
    try:
        return SocketAddress(ip_address(found[1]), int(found[2]))
    except ValueError:
        raise wrong(f"{show(found[1])} is not an IP address", expected=_EXPECTED) from None


def parse_listed_address(data: object) -> SocketAddress:
    """A socket address, `@name:port` (looked up now, must give one address), or `$NAME` of the environment."""
    if isinstance(data, str) and data.startswith("$"):
        return _from_environment(data[1:])
    if isinstance(data, str) and data.startswith("@"):
        return _looked_up(data[1:])
    try:
        return parse_socket_address(data)
    except MistakeError as error:
        expected = f"{_EXPECTED}, @name:port or $NAME of the environment"
        suggestion = f"[::]:{data}" if isinstance(data, str) and data.isdecimal() else None
        raise error.but(expected=expected, suggestion=suggestion) from None


def parse_interface(data: object) -> str:
    """The name of a network interface of this machine, by its name or its index."""
    known = {name: index for index, name in socket.if_nameindex()}
    expected = f"one of {', '.join(sorted(known)[:20])}"
    if isinstance(data, str) and data.isdecimal() and len(data) <= 10:
        data = int(data)
    if isinstance(data, int) and not isinstance(data, bool):
        for name, index in known.items():
            if index == data:
                return name
        raise wrong(f"no network interface has the index {data}", expected=expected)
    if not isinstance(data, str) or not 0 < len(data) <= _INTERFACE_NAME_MAX:
        raise wrong(f"{show(data)} is not the name of a network interface", expected=expected)
    if data not in known:
        raise wrong(f"no network interface is called {show(data)}", expected=expected, suggestion=nearest(data, known))
    return data


def _from_environment(name: str) -> SocketAddress:
    text = os.environ.get(name)
    if text is None:
        raise wrong(f"the environment variable {show(name)} is not set", expected=_EXPECTED + " in it")
    try:
        return parse_socket_address(text)
    except MistakeError as error:
        raise wrong(f"in the environment variable {show(name)}: {error}", expected=_EXPECTED) from None


def _looked_up(text: str) -> SocketAddress:
    name, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port[:6]) > _PORT_MAX:
        raise wrong(f"{show('@' + text)} is not a name and a port", expected="@name:port")
    try:
        return SocketAddress(ip_address(name.removeprefix("[").removesuffix("]")), int(port))
    except ValueError:
        pass
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise wrong(f"cannot look up {show(name)}: {error}", expected="a name that can be looked up now") from None
    if len(found) != 1:
        listed = ", ".join(sorted(str(address) for address in found))
        raise wrong(f"{show(name)} has {len(found)} addresses ({listed})", expected="a name with one address")
    return SocketAddress(ip_address(found.pop()), int(port))


IP_SCHEMA = {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(%[^%]+)?$"}

IpAddress: TypeAlias = Annotated[
    IPv4Address | IPv6Address, Value("IP address", parse_ip, IP_SCHEMA, instance=(IPv4Address, IPv6Address))
]
IpAddressList: TypeAlias = Annotated[
    tuple[IPv4Address | IPv6Address, ...],
    Value(
        "IP address, or list of them",
        list_of(parse_ip),
        {"anyOf": [IP_SCHEMA, {"type": "array", "items": IP_SCHEMA}]},
        instance=tuple,
    ),
]
Ipv4: TypeAlias = Annotated[IPv4Address, Value("IPv4 address", parse_ipv4, IP_SCHEMA, instance=IPv4Address)]
Ipv6: TypeAlias = Annotated[IPv6Address, Value("IPv6 address", parse_ipv6, IP_SCHEMA, instance=IPv6Address)]
ListedAddress: TypeAlias = Annotated[
    SocketAddress,
    Value(
        "socket address",
        parse_listed_address,
        {"type": "string", "pattern": r"^(\$.+|@.+:[0-9]{1,5}|\[[^\[\]]+\]:[0-9]{1,5}|[0-9.]+:[0-9]{1,5})$"},
        instance=SocketAddress,
    ),
]
Interface: TypeAlias = Annotated[
    str,
    Value(
        "network interface",
        parse_interface,
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}]},
    ),
]
