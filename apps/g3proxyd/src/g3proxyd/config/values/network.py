"""IP networks."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, TypeAlias

from .mistake import show, wrong
from .value import Value, list_of

__all__ = ["NETWORK_SCHEMA", "Network", "NetworkList", "parse_network"]

Network: TypeAlias = IPv4Network | IPv6Network

_EXPECTED = "a network such as 192.0.2.0/24 or 2001:db8::/32, or an address"
_MAPPED = 0xFFFF  # the upper 96 bits of ::ffff:0:0/96

NETWORK_SCHEMA: Mapping[str, object] = {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"}


def parse_network(data: object) -> Network:
    """A network, or an address as the network that holds it alone. IPv4-mapped IPv6 networks are those of IPv4."""
    text = data.strip() if isinstance(data, str) else ""
    if "%" in text or text.partition("/")[2].count("."):  # zones, and masks in place of a prefix
        raise wrong(f"{show(data)} is not a network", expected=_EXPECTED)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise wrong(f"{show(data)} is not a network", expected=_EXPECTED) from None
    if text.partition("/")[1] and network != _exact(text):
        raise wrong(f"{show(data)} has bits behind its prefix", expected=_EXPECTED, suggestion=str(network))
    number = int(network.network_address)
    if network.version == 6 and number >> 32 == _MAPPED and network.prefixlen >= 96:
        return IPv4Network((number & 0xFFFF_FFFF, network.prefixlen - 96))
    return network


def _exact(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


NetworkList: TypeAlias = Annotated[
    tuple[Network, ...],
    Value(
        "network, or list of them",
        list_of(parse_network),
        {"anyOf": [NETWORK_SCHEMA, {"type": "array", "items": NETWORK_SCHEMA}]},
        instance=tuple,
    ),
]
