"""All keys that the models know, as `SECTION.TYPE.KEY`: what `g3proxyd keys` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .controller import ControllerConfig, LocalController
from .escaper.direct_float import BindIp
from .escaper.proxy_float import PassiveSource, RedisSource
from .escaper.proxy_peer import ProxyPeer
from .escaper.route_geoip import GeoRuleConfig
from .kinds import KINDS, type_name
from .log import LogConfig, LoggerConfig
from .log_drivers import FluentdConfig, SyslogConfig
from .runtime import RuntimeConfig
from .section import Section, keys_of
from .server.http_rproxy import HttpRproxyHost
from .server.sni_proxy import SniProxyHost
from .values.username_params import UsernameParams
from .worker import WorkerConfig

__all__ = ["all_keys", "all_sections"]


def all_sections() -> Mapping[str, type[Section]]:
    """The models by `SECTION.TYPE`; sections that hold one map have types of their own for its parts."""
    sections: dict[str, type[Section]] = {
        "runtime.runtime": RuntimeConfig,
        "worker.worker": WorkerConfig,
        "log.root": LogConfig,
        "log.log_config": LoggerConfig,
        "log.driver_syslog": SyslogConfig,
        "log.driver_fluentd": FluentdConfig,
        "controller.controller": ControllerConfig,
        "controller.local": LocalController,
    }
    for kind, models in KINDS.items():
        sections |= {f"{kind}.{type_name(model).names[0]}": model for model in models}
    sections["server.http_rproxy_host"] = HttpRproxyHost
    sections["server.sni_proxy_host"] = SniProxyHost
    sections["user.username_params"] = UsernameParams
    sections["escaper.geo_rule"] = GeoRuleConfig
    sections["escaper.direct_float_bind_ip"] = BindIp
    sections["escaper.proxy_float_peer"] = ProxyPeer
    sections["escaper.proxy_float_source_passive"] = PassiveSource
    sections["escaper.proxy_float_source_redis"] = RedisSource
    return sections


def all_keys() -> Iterator[str]:
    """One line for each key; one that is refused, or has no effect, says why."""
    for name, section in all_sections().items():
        for key in keys_of(section):
            reason = f"refused: {key.not_yet}" if key.not_yet else f"without effect: {key.no_effect}"
            note = f" unsupported: {reason}" if key.not_yet or key.no_effect else ""
            yield f"{name}.{key.name}{note}"
