"""The servers' configurations."""

from __future__ import annotations

from .common import ListeningServerConfig, ServerConfig, TaskServerConfig, TcpServerConfig
from .dummy_close import DummyCloseConfig
from .http_proxy import HttpProxyConfig
from .intelli_proxy import IntelliProxyConfig
from .plain_tcp_port import PlainTcpPortConfig
from .sni_proxy import SniProxyConfig
from .socks_proxy import SocksProxyConfig
from .tcp_stream import TcpStreamConfig
from .tcp_tproxy import TcpTproxyConfig

__all__ = [
    "SERVERS",
    "DummyCloseConfig",
    "HttpProxyConfig",
    "IntelliProxyConfig",
    "ListeningServerConfig",
    "PlainTcpPortConfig",
    "ServerConfig",
    "SniProxyConfig",
    "SocksProxyConfig",
    "TaskServerConfig",
    "TcpServerConfig",
    "TcpStreamConfig",
    "TcpTproxyConfig",
]

SERVERS: tuple[type[ServerConfig], ...] = (
    HttpProxyConfig,
    SocksProxyConfig,
    SniProxyConfig,
    TcpStreamConfig,
    TcpTproxyConfig,
    PlainTcpPortConfig,
    IntelliProxyConfig,
    DummyCloseConfig,
)
"""The supported types."""
