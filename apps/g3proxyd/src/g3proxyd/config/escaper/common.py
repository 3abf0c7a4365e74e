"""The keys that escapers share."""

from __future__ import annotations

from typing import Annotated

from ..keys import NotYet, OldNames
from ..later import METRICS, SHARED_LOGGER
from ..module import ModuleConfig, NameOf
from ..values.address import Interface
from ..values.connect import HappyEyeballs, TcpConnect
from ..values.keepalive import TcpKeepalive
from ..values.metrics import MetricsTags
from ..values.mistake import Mistake
from ..values.numbers import Boolean
from ..values.resolve import QueryStrategy, ResolveStrategy
from ..values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from ..values.speed_limit import SocketSpeedLimit, UdpSocketSpeedLimit
from ..values.text import AsciiText

__all__ = ["ConnectingEscaperConfig", "EscaperConfig", "TcpEscaperConfig", "UdpKeys"]


class EscaperConfig(ModuleConfig):
    """What every escaper has."""

    extra_metrics_tags: Annotated[MetricsTags | None, NotYet(METRICS)] = None
    """Further tags of this escaper's metrics."""


class TcpEscaperConfig(EscaperConfig):
    """What every escaper has that opens TCP connections itself."""

    tcp_sock_speed_limit: Annotated[SocketSpeedLimit, OldNames("tcp_conn_speed_limit", "tcp_conn_limit")] = None
    """Speed limit of each connection to the remote side."""
    no_ipv4: Boolean = False
    """Make no connections to IPv4 addresses."""
    no_ipv6: Boolean = False
    """Make no connections to IPv6 addresses."""
    tcp_connect: TcpConnect = TcpConnect()
    """Attempts to connect."""
    happy_eyeballs: HappyEyeballs = HappyEyeballs()
    """How addresses of both families race (RFC 8305)."""
    tcp_misc_opts: TcpMiscSockOpts = TcpMiscSockOpts()
    """Options of the sockets."""
    tcp_keepalive: TcpKeepalive = TcpKeepalive()
    """Keep-alive of the connections."""
    shared_logger: Annotated[AsciiText | None, NotYet(SHARED_LOGGER)] = None
    """The name of a logger shared with other objects."""
    resolve_strategy: ResolveStrategy = ResolveStrategy()
    """Which address families to ask for, and which addresses to try first."""
    bind_interface: Interface | None = None
    """Send through this network interface alone (SO_BINDTODEVICE)."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        """Bring `no_ipv4`, `no_ipv6` and the query strategy into agreement, each narrowing the others."""
        if self.no_ipv4 and self.no_ipv6:
            conflicts.append(Mistake("both address families are switched off", path=("no_ipv6",)))
            return {}
        query = self.resolve_strategy.query
        for key, only, other in (
            ("no_ipv4", QueryStrategy.IPV4_ONLY, QueryStrategy.IPV6_ONLY),
            ("no_ipv6", QueryStrategy.IPV6_ONLY, QueryStrategy.IPV4_ONLY),
        ):
            if getattr(self, key):
                if query is only:
                    message = f"resolve_strategy asks for {only.value} although {key} is set"
                    conflicts.append(Mistake(message, path=("resolve_strategy",)))
                    return {}
                query = other
        strategy = self.resolve_strategy.model_copy(update={"query": query})
        return {
            "resolve_strategy": strategy,
            "no_ipv4": query is QueryStrategy.IPV6_ONLY,
            "no_ipv6": query is QueryStrategy.IPV4_ONLY,
        }


class UdpKeys(EscaperConfig):
    """What every escaper has that opens UDP sockets itself."""

    udp_sock_speed_limit: Annotated[UdpSocketSpeedLimit, OldNames("udp_relay_speed_limit", "udp_relay_limit")] = None
    """Speed limit of each UDP socket towards the remote side."""
    udp_misc_opts: UdpMiscSockOpts = UdpMiscSockOpts()
    """Options of UDP sockets."""


class ConnectingEscaperConfig(TcpEscaperConfig, UdpKeys):
    """What every escaper has that goes to targets itself, by TCP and by UDP."""

    resolver: Annotated[str, NameOf("resolver")]
    """The resolver for the names that clients ask for."""
