"""The escaper that chooses by the target's host."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import RegexRoute, UpstreamRoute

from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteUpstreamConfig


class RouteUpstreamEscaper(Route):
    """g3's ``route_upstream``."""

    type_name = "RouteUpstream"

    def __init__(self, config: "RouteUpstreamConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        tables = (config.exact_match, config.subnet_match, config.child_match, config.suffix_match, config.regex_match)
        names = {config.default_next}.union(*(table.values() for table in tables))
        super().__init__(config.name, (escapers[name] for name in names))
        self._table = UpstreamRoute(
            escapers[config.default_next],
            exact={host: escapers[name] for host, name in config.exact_match.items()},
            subnets={network: escapers[name] for network, name in config.subnet_match.items()},
            children={domain: escapers[name] for domain, name in config.child_match.items()},
            suffixes={suffix: escapers[name] for suffix, name in config.suffix_match.items()},
            regexes=[
                RegexRoute(pattern, escapers[name], parent) for (parent, pattern), name in config.regex_match.items()
            ],
        )

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """By the host as the client has named it; nothing is resolved."""
        return self._table.route(upstream.host)
