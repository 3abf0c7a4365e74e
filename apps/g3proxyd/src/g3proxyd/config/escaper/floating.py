"""What escapers have in common whose ways out are published while the daemon runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from g3_escape import RouteError, parse_path_id

from ...escaper.base import Egress
from ..section import Section
from ..values.address import IP_SCHEMA, parse_ip
from ..values.mistake import MistakeError, wrong
from ..values.text import parse_text
from ..values.timestamp import Timestamp
from ..values.value import Value
from .common import EscaperConfig

__all__ = ["DynamicKeys", "FloatConfig", "Publication", "Taken"]

MAX_FACT = 256
"""Characters of what is told about a way out; it goes into a header of each response."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published for an escaper, read and checked; it travels between processes."""

    type: str
    """The type of escaper that it is for."""
    value: Any
    """In the form that this type knows."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a configuration makes of published data."""

    publication: Publication
    """Everything that counts from now on."""
    caches: Mapping[Path, str] = field(default_factory=dict)
    """What its cache files are to hold."""
    refused: tuple[str, ...] = ()
    """What was left out, a line for each mistake."""
    remarks: tuple[str, ...] = ()
    """What the publisher should know beside that."""


class FloatConfig(EscaperConfig):
    """What every escaper has that takes published data."""

    @abstractmethod
    def take(self, data: str, before: Publication | None) -> Taken:
        """Read published data, which is JSON; ``before`` is what was published before.

        Raises MistakeError if nothing of it can be used.
        """


def _parse_id(data: object) -> str:
    try:
        return parse_path_id(parse_text(data))
    except RouteError as error:
        raise wrong(str(error), expected="text") from None


def _parse_fact(data: object) -> str:
    text = parse_text(data)
    if not 0 < len(text) <= MAX_FACT or not text.isprintable():
        raise wrong("this says nothing", expected=f"1 to {MAX_FACT} printable characters")
    return text


def _or_nothing(parse: Callable[[object], object]) -> Callable[[object], object]:
    """The same parser, for which what it does not understand is as good as nothing."""

    def parse_leniently(data: object) -> object:
        try:
            return parse(data)
        except MistakeError:
            return None

    return parse_leniently


_FACT: TypeAlias = Annotated[str | None, Value("text", _or_nothing(_parse_fact), {"type": ["string", "number"]})]


class DynamicKeys(Section):
    """What may be said of each published way out."""

    id: Annotated[str | None, Value("text", _parse_id, {"type": ["string", "number"]})] = None
    """By this name requests may choose it."""
    isp: _FACT = None
    """The provider of the egress address; what is no text is left out."""
    eip: Annotated[
        IPv4Address | IPv6Address | None,
        Value("IP address", _or_nothing(parse_ip), IP_SCHEMA, instance=(IPv4Address, IPv6Address)),
    ] = None
    """The egress address as others see it; what is no address is left out."""
    area: _FACT = None
    """Where the egress address is, such as `cn/beijing`; what is no text is left out."""
    expire: Timestamp | None = None
    """No connection begins at this time or later."""

    @property
    def egress(self) -> Egress:
        """The same for those who know nothing of configurations."""
        return Egress(self.isp, self.eip, self.area, self.expire)
