"""The escapers that connect through SOCKS5 proxies, in the clear or by TLS."""

from typing import TYPE_CHECKING

from g3_socks import Credentials

from ..io.stream import Stream
from ..tls.client import ClientTls
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity, UdpHop
from .hop_udp import HopUdp
from .next_hop import NextHop
from .outgoing import udp_sockets
from .peer import PeerTls
from .socks5 import Socks5, Socks5Options

if TYPE_CHECKING:
    from ..config.escaper.proxy_socks5 import ProxySocks5sConfig, Socks5Config
    from . import Surroundings


class ProxySocks5Escaper(Escaper):
    """g3's ``proxy_socks5``."""

    type_name = "ProxySocks5"
    wants_server_addr = True

    def __init__(self, config: "Socks5Config", around: "Surroundings", tls: PeerTls | None = None) -> None:
        """``tls`` is spoken with the proxies, unless it is None."""
        super().__init__(config.name)
        own = [ip for ip in (config.bind_ipv4, config.bind_ipv6) if ip is not None]
        self._socks = Socks5(
            NextHop(self, config, around, tls=tls),
            Socks5Options(
                config.peer_negotiation_timeout,
                _credentials(config),
                config.udp_sock_speed_limit,
                config.transmute_udp_peer_ip,
                config.end_on_control_closed,
            ),
            udp_sockets(config, own, self.stats),
            around.logger.bind(escaper_type=self.type_name, escaper_name=config.name),
        )

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask the next proxy for the connection."""
        return await self._socks.tcp_connect(upstream, notes, task)

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> UdpHop:
        """Ask the next proxy for an association."""
        return await self._socks.udp_connect(upstream, notes, task)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> HopUdp:
        """Ask the next proxy for an association when there is a first target."""
        notes.escaper = self.name
        return self._socks.udp_associate(notes, task)


class ProxySocks5sEscaper(ProxySocks5Escaper):
    """g3's ``proxy_socks5s``: datagrams go in the clear all the same."""

    type_name = "ProxySocks5s"

    def __init__(self, config: "ProxySocks5sConfig", around: "Surroundings") -> None:
        super().__init__(config, around, PeerTls(ClientTls(config.tls_client.settings), config.tls_name))


def _credentials(config: "Socks5Config") -> Credentials | None:
    name, password = config.proxy_username, config.proxy_password
    return None if name is None or password is None else Credentials(name.encode(), password.encode())
