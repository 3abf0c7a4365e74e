"""Addresses that stand for other addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, TypeAlias

from .address import parse_ip
from .mistake import Mistake, MistakeError, show, wrong
from .numbers import BOOLEAN_FORMS, parse_boolean
from .value import Value

__all__ = ["IpMap", "IpTransmutation", "parse_ip_transmutation"]

IpMap: TypeAlias = dict[IPv4Address | IPv6Address, IPv4Address | IPv6Address]
"""From the address that is, to the address that is told."""

MAX_ENTRIES = 4096  # one for each local address; more is taken for a mistake

_IP = r"^[0-9A-Fa-f:.]+$"


def parse_ip_transmutation(data: object) -> IpMap | None:
    """A map of addresses, ``true`` for an empty one, ``false`` for none at all."""
    if not isinstance(data, dict):
        try:
            return {} if parse_boolean(data) else None
        except MistakeError:
            raise wrong(
                f"{show(data)} is not a map", expected="true, false, or a map from address to address"
            ) from None
    if len(data) > MAX_ENTRIES:
        raise wrong(f"{len(data)} entries are too many", expected=f"at most {MAX_ENTRIES}")
    found: IpMap = {}
    mistakes: list[Mistake] = []
    for key, value in data.items():
        try:
            found[parse_ip(key)] = parse_ip(value)
        except MistakeError as error:
            mistakes += error.under(str(key))
    if mistakes:
        raise MistakeError(*mistakes)
    return found


IpTransmutation: TypeAlias = Annotated[
    IpMap | None,
    Value(
        "boolean, or map from IP address to IP address",
        parse_ip_transmutation,
        {
            "anyOf": [
                *BOOLEAN_FORMS,
                {
                    "type": "object",
                    "propertyNames": {"pattern": _IP},
                    "additionalProperties": {"type": "string", "pattern": _IP},
                },
            ]
        },
    ),
]
