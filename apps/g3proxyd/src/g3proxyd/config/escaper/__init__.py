"""The escapers' configurations."""

from __future__ import annotations

from .common import EscaperConfig
from .comply_audit import ComplyAuditConfig
from .direct_fixed import DirectFixedConfig
from .direct_float import DirectFloatConfig
from .divert_tcp import DivertTcpConfig
from .dummy_deny import DummyDenyConfig
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

__all__ = [
    "ESCAPERS",
    "ComplyAuditConfig",
    "DirectFixedConfig",
    "DirectFloatConfig",
    "DivertTcpConfig",
    "DummyDenyConfig",
    "EscaperConfig",
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
]

ESCAPERS: tuple[type[EscaperConfig], ...] = (
    ComplyAuditConfig,
    DirectFixedConfig,
    DirectFloatConfig,
    DivertTcpConfig,
    DummyDenyConfig,
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
)
"""The supported types."""
