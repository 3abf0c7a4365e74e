"""The escaper that goes through proxies that are published, or fetched from a database."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from g3_escape import Family, Pace
from g3_http import Field, Limits, pack_basic
from g3_socks import Credentials

from ..config.escaper.floating import Publication
from ..config.escaper.proxy_float import RedisSource
from ..config.escaper.proxy_peer import HTTP, SECURE, SOCKS, ProxyPeer, read_peers
from ..io.stream import Stream
from ..resolver.deny_all import DenyAllResolver
from ..tls.client import ClientTls
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, HttpHop, TaskIdentity, UdpHop, UdpOutlet
from .errors import TcpConnectError
from .floating import Alive, Floating, not_usable
from .http_proxy import HttpProxy, HttpProxyOptions
from .outgoing import tcp_sockets, udp_sockets
from .peer import PeerConnector, PeerTls
from .peer_hop import PeerHop
from .peer_members import PeerMembers, cached_peers
from .proxy_http import ALPN
from .race import Course
from .socks5 import Socks5, Socks5Options
from .sources import Source, watch

if TYPE_CHECKING:
    from ..config.escaper.proxy_float import ProxyFloatConfig
    from . import Surroundings


class ProxyFloatEscaper(Escaper, Floating):
    """g3's ``proxy_float``."""

    type_name = "ProxyFloat"
    config_type = "proxy_float"
    wants_server_addr = True

    def __init__(
        self, config: "ProxyFloatConfig", around: "Surroundings", published: Publication | None = None
    ) -> None:
        """``published`` is what was published before; without it, peers may be in the cache file."""
        super().__init__(config.name)
        self._config = config
        self._around = around
        self._logger = around.logger.bind(escaper_type=self.type_name, escaper_name=config.name)
        own = [ip for ip in (config.bind_ipv4, config.bind_ipv6) if ip is not None]
        self._sockets = tcp_sockets(config, own, self.stats)
        self._udp_sockets = udp_sockets(config, own, self.stats)
        # Peers have addresses, so that nothing is ever resolved or raced.
        pace = Pace(max_tries=1, each_timeout=config.tcp_connect_timeout)
        self._course = Course((Family.IPV4, Family.IPV6), pace, None)
        self._resolver = DenyAllResolver("")
        settings = config.tls_client.settings
        self._tls = {"https": ClientTls(replace(settings, alpn=ALPN)), "socks5s": ClientTls(settings)}
        self._members = PeerMembers(config.name, config.cache)
        self._alive: Alive[ProxyPeer] = Alive()
        self._alive_socks: Alive[ProxyPeer] = Alive()
        self._go(cached_peers(config.cache) if published is None else published.value)
        self._watching: asyncio.Task[None] | None = None
        source = make_source(config)
        if source is not None:
            watching = watch(config.name, source, config.refresh_interval, self.take)
            self._watching = around.relays.loop.create_task(watching)

    @property
    def ways(self) -> int:
        """Peers of all types."""
        return len(self._alive.all())

    def publish(self, publication: Publication) -> None:
        """Replace all peers."""
        self._go(publication.value)

    async def take(self, members: frozenset[bytes]) -> None:
        """Replace all peers by those that these texts of JSON describe."""
        self._go(await asyncio.to_thread(self._members.read, members))

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask a peer for the connection."""
        return await self._through(self._pick(self._alive, notes, task)).tcp_connect(upstream, notes, task)

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """Connect to a peer that takes requests, or ask one for the connection."""
        peer = self._pick(self._alive, notes, task)
        if peer.type in HTTP:
            return await self._http(peer).http_connect(upstream, notes, task)
        return HttpHop(await self._socks(peer).tcp_connect(upstream, notes, task))

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> UdpHop:
        """Ask a SOCKS5 peer for an association."""
        return await self._socks(self._pick_for_udp(notes, task)).udp_connect(upstream, notes, task)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> UdpOutlet:
        """Ask a SOCKS5 peer for an association when there is a first target."""
        peer = self._pick_for_udp(notes, task)
        notes.escaper = self.name
        return self._socks(peer).udp_associate(notes, task)

    async def close(self) -> None:
        """Look at the source no more."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    def _go(self, peers: Sequence[ProxyPeer]) -> None:
        guard = self._config.expire_guard_duration
        self._alive = Alive(peers, guard)
        self._alive_socks = Alive((peer for peer in peers if peer.type in SOCKS), guard)

    def _pick(self, alive: Alive[ProxyPeer], notes: ConnectNotes, task: TaskIdentity) -> ProxyPeer:
        """The peer that the request chooses, else any. Raises TcpConnectError."""
        try:
            peer = self._chosen(alive, task)
        except TcpConnectError:
            self.stats.task_total += 1
            notes.escaper = self.name
            raise
        notes.dynamic = peer.egress
        return peer

    def _pick_for_udp(self, notes: ConnectNotes, task: TaskIdentity) -> ProxyPeer:
        peer = self._pick(self._alive_socks, notes, task)
        if peer.type not in SOCKS:
            raise self._without_udp(notes)
        return peer

    def _chosen(self, alive: Alive[ProxyPeer], task: TaskIdentity) -> ProxyPeer:
        path = task.egress_path
        found = None
        if path is not None:
            name, value = path.ids.get(self.name), path.values.get(self.name)
            if name is not None:
                found, what = self._alive.named(name), f"peer with the id {name!r}"
            elif value is not None:
                read = read_peers([dict(value)], lambda number: "the peer of the request")
                if read.refused:
                    raise not_usable("; ".join(read.refused))
                found, what = alive.of(peer for peer, _ in read.peers), "time left for the peer of the request"
        if found is None:
            found, what = alive.all(), "peer: none is known, or all have expired"
        if not found:
            raise not_usable(f"there is no {what}")
        return random.choice(found)  # noqa: S311 - it spreads load

    def _through(self, peer: ProxyPeer) -> HttpProxy | Socks5:
        return self._http(peer) if peer.type in HTTP else self._socks(peer)

    def _http(self, peer: ProxyPeer) -> HttpProxy:
        login: tuple[Field, ...] = ()
        if peer.username is not None:
            login = ((b"Proxy-Authorization", pack_basic(peer.username, peer.password or "")),)
        options = HttpProxyOptions(
            timeout=self._config.peer_negotiation_timeout,
            limits=Limits(head_size=peer.http_connect_rsp_header_max_size),
            fields=login + peer.extra_append_headers,
        )
        return HttpProxy(self._hop(peer), options)

    def _socks(self, peer: ProxyPeer) -> Socks5:
        login = None
        if peer.username is not None and peer.password is not None:
            login = Credentials(peer.username.encode(), peer.password.encode())
        options = Socks5Options(
            self._config.peer_negotiation_timeout,
            login,
            peer.udp_sock_speed_limit,
            peer.transmute_udp_peer_ip,
            peer.end_on_control_closed,
        )
        return Socks5(self._hop(peer), options, self._udp_sockets, self._logger)

    def _hop(self, peer: ProxyPeer) -> PeerHop:
        tls = None
        if peer.type in SECURE:
            tls = PeerTls(self._tls[peer.type], peer.tls_name)
        connector = PeerConnector(
            self._sockets,
            self._course,
            self._resolver,
            self._around.relays,
            self._logger,
            speed_limit=peer.tcp_sock_speed_limit or self._config.tcp_sock_speed_limit,
            tls=tls,
        )
        return PeerHop(connector, Upstream(peer.addr.host, peer.addr.port))


def make_source(config: "ProxyFloatConfig") -> Source | None:
    """Where to look for peers; None for nowhere."""
    if not isinstance(config.source, RedisSource):
        return None
    from .redis_source import RedisMembers  # a big library, for those who want it

    return RedisMembers(config.source)
