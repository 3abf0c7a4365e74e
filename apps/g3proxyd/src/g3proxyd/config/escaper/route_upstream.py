"""The escaper that chooses by the target's host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from g3_acl import Action, Host, PatternError, RegexSetRule
from pydantic import Field

from ..keys import Aliases, any_case, normalise
from ..module import NameOf, TypeName
from ..values.acl import parse_domain, parse_host
from ..values.mistake import MistakeError, nearest, show, wrong
from ..values.network import NETWORK_SCHEMA, Network, parse_network
from ..values.value import list_of
from .common import EscaperConfig
from .next_rules import NextRules

__all__ = ["Pattern", "RouteUpstreamConfig"]

Pattern: TypeAlias = tuple[str | None, str]
"""A parent domain or None, and a regular expression for what stands before it."""

_TEXT: Mapping[str, object] = {"type": "string", "minLength": 1}
_PATTERN: Mapping[str, object] = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "patternProperties": {
                f"^{any_case('parent')}$": _TEXT,
                f"^{any_case('regex')}$": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
            },
            "additionalProperties": False,
        },
    ]
}


def parse_suffix(data: object) -> str:
    """The end of a name, wherever it begins, in lower case."""
    text = data.strip().lower().removesuffix(".") if isinstance(data, str) else ""
    if not text.strip("."):
        raise wrong(f"{show(data)} is not the end of a name", expected="text such as .example.net")
    if text.isascii():
        return text
    domain = parse_domain(text)
    return f".{domain}" if text.startswith(".") else domain


def parse_patterns(data: object) -> tuple[Pattern, ...]:
    """A regular expression, a map of `parent` and `regex`, or a list of them."""
    return tuple(pattern for group in list_of(_parse_group)(data) for pattern in group)


def _parse_group(data: object) -> tuple[Pattern, ...]:
    if not isinstance(data, dict):
        return ((None, _parse_regex(data)),)
    keys = {normalise(str(written)): written for written in data}
    for key, written in keys.items():
        if key not in ("parent", "regex"):
            raise wrong("unknown key", suggestion=nearest(key, ("parent", "regex")), path=(written,))
    if len(keys) < max(2, len(data)):
        raise wrong("the rule is not complete", expected="the keys parent and regex, each once")
    try:
        parent = parse_domain(data[keys["parent"]])
    except MistakeError as error:
        raise MistakeError(*error.under(keys["parent"])) from None
    try:
        return tuple((parent, regex) for regex in list_of(_parse_regex)(data[keys["regex"]]))
    except MistakeError as error:
        raise MistakeError(*error.under(keys["regex"])) from None


def _parse_regex(data: object) -> str:
    if not isinstance(data, str) or not data:
        raise wrong(f"{show(data)} is not a regular expression", expected="text in the syntax of Rust's regex crate")
    try:
        RegexSetRule().add(data, Action.PERMIT)
    except PatternError as error:
        raise wrong(str(error)) from None
    return data


class RouteUpstreamConfig(EscaperConfig):
    """Chooses the next escaper by the target's host: exact rules count, then networks for addresses, and for names
    parent domains, suffixes and regular expressions, in this order."""

    type: Annotated[Literal["route_upstream"], TypeName("route_upstream")] = "route_upstream"
    """What the object is."""
    default_next: Annotated[str, NameOf("escaper")]
    """The escaper for targets that no rule names."""
    exact_match: Annotated[
        dict[Host, str], Aliases("exact_rules"), NextRules(("hosts", "host"), list_of(parse_host), _TEXT)
    ] = Field(default_factory=dict)
    """Escapers for names and addresses."""
    subnet_match: Annotated[
        dict[Network, str],
        Aliases("subnet_rules"),
        NextRules(("subnets", "subnet"), list_of(parse_network), NETWORK_SCHEMA),
    ] = Field(default_factory=dict)
    """Escapers for networks, if the client asks for an address; the smallest that holds it counts."""
    child_match: Annotated[
        dict[str, str], Aliases("child_rules"), NextRules(("domains", "domain"), list_of(parse_domain), _TEXT)
    ] = Field(default_factory=dict)
    """Escapers for domains and the names below them; the longest counts."""
    suffix_match: Annotated[
        dict[str, str],
        Aliases("suffix_rules", "radix_match", "radix_rules"),
        NextRules(("suffixes", "suffix"), list_of(parse_suffix), _TEXT),
    ] = Field(default_factory=dict)
    """Escapers for the ends of names, wherever they begin; the longest counts."""
    regex_match: Annotated[
        dict[Pattern, str], Aliases("regex_rules"), NextRules(("rules", "rule"), parse_patterns, _PATTERN)
    ] = Field(default_factory=dict)
    """Escapers for regular expressions, or for maps of `parent` and `regex`: an expression for what stands before
    that domain. The first that matches counts."""
