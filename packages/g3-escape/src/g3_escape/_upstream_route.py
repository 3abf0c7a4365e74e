"""Routes by the host of the target, as the client named it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from g3_acl import Action, Host, RegexSetRule, parse_host

from ._address_route import AddressRoute
from ._longest import Address, Domains, Network, Suffixes, parse_domain

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class RegexRoute(Generic[N]):
    """A regular expression, in the syntax of Rust's regex crate, and where its matches go."""

    pattern: str
    next: N
    parent: str | None = None
    """Look only at what stands before this domain: of ``www.cdn.example.net`` at ``www.cdn`` for ``example.net``."""


class UpstreamRoute(Generic[N]):
    """``N`` is what the caller takes for a next node.

    Addresses are looked up among the exact hosts and then the networks; names among the exact hosts, the parent
    domains, the suffixes and then the regular expressions. The longest domain or suffix counts. Of regular expressions
    those of the longest parent domain come first, then those without one; of several that match, the one that was
    named first.
    """

    __slots__ = ("_addresses", "_children", "_default", "_names", "_parents", "_suffixes", "_whole")

    def __init__(
        self,
        default: N,
        *,
        exact: Mapping[Host, N] | None = None,
        subnets: Mapping[Network, N] | None = None,
        children: Mapping[str, N] | None = None,
        suffixes: Mapping[str, N] | None = None,
        regexes: Iterable[RegexRoute[N]] = (),
    ) -> None:
        """Raise ValueError for what stands there twice, HostError for what is no host, PatternError for no pattern."""
        self._default = default
        self._names: dict[str, N] = {}
        addresses: dict[Address, N] = {}
        for host, entry in (exact or {}).items():
            host = parse_host(host) if isinstance(host, str) else host
            if host in self._names or host in addresses:
                raise ValueError(f"{host} stands there twice")
            if isinstance(host, str):
                self._names[host] = entry
            else:
                addresses[host] = entry
        self._addresses = AddressRoute(default, addresses, subnets)
        self._children = Domains(children or {})
        self._suffixes = Suffixes(suffixes or {})
        self._whole: list[tuple[RegexSetRule, N]] = []
        parents: dict[str, list[tuple[RegexSetRule, N]]] = {}
        for regex in regexes:
            rules = self._whole if regex.parent is None else parents.setdefault(parse_domain(regex.parent), [])
            # Neighbours with the same next node are one automaton.
            if not rules or rules[-1][1] != regex.next:
                rules.append((RegexSetRule(), regex.next))
            rules[-1][0].add(regex.pattern, Action.PERMIT)
        self._parents = Domains(parents)
        for rules in (self._whole, *parents.values()):
            for rule, _ in rules:
                rule.freeze()

    def route(self, host: Host) -> N:
        """Return the next node for a host, which has to come from `g3_acl.parse_host`."""
        if not isinstance(host, str):
            return self._addresses.route(host)
        if host in self._names:
            return self._names[host]
        child = self._children.find(host)
        if child is not None:
            return child[1]
        found = self._suffixes.find(host)
        if found is None:
            found = self._match(host)
        return self._default if found is None else found

    def _match(self, name: str) -> N | None:
        parent = self._parents.find(name)
        if parent is not None:
            domain, rules = parent
            found = _first(rules, name[: -len(domain)].removesuffix("."))
            if found is not None:
                return found
        return _first(self._whole, name)


def _first(rules: list[tuple[RegexSetRule, N]], text: str) -> N | None:
    for rule, entry in rules:
        if rule.find(text) is not None:
            return entry
    return None
