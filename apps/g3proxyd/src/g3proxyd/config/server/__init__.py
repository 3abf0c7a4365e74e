"""The servers' configurations."""

from __future__ import annotations

from .common import ListeningServerConfig, ServerConfig, TaskServerConfig, TcpListeningServerConfig, TcpServerConfig
from .dummy_close import DummyCloseConfig
from .http_proxy import HttpProxyConfig
from .http_rproxy import HttpRproxyConfig, HttpRproxyHost
from .intelli_proxy import IntelliProxyConfig
from .native_tls_port import NativeTlsPortConfig
from .plain_quic_port import PlainQuicPortConfig
from .plain_tcp_port import PlainTcpPortConfig
from .plain_tls_port import PlainTlsPortConfig
from .sni_proxy import SniProxyConfig
from .socks_proxy import SocksProxyConfig
from .tcp_stream import TcpStreamConfig, TlsStreamConfig
from .tcp_tproxy import TcpTproxyConfig

__all__ = [
    "SERVERS",
    "DummyCloseConfig",
    "HttpProxyConfig",
    "HttpRproxyConfig",
    "HttpRproxyHost",
    "IntelliProxyConfig",
    "ListeningServerConfig",
    "NativeTlsPortConfig",
    "PlainQuicPortConfig",
    "PlainTcpPortConfig",
    "PlainTlsPortConfig",
    "ServerConfig",
    "SniProxyConfig",
    "SocksProxyConfig",
    "TaskServerConfig",
    "TcpListeningServerConfig",
    "TcpServerConfig",
    "TcpStreamConfig",
    "TcpTproxyConfig",
    "TlsStreamConfig",
]

SERVERS: tuple[type[ServerConfig], ...] = (
    HttpProxyConfig,
    HttpRproxyConfig,
    SocksProxyConfig,
    SniProxyConfig,
    TcpStreamConfig,
    TlsStreamConfig,
    TcpTproxyConfig,
    PlainTcpPortConfig,
    PlainTlsPortConfig,
    NativeTlsPortConfig,
    PlainQuicPortConfig,
    IntelliProxyConfig,
    DummyCloseConfig,
)
"""The supported types."""
