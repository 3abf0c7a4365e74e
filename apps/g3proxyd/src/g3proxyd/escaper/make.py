"""From the configuration of an escaper to the escaper: which class is made of what."""

from collections.abc import Callable, Mapping
from typing import Any

from ..config.escaper import (
    ComplyAuditConfig,
    DirectFixedConfig,
    DirectFloatConfig,
    DivertTcpConfig,
    DummyDenyConfig,
    EscaperConfig,
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
from ..config.escaper.proxy_float import RedisSource
from ..resolver.base import Resolver
from . import Surroundings
from .base import Escaper
from .comply_audit import ComplyAuditEscaper
from .direct_fixed import DirectFixedEscaper, DirectFixedWithHeader
from .direct_float import DirectFloatEscaper
from .divert_tcp import DivertTcpEscaper
from .dummy_deny import DummyDenyEscaper
from .proxy_float import ProxyFloatEscaper
from .proxy_header import make_header
from .proxy_http import ProxyHttpEscaper, ProxyHttpsEscaper
from .proxy_socks5 import ProxySocks5Escaper, ProxySocks5sEscaper
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

Maker = Callable[[Any, Surroundings], Escaper]


def make_escaper(config: EscaperConfig, around: Surroundings) -> Escaper:
    """The escaper of a configuration. Raises ValueError for what a library does not take."""
    return MAKERS[type(config)](config, around)


def preload(config: EscaperConfig) -> None:
    """Import what the escaper of a configuration is made of: before a fork, so that it is shared and at hand."""
    if isinstance(config, ProxyFloatConfig) and isinstance(config.source, RedisSource):
        from . import redis_source  # noqa: F401  # with redis


def _direct_fixed(config: DirectFixedConfig, around: Surroundings) -> Escaper:
    resolver = around.resolver(config.resolver)
    header = make_header(config.use_proxy_protocol)
    if header is not None:
        return DirectFixedWithHeader(config, resolver, around.logger, header)
    return DirectFixedEscaper(config, resolver, around.logger)


def _direct_float(config: DirectFloatConfig, around: Surroundings) -> Escaper:
    resolver = around.resolver(config.resolver)
    return DirectFloatEscaper(config, resolver, around.logger, around.published_for(config))


def _route(made: Callable[[Any, Mapping[str, Escaper]], Escaper]) -> Maker:
    return lambda config, around: made(config, around.escapers)


def _resolving(made: Callable[[Any, Mapping[str, Escaper], Resolver], Escaper]) -> Maker:
    return lambda config, around: made(config, around.escapers, around.resolver(config.resolver))


MAKERS: Mapping[type[EscaperConfig], Maker] = {
    ComplyAuditConfig: _route(ComplyAuditEscaper),
    DirectFixedConfig: _direct_fixed,
    DirectFloatConfig: _direct_float,
    DivertTcpConfig: DivertTcpEscaper,
    DummyDenyConfig: lambda config, around: DummyDenyEscaper(config.name),
    ProxyFloatConfig: lambda config, around: ProxyFloatEscaper(config, around, around.published_for(config)),
    ProxyHttpConfig: ProxyHttpEscaper,
    ProxyHttpsConfig: ProxyHttpsEscaper,
    ProxySocks5Config: ProxySocks5Escaper,
    ProxySocks5sConfig: ProxySocks5sEscaper,
    RouteClientConfig: _route(RouteClientEscaper),
    RouteFailoverConfig: _route(RouteFailoverEscaper),
    RouteGeoipConfig: _resolving(RouteGeoipEscaper),
    RouteMappingConfig: _route(RouteMappingEscaper),
    RoutePythonConfig: _route(RoutePythonEscaper),
    RouteQueryConfig: _route(RouteQueryEscaper),
    RouteResolvedConfig: _resolving(RouteResolvedEscaper),
    RouteSelectConfig: _route(RouteSelectEscaper),
    RouteUpstreamConfig: _route(RouteUpstreamEscaper),
    TrickFloatConfig: _route(TrickFloatEscaper),
}
"""One for each type."""
