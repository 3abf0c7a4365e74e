"""One record of each kind, read from plain data into a rule; whatever is wrong with it is an AclError."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ._action import Action
from ._child_domain import ChildDomainRule, parse_domain
from ._errors import AclError, Problem
from ._host_rule import HostRule
from ._network import Network, NetworkRule
from ._plain import read_keys, show, text_of, wrong
from ._port_rule import PortRule
from ._regex_rules import RegexDomainRule, RegexSetRule
from ._request_rule import RequestRule, parse_request_type
from ._user_agent_rule import UserAgentRule

_LENGTH = re.compile(r"[0-9]{1,3}")
_PORTS = re.compile(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?")


def add_network(rule: NetworkRule, data: object, action: Action) -> None:
    """Add a network in CIDR notation, or an address as the network that holds it alone."""
    rule.add(_parse_network(text_of(data)), action)


def _parse_network(text: str) -> Network:
    base, slash, length = text.partition("/")
    try:
        address = IPv6Address(base) if ":" in base else IPv4Address(base)
    except ValueError:
        raise wrong(f"{show(text)} is no network") from None
    if "%" in base:
        raise wrong(f"{show(text)} has a scope id, which means nothing outside one machine")
    if slash and not _LENGTH.fullmatch(length):
        raise wrong(f"{show(text)} has no prefix length behind the slash")
    size = int(length) if slash else address.max_prefixlen
    if size > address.max_prefixlen:
        raise wrong(f"{show(text)} has a prefix of more than {address.max_prefixlen} bits")
    kind = IPv4Network if isinstance(address, IPv4Address) else IPv6Network
    network = kind((int(address), size), strict=False)
    if network.network_address != address:
        raise wrong(f"{show(text)} has bits behind its prefix", suggestion=str(network))
    return network


def add_host(rule: HostRule, data: object, action: Action) -> None:
    """Add a host name or an address."""
    text = text_of(data)
    if text.startswith((".", "*")):
        raise wrong(f"{show(data)} is no exact host; a child rule matches a domain and all names below it")
    rule.add(text, action)


def add_child_domain(rule: ChildDomainRule, data: object, action: Action) -> None:
    """Add a parent domain."""
    text = text_of(data)
    if text.startswith("*"):
        raise wrong(f"{show(data)} has an asterisk; all names below a domain match without one")
    rule.add(text, action)


def add_pattern(rule: RegexSetRule, data: object, action: Action) -> None:
    """Add a regular expression."""
    rule.add(text_of(data), action)


def add_domain_pattern(rule: RegexDomainRule, data: object, action: Action) -> None:
    """Add a regular expression, or a map of ``parent`` and ``regex``, of which the latter may be a sequence."""
    if not isinstance(data, dict):
        rule.add(text_of(data), action)
        return
    problems: list[Problem] = []
    keys = read_keys(data, {"parent": "parent", "regex": "regex"}, "parent or regex", problems)
    missing = [name for name in ("parent", "regex") if name not in keys]
    if missing:
        problems.append(Problem((), f"{' and '.join(missing)} missing", "a map of parent and regex"))
    parent: str | None = None
    if "parent" in keys:
        path, value = keys["parent"]
        try:
            parent = parse_domain(text_of(value))
        except AclError as error:
            problems += error.under(*path, expected="a domain name")
    if "regex" in keys:
        path, value = keys["regex"]
        for step, pattern in enumerate(value) if isinstance(value, list | tuple) else [(None, value)]:
            try:
                rule.add(text_of(pattern), action, parent)
            except AclError as error:
                problems += error.under(*path, *(() if step is None else (step,)), expected="a regular expression")
    if problems:
        raise AclError(*problems)


def add_ports(rule: PortRule, data: object, action: Action) -> None:
    """Add a port, a text of ports and ranges with commas between them, or a sequence of both."""
    if isinstance(data, list | tuple):
        problems: list[Problem] = []
        for at, item in enumerate(data):
            try:
                _add_ports(rule, item, action)
            except AclError as error:
                problems += error.under(at)
        if problems:
            raise AclError(*problems)
    else:
        _add_ports(rule, data, action)


def _add_ports(rule: PortRule, data: object, action: Action) -> None:
    if isinstance(data, bool) or not isinstance(data, int | str):
        raise wrong(f"{show(data)} instead of a port")
    try:
        for ports in [data] if isinstance(data, int) else map(_parse_ports, data.split(",")):
            rule.add(ports, action)
    except ValueError:
        raise wrong(f"{show(data)} is no port and no range of ports") from None


def _parse_ports(text: str) -> range:
    found = _PORTS.fullmatch(text)
    if not found:
        raise ValueError
    first, last = found.groups(default=found.group(1))
    return range(int(first), int(last) + 1)


def add_product(rule: UserAgentRule, data: object, action: Action) -> None:
    """Add a product; a number stands for its text."""
    if isinstance(data, bool) or not isinstance(data, str | int | float):
        raise wrong(f"{show(data)} instead of text")
    try:
        rule.add(str(data), action)
    except ValueError:
        raise wrong(f"{show(data)} is no product") from None


def add_request_type(rule: RequestRule, data: object, action: Action) -> None:
    """Add a type of requests."""
    rule.add(parse_request_type(text_of(data)), action)
