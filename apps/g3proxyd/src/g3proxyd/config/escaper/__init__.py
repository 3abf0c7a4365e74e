"""The escapers' configurations."""

from __future__ import annotations

from .common import EscaperConfig
from .comply_audit import ComplyAuditConfig
from .direct_fixed import DirectFixedConfig
from .direct_float import DirectFloatConfig
from .divert_tcp import DivertTcpConfig
from .dummy_deny import DummyDenyConfig
from .proxy_float import ProxyFloatConfig
from .proxy_http import ProxyHttpConfig, ProxyHttpsConfig
from .proxy_socks5 import ProxySocks5Config, ProxySocks5sConfig
from .route_client import RouteClientConfig
from .route_failover import RouteFailoverConfig
from .route_geoip import RouteGeoipConfig
from .route_mapping import RouteMappingConfig
from .route_python import RoutePythonConfig
from .route_query import RouteQueryConfig
from .route_resolved import RouteResolvedConfig
from .route_select import RouteSelectConfig
from .route_upstream import RouteUpstreamConfig
from .trick_float import TrickFloatConfig

__all__ = [
    "ESCAPERS",
    "ComplyAuditConfig",
    "DirectFixedConfig",
    "DirectFloatConfig",
    "DivertTcpConfig",
    "DummyDenyConfig",
    "EscaperConfig",
    "ProxyFloatConfig",
    "ProxyHttpConfig",
    "ProxyHttpsConfig",
    "ProxySocks5Config",
    "ProxySocks5sConfig",
    "RouteClientConfig",
    "RouteFailoverConfig",
    "RouteGeoipConfig",
    "RouteMappingConfig",
    "RoutePythonConfig",
    "RouteQueryConfig",
    "RouteResolvedConfig",
    "RouteSelectConfig",
    "RouteUpstreamConfig",
    "TrickFloatConfig",
]

ESCAPERS: tuple[type[EscaperConfig], ...] = (
    ComplyAuditConfig,
    DirectFixedConfig,
    DirectFloatConfig,
    DivertTcpConfig,
    DummyDenyConfig,
    ProxyFloatConfig,
    ProxyHttpConfig,
    ProxyHttpsConfig,
    ProxySocks5Config,
    ProxySocks5sConfig,
    RouteClientConfig,
    RouteFailoverConfig,
    RouteGeoipConfig,
    RouteMappingConfig,
    RoutePythonConfig,
    RouteQueryConfig,
    RouteResolvedConfig,
    RouteSelectConfig,
    RouteUpstreamConfig,
    TrickFloatConfig,
)
"""The supported types."""
