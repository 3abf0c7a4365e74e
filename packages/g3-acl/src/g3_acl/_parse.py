"""Rules from plain data, as a YAML or JSON reader gives it: all mistakes at once, each with its place.

A rule is written as one record, as a sequence of records, or as a map of actions to either, which may also hold
``default``: the action for what no record matches. Without a map, records take the action that suits their rule.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ._action import ACTIONS, EXPECTED_ACTION, Action, parse_action
from ._child_domain import ChildDomainRule
from ._errors import AclError, Path, Problem
from ._host_rule import HostRule
from ._host_rule_set import HostRuleSet
from ._network import NetworkRule
from ._plain import nearest, normalise, place, read_keys, show, text_of, wrong
from ._port_rule import PortRule
from ._presets import egress_network_rule, ingress_network_rule
from ._records import (
    add_child_domain,
    add_domain_pattern,
    add_host,
    add_network,
    add_pattern,
    add_ports,
    add_product,
    add_request_type,
)
from ._regex_rules import RegexDomainRule, RegexSetRule
from ._request_rule import EXPECTED_REQUEST_TYPE, RequestRule
from ._rule import Rule
from ._user_agent_rule import UserAgentRule

_NETWORK = "a network like 192.0.2.0/24 or 2001:db8::/32, or an address"

R = TypeVar("R", bound=Rule[Any])


def parse_network_rule(data: object) -> NetworkRule:
    """Return a rule about networks; raises AclError. Records are permitted, what they miss is forbidden."""
    return _parse(data, NetworkRule, add_network, _NETWORK)


def parse_egress_network_rule(data: object) -> NetworkRule:
    """Return a rule about networks to connect to; raises AclError.

    Records are permitted, what they miss is forbidden. It forbids unspecified, loopback, link-local and discard-only
    addresses beforehand: a record for the same network or a smaller one wins, one for a larger network does not.
    """
    return _parse(data, egress_network_rule, add_network, _NETWORK)


def parse_ingress_network_rule(data: object) -> NetworkRule:
    """Return a rule about the networks of clients; raises AclError.

    Records are permitted, what they miss is forbidden. It permits 127.0.0.1 and ::1 beforehand: only a record for one
    of these addresses itself wins.
    """
    return _parse(data, ingress_network_rule, add_network, _NETWORK)


def parse_dst_subnet_rule(data: object) -> NetworkRule:
    """Return a rule about networks of destinations, the same as `parse_egress_network_rule`; raises AclError."""
    return parse_egress_network_rule(data)


def parse_host_rule(data: object) -> HostRule:
    """Return a rule about exact hosts; raises AclError. Records are permitted, what they miss is forbidden."""
    return _parse(data, HostRule, add_host, "a host name or an address")


def parse_child_domain_rule(data: object) -> ChildDomainRule:
    """Return a rule about domains and all below them; raises AclError. Records are permitted, the rest forbidden."""
    return _parse(data, ChildDomainRule, add_child_domain, "a domain name")


def parse_regex_domain_rule(data: object) -> RegexDomainRule:
    """Return a rule of regular expressions about names; raises AclError. Records are permitted, the rest forbidden.

    A record is an expression for whole names, or a map of ``parent`` and ``regex`` (one or a sequence).
    """
    expected = "a regular expression, or a map of parent and regex"
    return _parse(data, RegexDomainRule, add_domain_pattern, expected)


def parse_regex_set_rule(data: object) -> RegexSetRule:
    """Return a rule of regular expressions about any text; raises AclError. Records are permitted, the rest not."""
    return _parse(data, RegexSetRule, add_pattern, "a regular expression")


def parse_port_rule(data: object) -> PortRule:
    """Return a rule about ports; raises AclError. Records are permitted, what they miss is forbidden."""
    return _parse(data, PortRule, add_ports, 'a port from 0 to 65535, a range like "8000-8080", or "80,443"')


def parse_user_agent_rule(data: object) -> UserAgentRule:
    """Return a rule about products in User-Agent; raises AclError. Records are forbidden, the rest permitted."""
    expected = "the name of a product, like curl or curl/8.5.0"
    return _parse(data, UserAgentRule, add_product, expected, missed=Action.PERMIT, found=Action.FORBID)


def parse_request_rule(data: object) -> RequestRule:
    """Return a rule about types of requests; raises AclError. Records are permitted, what they miss is forbidden."""
    return _parse(data, RequestRule, add_request_type, EXPECTED_REQUEST_TYPE)


_SET_PARSERS: dict[str, Callable[[object], Any]] = {
    "exact": parse_host_rule,
    "child": parse_child_domain_rule,
    "regex": parse_regex_domain_rule,
    "subnet": parse_dst_subnet_rule,
}
_SET_KEYS = {key: name for name in _SET_PARSERS for key in (f"{name}_match", name)}
_SET_EXPECTED = "exact_match, child_match, regex_match or subnet_match"


def parse_host_rule_set(data: object) -> HostRuleSet:
    """Return rules about destinations from a map; raises AclError.

    Its keys are ``exact_match``, ``child_match``, ``regex_match`` and ``subnet_match``, all optional, also without
    ``_match``.
    """
    if not isinstance(data, dict):
        raise wrong(f"{show(data)} instead of a map", expected=f"a map of {_SET_EXPECTED}")
    problems: list[Problem] = []
    rules = {}
    for name, (path, value) in read_keys(data, _SET_KEYS, _SET_EXPECTED, problems).items():
        try:
            rules[name] = _SET_PARSERS[name](value)
        except AclError as error:
            problems += error.under(*path)
    if problems:
        raise AclError(*problems)
    return HostRuleSet(**rules)


def _parse(
    data: object,
    make: Callable[[Action], R],
    add: Callable[[R, object, Action], None],
    expected: str,
    *,
    missed: Action = Action.FORBID,
    found: Action = Action.PERMIT,
) -> R:
    problems: list[Problem] = []
    if isinstance(data, dict):
        missed = _read_default(data, missed, problems)
        records = list(_read_actions(data, problems))
    else:
        records = [(path, record, found) for path, record in _listed(data)]
    rule = make(missed)
    for path, record, action in records:
        try:
            add(rule, record, action)
        except AclError as error:
            problems += error.under(*path, expected=expected)
    if problems:
        raise AclError(*problems)
    return rule.freeze()


def _read_default(data: dict[object, object], missed: Action, problems: list[Problem]) -> Action:
    given = [key for key in data if isinstance(key, str) and normalise(key) == "default"]
    problems += [Problem((key,), f"{show(key)} is there already, written {show(given[0])}") for key in given[1:]]
    if given:
        try:
            return parse_action(text_of(data[given[0]]))
        except AclError as error:
            problems += error.under(given[0], expected=EXPECTED_ACTION)
    return missed


def _read_actions(data: dict[object, object], problems: list[Problem]) -> Iterator[tuple[Path, object, Action]]:
    for key, value in data.items():
        name = normalise(key) if isinstance(key, str) else ""
        if name == "default":
            continue
        if name not in ACTIONS:
            expected, suggestion = f"default or {EXPECTED_ACTION}", nearest(name, [*ACTIONS, "default"])
            problems.append(Problem(place(key), f"unknown key {show(key)}", expected, suggestion))
            continue
        for path, record in _listed(value):
            yield (*place(key), *path), record, ACTIONS[name]


def _listed(data: object) -> Iterator[tuple[Path, object]]:
    """Yield the items of a sequence with their positions, or anything else by itself."""
    if isinstance(data, list | tuple):
        for at, item in enumerate(data):
            yield (at,), item
    else:
        yield (), data
