"""Other names or addresses for names, instead of what a resolver would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

from g3_acl import unmap

from ..keys import any_case, normalise
from .acl import parse_host
from .address import parse_ip
from .mistake import Mistake, MistakeError, nearest, show, wrong
from .value import Value, list_of

__all__ = ["Addresses", "ResolveRedirection", "ResolveRedirectionRules", "parse_redirection"]

Addresses: TypeAlias = tuple[IPv4Address | IPv6Address, ...]

_RULE_KEYS = {"exact": "exact", "parent": "parent", "child": "parent", "to": "to"}


@dataclass(frozen=True, slots=True)
class ResolveRedirection:
    """Rules that replace a name before it is resolved.

    `exact` maps a name to another name or to addresses, `parents` maps a parent domain to the one that takes its
    place. Names are in the ASCII form and in lower case, without a dot at the end.
    """

    exact: Mapping[str, str | Addresses]
    parents: Mapping[str, str]

    def find(self, domain: str) -> str | Addresses | None:
        """The name or the addresses to use for `domain` (ASCII form, lower case), or None when no rule applies.

        An exact rule wins; else the rule of the longest parent applies, to the parent domain itself as well.
        """
        found = self.exact.get(domain)
        if found is not None or not self.parents:
            return found
        start = 0
        while start >= 0:
            to = self.parents.get(domain[start:])
            if to is not None:
                return domain[:start] + to
            start = domain.find(".", start) + 1 or -1
        return None


def parse_redirection(data: object) -> ResolveRedirection:
    """A map of names to a host or a list of addresses, or a list of rules with `exact` or `parent`, and `to`."""
    expected = "a map of names to hosts, or a list of rules such as {exact: a.test, to: 192.0.2.1}"
    if not isinstance(data, dict | list):
        raise wrong(f"{show(data)} is not a redirection", expected=expected)
    exact: dict[str, str | Addresses] = {}
    parents: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for place, rule in data.items() if isinstance(data, dict) else enumerate(data):
        try:
            kind, domain, to = ("exact", _domain(place), _target(rule)) if isinstance(data, dict) else _rule(rule)
        except MistakeError as error:
            mistakes += error.under(place)
        else:
            if domain in (exact if kind == "exact" else parents):
                mistakes.append(Mistake(f"there are two rules for {show(domain)}", path=(place,)))
            elif isinstance(to, str) and kind == "parent":
                parents[domain] = to
            else:
                exact[domain] = to
    if mistakes:
        raise MistakeError(*mistakes)
    return ResolveRedirection(MappingProxyType(exact), MappingProxyType(parents))


def _rule(data: object) -> tuple[str, str, str | Addresses]:
    if not isinstance(data, dict):
        raise wrong(f"{show(data)} is not a map", expected="a rule such as {exact: a.test, to: 192.0.2.1}")
    rule: dict[str, tuple[str, object]] = {}
    for key, value in data.items():
        name = _RULE_KEYS.get(normalise(key))
        if name is None:
            raise wrong("unknown key", suggestion=nearest(normalise(key), _RULE_KEYS), path=(key,))
        rule[name] = (key, value)
    if "to" not in rule or not {"exact", "parent"} & rule.keys():
        raise wrong("the rule is not complete", expected="the keys exact or parent, and to")
    kind = "exact" if "exact" in rule else "parent"
    domain: str = _under(rule[kind], _domain)
    to: str | Addresses = _under(rule["to"], _target if kind == "exact" else _domain)
    return kind, domain, to


def _under(entry: tuple[str, object], parse: Callable[[object], Any]) -> Any:
    key, value = entry
    try:
        return parse(value)
    except MistakeError as error:
        raise MistakeError(*error.under(key)) from None


def _domain(data: object) -> str:
    host = parse_host(data)
    if not isinstance(host, str):
        raise wrong(f"{show(data)} is an address", expected="a domain name")
    return host


def _target(data: object) -> str | Addresses:
    if isinstance(data, list | tuple):
        return tuple(unmap(address) for address in list_of(parse_ip)(data))
    host = parse_host(data)
    return host if isinstance(host, str) else (host,)


_TO = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

ResolveRedirectionRules: TypeAlias = Annotated[
    ResolveRedirection,
    Value(
        "redirection",
        parse_redirection,
        {
            "anyOf": [
                {"type": "object", "additionalProperties": _TO},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "patternProperties": {
                            f"^({'|'.join(map(any_case, ('exact', 'parent', 'child')))})$": {"type": "string"},
                            f"^{any_case('to')}$": _TO,
                        },
                        "additionalProperties": False,
                        "minProperties": 2,
                    },
                },
            ]
        },
        instance=ResolveRedirection,
    ),
]
