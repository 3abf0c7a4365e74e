"""From the configuration to a transport for each name server."""

import secrets
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from g3_dns import CookieJar, Server

from ...io.poller import Poller
from ...io.sockopts import tcp_options, udp_options
from ...io.timers import Wheel
from ...tls.client import ClientTls
from .quic import QuicTransport, http3_start, quic_start
from .quic_tls import quic_configuration
from .sockets import ServerSockets
from .tcp import TcpConnector, tcp_transport
from .tls import HTTP2, TlsConnector, authority_of, https_transport, tls_transport
from .transport import Transport
from .udp import UdpTransport

if TYPE_CHECKING:
    from ...config.resolver import HickoryConfig
    from ...config.values.dns_encryption import DnsEncryption

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def make_transports(config: "HickoryConfig", poller: Poller, wheel: Wheel) -> list[Transport]:
    """The transports to the servers of a configuration, in its order."""
    sockets = ServerSockets(
        config.bind_ip,
        config.bind_interface,
        {family: tcp_options(family, config.tcp_misc_opts) for family in _FAMILIES},
        {family: udp_options(family, config.udp_misc_opts) for family in _FAMILIES},
    )
    connectors = [TcpConnector(poller, wheel, Server(host, config.port), sockets) for host in config.server]
    if config.encryption is not None:
        return _encrypted(config, config.encryption, connectors, poller, sockets)
    times = (config.connect_timeout, config.request_timeout)
    cookies = CookieJar(secrets.randbelow)
    return [
        UdpTransport(poller, each.server, sockets, cookies, config.request_timeout, tcp_transport(each, *times))
        for each in connectors
    ]


def _encrypted(
    config: "HickoryConfig",
    encryption: "DnsEncryption",
    connectors: list[TcpConnector],
    poller: Poller,
    sockets: ServerSockets,
) -> list[Transport]:
    from ...config.values.dns_encryption import DnsProtocol

    settings, name = encryption.tls_client.settings, encryption.tls_name
    times = (config.connect_timeout, config.request_timeout)
    match encryption.protocol:
        case DnsProtocol.TLS:
            tls = ClientTls(settings)
            return [tls_transport(TlsConnector(each, tls, name), *times) for each in connectors]
        case DnsProtocol.HTTPS:
            tls = ClientTls(replace(settings, alpn=(HTTP2,)))
            authority = authority_of(name, config.port)
            return [https_transport(TlsConnector(each, tls, name), authority, *times) for each in connectors]
        case DnsProtocol.H3 | DnsProtocol.QUIC:
            configuration = quic_configuration(settings, name)
            if encryption.protocol is DnsProtocol.QUIC:
                start = quic_start(configuration, config.request_timeout)
            else:
                start = http3_start(configuration, config.request_timeout, authority_of(name, config.port))
            patience = min(config.connect_timeout, settings.handshake_timeout)
            return [QuicTransport(poller, each.server, sockets, start, patience) for each in connectors]
