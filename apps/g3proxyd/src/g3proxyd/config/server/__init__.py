"""The servers' configurations."""

from __future__ import annotations

from .common import ListeningServerConfig, ServerConfig, TcpServerConfig
from .dummy_close import DummyCloseConfig
from .http_proxy import HttpProxyConfig
from .plain_tcp_port import PlainTcpPortConfig
from .socks_proxy import SocksProxyConfig

__all__ = [
    "SERVERS",
    "DummyCloseConfig",
    "HttpProxyConfig",
    "ListeningServerConfig",
    "PlainTcpPortConfig",
    "ServerConfig",
    "SocksProxyConfig",
    "TcpServerConfig",
]

SERVERS: tuple[type[ServerConfig], ...] = (HttpProxyConfig, SocksProxyConfig, PlainTcpPortConfig, DummyCloseConfig)
"""The supported types."""
