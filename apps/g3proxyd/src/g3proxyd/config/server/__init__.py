"""The servers' configurations."""

from __future__ import annotations

from .common import ServerConfig, TcpServerConfig
from .dummy_close import DummyCloseConfig
from .http_proxy import HttpProxyConfig
from .socks_proxy import SocksProxyConfig

__all__ = ["SERVERS", "DummyCloseConfig", "HttpProxyConfig", "ServerConfig", "SocksProxyConfig", "TcpServerConfig"]

SERVERS: tuple[type[ServerConfig], ...] = (HttpProxyConfig, SocksProxyConfig, DummyCloseConfig)
"""The supported types."""
