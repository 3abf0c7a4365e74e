"""The escaper that connects directly, from local addresses that are published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from ..json_text import parse_json, read_json
from ..keys import NoEffect, normalise
from ..module import TypeName
from ..values.address import IP_SCHEMA, Interface, IpAddress
from ..values.cache_file import CacheFile
from ..values.keepalive import TcpKeepalive
from ..values.mistake import Mistake, MistakeError, nearest, show, wrong
from .direct import DirectConfig
from .floating import DynamicKeys, FloatConfig, Publication, Taken

__all__ = ["BindIp", "DirectFloatConfig", "PublishedBinds", "parse_binds"]

MAX_BINDS = 4096
"""Addresses of one family: as many as a machine can reasonably have."""


class BindIp(DynamicKeys):
    """A local address as it is published; the address alone stands for a map that says nothing else."""

    short_schema: ClassVar[Mapping[str, object] | None] = IP_SCHEMA
    short_forms: ClassVar[str] = "an address"

    ip: IpAddress
    """The address."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {"ip": data} if isinstance(data, str) else super().from_short(data)


@dataclass(frozen=True, slots=True)
class PublishedBinds:
    """The local addresses of each family; None for a family of which nothing was said."""

    ipv4: tuple[BindIp, ...] | None = None
    ipv6: tuple[BindIp, ...] | None = None


_FAMILIES = {"ipv4": "ipv4", "v4": "ipv4", "ipv6": "ipv6", "v6": "ipv6"}
_KINDS = {"ipv4": IPv4Address, "ipv6": IPv6Address}


def parse_binds(data: object, family: str) -> tuple[BindIp, ...]:
    """The addresses of one family, ``ipv4`` or ``ipv6``: one, a list of them, or None for none at all.

    Raises MistakeError.
    """
    items = data if isinstance(data, list) else [] if data is None else [data]
    if len(items) > MAX_BINDS:
        raise wrong(f"{family}: {len(items)} addresses are too many", expected=f"at most {MAX_BINDS}")
    binds: list[BindIp] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(items):
        label = f"{family}[{index}]" if isinstance(data, list) else family
        try:
            bind = read_json(BindIp, item, label)
        except MistakeError as error:
            mistakes += error.mistakes
        else:
            binds.append(bind)
            if not isinstance(bind.ip, _KINDS[family]):
                mistakes.append(Mistake(f"{label}.ip: {bind.ip} is of the other family"))
    if mistakes:
        raise MistakeError(*mistakes)
    return tuple(binds)


class DirectFloatConfig(DirectConfig, FloatConfig):
    """Connects directly to the remote side, from local addresses that are published while the daemon runs."""

    type: Annotated[Literal["direct_float"], TypeName("direct_float", "direct_dynamic")] = "direct_float"
    """What the object is."""
    cache_ipv4: CacheFile | None = None
    """Where the published IPv4 addresses are kept for the next start."""
    cache_ipv6: CacheFile | None = None
    """Where the published IPv6 addresses are kept for the next start."""
    tcp_keepalive: TcpKeepalive = TcpKeepalive(enable=True)
    """Keep-alive of the connections."""
    bind_interface: Annotated[Interface | None, NoEffect("published addresses say where connections begin")] = None
    """Send through this network interface alone."""

    def take(self, data: str, before: Publication | None) -> Taken:
        """An object with addresses for one family or both; what is not named stays what it was."""
        said = _by_family(parse_json(data))
        mistakes: list[Mistake] = []
        found: dict[str, tuple[BindIp, ...]] = {}
        for family, value in said.items():
            try:
                found[family] = parse_binds(value, family)
            except MistakeError as error:
                mistakes += error.mistakes
        if mistakes:
            raise MistakeError(*mistakes)
        earlier: PublishedBinds = PublishedBinds() if before is None else before.value
        binds = PublishedBinds(found.get("ipv4", earlier.ipv4), found.get("ipv6", earlier.ipv6))
        files: dict[str, Path | None] = {"ipv4": self.cache_ipv4, "ipv6": self.cache_ipv6}
        caches = {
            path: json.dumps(value, indent=2, ensure_ascii=False) + "\n"
            for family, value in said.items()
            if (path := files[family]) is not None
        }
        return Taken(Publication(self.type, binds), caches)


def _by_family(data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise wrong("the data is not a map", expected="a map of ipv4 and ipv6")
    said: dict[str, object] = {}
    for written, value in data.items():
        family = _FAMILIES.get(normalise(written))
        if family is None:
            raise wrong(f"{show(written)} is no family of addresses", suggestion=nearest(normalise(written), _FAMILIES))
        if family in said:
            raise wrong(f"{family} is there twice")
        said[family] = value
    return said
