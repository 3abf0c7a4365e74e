"""Access rules and hosts: read by g3-acl, which reports each mistake with the part of the value that it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, TypeAlias, TypeVar

import g3_acl

from ..keys import any_case
from .mistake import Mistake, MistakeError, show, wrong
from .value import Value, list_of

__all__ = [
    "DomainList",
    "EgressNetworkFilter",
    "HostFilterSet",
    "HostList",
    "IngressNetworkFilter",
    "OneHost",
    "PortFilter",
    "parse_domain",
    "parse_host",
]

T = TypeVar("T")


def _ours(parse: Callable[[Any], T], *, expected: str = "") -> Callable[[object], T]:
    """A parser of g3-acl whose mistakes are ours; `expected` says what is right where it does not."""

    def parse_rule(data: object) -> T:
        try:
            return parse(data)
        except g3_acl.AclError as error:
            raise MistakeError(
                *(
                    Mistake(problem.message, problem.expected or expected, problem.suggestion, problem.path)
                    for problem in error.problems
                )
            ) from None

    return parse_rule


parse_host = _ours(g3_acl.parse_host, expected="a host name or an address")


def parse_domain(data: object) -> str:
    """A domain name; a dot before it changes nothing."""
    host = parse_host(data.removeprefix(".") if isinstance(data, str) else data)
    if not isinstance(host, str):
        raise wrong(f"{show(data)} is an address", expected="a domain name")
    return host


_TEXT: Mapping[str, object] = {"type": "string", "minLength": 1}
_PORTS: Mapping[str, object] = {"type": ["integer", "string"]}
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
_ACTION = f"({'|'.join(map(any_case, ('permit', 'allow', 'accept', 'forbid', 'deny', 'reject')))})({any_case('_log')})?"


def _rule(record: Mapping[str, object]) -> dict[str, object]:
    """The schema of a rule: a record, a list of records, or a map of actions to either."""
    forms = [record, {"type": "array", "items": record}]
    actions = {
        "type": "object",
        "patternProperties": {
            f"^{any_case('default')}$": {"type": "string", "pattern": f"^{_ACTION}$"},
            f"^{_ACTION}$": {"anyOf": forms},
        },
        "additionalProperties": False,
    }
    return {"anyOf": [*forms, actions]}


_SET: Mapping[str, object] = {
    "type": "object",
    "patternProperties": {
        f"^{any_case(name)}({any_case('_match')})?$": _rule(record)
        for name, record in {"exact": _TEXT, "child": _TEXT, "regex": _PATTERN, "subnet": _TEXT}.items()
    },
    "additionalProperties": False,
}

EgressNetworkFilter: TypeAlias = Annotated[
    g3_acl.NetworkRule,
    Value("network rule", _ours(g3_acl.parse_egress_network_rule), _rule(_TEXT), instance=g3_acl.NetworkRule),
]
IngressNetworkFilter: TypeAlias = Annotated[
    g3_acl.NetworkRule,
    Value("network rule", _ours(g3_acl.parse_ingress_network_rule), _rule(_TEXT), instance=g3_acl.NetworkRule),
]
HostFilterSet: TypeAlias = Annotated[
    g3_acl.HostRuleSet,
    Value("host rule set", _ours(g3_acl.parse_host_rule_set), _SET, instance=g3_acl.HostRuleSet),
]
PortFilter: TypeAlias = Annotated[
    g3_acl.PortRule,
    Value("port rule", _ours(g3_acl.parse_port_rule), _rule(_PORTS), instance=g3_acl.PortRule),
]
OneHost: TypeAlias = Annotated[g3_acl.Host, Value("host", parse_host, _TEXT, instance=(IPv4Address, IPv6Address))]
DomainList: TypeAlias = Annotated[
    tuple[str, ...],
    Value("domain, or list of them", list_of(parse_domain), {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
HostList: TypeAlias = Annotated[
    tuple[g3_acl.Host, ...],
    Value("host, or list of them", list_of(parse_host), {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
