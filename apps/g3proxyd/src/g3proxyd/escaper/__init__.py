"""Ways out to the remote side: one file per type of escaper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..io.relay import RelayHost
from ..log import Logger
from ..resolver.base import Resolver
from .base import Connection, ConnectNotes, Escaper, EscaperStats, HttpHop, SocketAddress, TaskIdentity
from .errors import ConnectKind, ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper import EscaperConfig
    from ..config.escaper.floating import Publication

__all__ = [
    "ConnectKind",
    "ConnectNotes",
    "ConnectReason",
    "Connection",
    "Escaper",
    "EscaperStats",
    "HttpHop",
    "SocketAddress",
    "Surroundings",
    "TaskIdentity",
    "TcpConnectError",
    "make_escaper",
    "preload",
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What escapers are made with; one for all of a worker."""

    relays: RelayHost
    """The event loop, its poller and its timers."""
    resolvers: Mapping[str, Resolver]
    """Every resolver by its name."""
    logger: Logger
    """The daemon's escape logger."""
    escapers: Mapping[str, Escaper] = field(default_factory=dict)
    """Those that were made before, by their names: all that a route leads to are among them."""
    published: Mapping[str, "Publication"] = field(default_factory=dict)
    """What has been published, by the names of the escapers."""

    def resolver(self, name: str | None) -> Resolver:
        """The resolver of this name; where there is none, one that denies everything."""
        from ..resolver.deny_all import DenyAllResolver

        found = None if name is None else self.resolvers.get(name)
        return found or DenyAllResolver(name or "")

    def published_for(self, config: "EscaperConfig") -> "Publication | None":
        """What has been published for this escaper; not for one of another type that had its name."""
        found = self.published.get(config.name)
        return found if found is not None and found.type == config.type else None


def preload(config: "EscaperConfig") -> None:
    """Import what the escaper of a configuration is made of: before a fork, so that it is shared and at hand."""
    from ..config.escaper.proxy_float import ProxyFloatConfig, RedisSource

    if isinstance(config, ProxyFloatConfig) and isinstance(config.source, RedisSource):
        from . import redis_source  # noqa: F401  # with redis


def make_escaper(config: "EscaperConfig", around: Surroundings) -> Escaper:
    """The escaper of a configuration. Raises ValueError for what a library does not take."""
    from ..config.escaper import (
        DirectFixedConfig,
        DirectFloatConfig,
        DivertTcpConfig,
        DummyDenyConfig,
        ProxyFloatConfig,
        ProxyHttpConfig,
        ProxyHttpsConfig,
        ProxySocks5Config,
        ProxySocks5sConfig,
    )
    from .direct_fixed import DirectFixedEscaper, DirectFixedWithHeader
    from .direct_float import DirectFloatEscaper
    from .divert_tcp import DivertTcpEscaper
    from .dummy_deny import DummyDenyEscaper
    from .proxy_float import ProxyFloatEscaper
    from .proxy_header import make_header
    from .proxy_http import ProxyHttpEscaper, ProxyHttpsEscaper
    from .proxy_socks5 import ProxySocks5Escaper, ProxySocks5sEscaper

    match config:
        case DirectFixedConfig():
            resolver = around.resolver(config.resolver)
            header = make_header(config.use_proxy_protocol)
            if header is not None:
                return DirectFixedWithHeader(config, resolver, around.logger, header)
            return DirectFixedEscaper(config, resolver, around.logger)
        case DirectFloatConfig():
            resolver = around.resolver(config.resolver)
            return DirectFloatEscaper(config, resolver, around.logger, around.published_for(config))
        case DivertTcpConfig():
            return DivertTcpEscaper(config, around)
        case DummyDenyConfig():
            return DummyDenyEscaper(config.name)
        case ProxyFloatConfig():
            return ProxyFloatEscaper(config, around, around.published_for(config))
        case ProxyHttpConfig():
            return ProxyHttpEscaper(config, around)
        case ProxyHttpsConfig():
            return ProxyHttpsEscaper(config, around)
        case ProxySocks5Config():
            return ProxySocks5Escaper(config, around)
        case ProxySocks5sConfig():
            return ProxySocks5sEscaper(config, around)
    return _make_route(config, around)


def _make_route(config: "EscaperConfig", around: Surroundings) -> Escaper:
    from ..config import escaper as configs
    from .comply_audit import ComplyAuditEscaper
    from .route_client import RouteClientEscaper
    from .route_failover import RouteFailoverEscaper
    from .route_geoip import RouteGeoipEscaper
    from .route_mapping import RouteMappingEscaper
    from .route_python import RoutePythonEscaper
    from .route_query import RouteQueryEscaper
    from .route_resolved import RouteResolvedEscaper
    from .route_select import RouteSelectEscaper
    from .route_upstream import RouteUpstreamEscaper
    from .trick_float import TrickFloatEscaper

    match config:
        case configs.ComplyAuditConfig():
            return ComplyAuditEscaper(config, around.escapers)
        case configs.RouteClientConfig():
            return RouteClientEscaper(config, around.escapers)
        case configs.RouteFailoverConfig():
            return RouteFailoverEscaper(config, around.escapers)
        case configs.RouteGeoipConfig():
            return RouteGeoipEscaper(config, around.escapers, around.resolver(config.resolver))
        case configs.RouteMappingConfig():
            return RouteMappingEscaper(config, around.escapers)
        case configs.RoutePythonConfig():
            return RoutePythonEscaper(config, around.escapers)
        case configs.RouteQueryConfig():
            return RouteQueryEscaper(config, around.escapers)
        case configs.RouteResolvedConfig():
            return RouteResolvedEscaper(config, around.escapers, around.resolver(config.resolver))
        case configs.RouteSelectConfig():
            return RouteSelectEscaper(config, around.escapers)
        case configs.RouteUpstreamConfig():
            return RouteUpstreamEscaper(config, around.escapers)
        case configs.TrickFloatConfig():
            return TrickFloatEscaper(config, around.escapers)
    raise TypeError(f"there is no escaper for {type(config).__name__}")
