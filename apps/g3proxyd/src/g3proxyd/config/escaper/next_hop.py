"""The keys of escapers that hand everything to a next hop."""

from __future__ import annotations

from typing import Annotated

from g3_escape import PickPolicy

from ..keys import OldNames
from ..module import NameOf
from ..values.address import Ipv4, Ipv6
from ..values.mistake import Mistake
from ..values.speed_limit import SocketSpeedLimit
from ..values.upstream import Policy, WeightedUpstream, weighted_upstreams
from .common import TcpEscaperConfig

__all__ = ["NextHopConfig"]


class NextHopConfig(TcpEscaperConfig):
    """What every escaper has that hands everything to one of its next hops."""

    tcp_sock_speed_limit: Annotated[
        SocketSpeedLimit, OldNames("tcp_conn_speed_limit", "tcp_conn_limit", "conn_limit")
    ] = None
    """Speed limit of each connection to a next hop."""
    resolver: Annotated[str | None, NameOf("resolver")] = None
    """The resolver for the names of next hops; required if one of them has a name."""
    proxy_addr: Annotated[tuple[WeightedUpstream, ...], weighted_upstreams(3128)]
    """The next hops."""
    proxy_addr_pick_policy: Policy = PickPolicy.RANDOM
    """Which of them a connection gets. The consistent policies look at client, user name and target."""
    bind_ipv4: Ipv4 | None = None
    """The local address of IPv4 connections."""
    bind_ipv6: Ipv6 | None = None
    """The local address of IPv6 connections."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        named = next((each.upstream.host for each in self.proxy_addr if isinstance(each.upstream.host, str)), None)
        if named is not None and self.resolver is None:
            conflicts.append(Mistake(f"a resolver is needed for {named}", path=("proxy_addr",)))
        return changes
