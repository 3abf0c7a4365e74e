"""The configuration: read it with `load`, which returns a `Config` or raises a `ConfigError` with every mistake.

The way of a file: `document` reads YAML into nodes that know their places, `files` follows the paths of split
configurations, `section` turns a map of nodes into a model (the modules `runtime`, `worker`, `log`, `controller`,
`server`, `escaper` and `resolver`) whose fields are read by the types in `values`, and `references` checks the names
between objects.
"""

from __future__ import annotations

from .config import Config
from .controller import ControllerConfig, LocalController
from .errors import ConfigError, Kind, Problem
from .escaper import DirectFixedConfig, DummyDenyConfig, EscaperConfig
from .loader import load
from .log import LogConfig, LoggerConfig
from .resolver import CAresConfig, DenyAllConfig, ResolverConfig
from .runtime import RuntimeConfig
from .server import (
    DummyCloseConfig,
    HttpProxyConfig,
    HttpRproxyConfig,
    HttpRproxyHost,
    IntelliProxyConfig,
    ListeningServerConfig,
    NativeTlsPortConfig,
    PlainQuicPortConfig,
    PlainTcpPortConfig,
    PlainTlsPortConfig,
    ServerConfig,
    SniProxyConfig,
    SocksProxyConfig,
    TaskServerConfig,
    TcpListeningServerConfig,
    TcpServerConfig,
    TcpStreamConfig,
    TcpTproxyConfig,
    TlsStreamConfig,
)
from .worker import WorkerConfig

__all__ = [
    "CAresConfig",
    "Config",
    "ConfigError",
    "ControllerConfig",
    "DenyAllConfig",
    "DirectFixedConfig",
    "DummyCloseConfig",
    "DummyDenyConfig",
    "EscaperConfig",
    "HttpProxyConfig",
    "HttpRproxyConfig",
    "HttpRproxyHost",
    "IntelliProxyConfig",
    "Kind",
    "ListeningServerConfig",
    "LocalController",
    "LogConfig",
    "LoggerConfig",
    "NativeTlsPortConfig",
    "PlainQuicPortConfig",
    "PlainTcpPortConfig",
    "PlainTlsPortConfig",
    "Problem",
    "ResolverConfig",
    "RuntimeConfig",
    "ServerConfig",
    "SniProxyConfig",
    "SocksProxyConfig",
    "TaskServerConfig",
    "TcpListeningServerConfig",
    "TcpServerConfig",
    "TcpStreamConfig",
    "TcpTproxyConfig",
    "TlsStreamConfig",
    "WorkerConfig",
    "load",
]
