"""The escaper that goes through proxies that are published, or fetched from a database."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from ..json_text import parse_json
from ..keys import Aliases, NotYet, OldNames
from ..later import SHARED_LOGGER
from ..module import TypeName
from ..section import Section
from ..section_choice import SectionChoice
from ..values.address import Interface, Ipv4, Ipv6
from ..values.cache_file import CacheFile
from ..values.duration import Duration, Timeout
from ..values.keepalive import TcpKeepalive
from ..values.mistake import Mistake, MistakeError, show, wrong
from ..values.redis import RedisKeys, parse_redis_url
from ..values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from ..values.speed_limit import SocketSpeedLimit
from ..values.text import AsciiText, Text
from ..values.upstream_tls import UpstreamTls
from .floating import FloatConfig, Publication, Taken
from .proxy_peer import MAX_PEERS, PeersRead, ProxyPeer, read_peers

__all__ = ["PassiveSource", "ProxyFloatConfig", "RedisSource", "cache_text", "parse_peers"]


class PassiveSource(Section):
    """Peers are published, and nowhere else do they come from."""

    type: Annotated[Literal["passive"], TypeName("passive")] = "passive"
    """What the source is."""


class RedisSource(RedisKeys):
    """Peers are the members of a set in a redis database, each a text of JSON."""

    type: Annotated[Literal["redis"], TypeName("redis")] = "redis"
    """What the source is."""
    sets_key: Text
    """The key of the set."""


PeerSource: TypeAlias = PassiveSource | RedisSource


def _expand(data: object) -> dict[str, object]:
    if data is None:
        return {"type": "passive"}
    if not isinstance(data, str):
        raise wrong(f"{show(data)} is not a source", expected="a map with a type, a URL, or nothing")
    return {"type": "redis", **parse_redis_url(data)}


_SOURCE = SectionChoice(
    "map with a `type`, URL, or nothing",
    {"passive": PassiveSource, "redis": RedisSource},
    _expand,
    {"type": "string", "pattern": "^[Rr][Ee][Dd][Ii][Ss]://"},
    {"type": "null"},
    display=lambda source: str(source.type),
)


class ProxyFloatConfig(FloatConfig):
    """Goes through proxies that are published while the daemon runs, or fetched from a database."""

    type: Annotated[Literal["proxy_float"], TypeName("proxy_float", "proxy_dynamic")] = "proxy_float"
    """What the object is."""
    source: Annotated[PeerSource, _SOURCE] = PassiveSource()
    """Where peers come from, beside being published."""
    cache: CacheFile | None = None
    """Where the peers are kept for the next start."""
    refresh_interval: Timeout = 1.0
    """Time between two looks at the source."""
    bind_ipv4: Ipv4 | None = None
    """The local address of IPv4 connections."""
    bind_ipv6: Ipv6 | None = None
    """The local address of IPv6 connections."""
    bind_interface: Interface | None = None
    """Send through this network interface alone (SO_BINDTODEVICE)."""
    tls_client: Annotated[UpstreamTls, Aliases("tls")] = UpstreamTls()
    """TLS towards peers of the types `https` and `socks5s`."""
    tcp_connect_timeout: Timeout = 30.0
    """The time that connecting may take."""
    tcp_keepalive: TcpKeepalive = TcpKeepalive(enable=True)
    """Keep-alive of the connections."""
    tcp_misc_opts: TcpMiscSockOpts = TcpMiscSockOpts()
    """Options of the sockets."""
    udp_misc_opts: UdpMiscSockOpts = UdpMiscSockOpts()
    """Options of UDP sockets."""
    tcp_sock_speed_limit: Annotated[SocketSpeedLimit, OldNames("tcp_conn_speed_limit", "tcp_conn_limit")] = None
    """Speed limit of each connection to a peer that has none of its own."""
    peer_negotiation_timeout: Timeout = 10.0
    """Time for a peer to do what it is asked for, after TCP and TLS."""
    expire_guard_duration: Duration = 5.0
    """A peer that expires within this time is not used any more."""
    shared_logger: Annotated[AsciiText | None, NotYet(SHARED_LOGGER)] = None
    """The name of a logger shared with other objects."""

    @property
    def no_ipv4(self) -> bool:
        """Peers have addresses; whoever publishes them knows which can be reached."""
        return False

    @property
    def no_ipv6(self) -> bool:
        """The same."""
        return False

    def take(self, data: str, before: Publication | None) -> Taken:
        """One object or a list of them, which take the place of all peers. Those with mistakes are left out."""
        said = parse_json(data)
        read = parse_peers(said)
        if read.refused and not read.peers:
            raise MistakeError(*map(Mistake, read.refused))
        caches = {} if self.cache is None else {self.cache: cache_text([raw for _, raw in read.peers])}
        peers: tuple[ProxyPeer, ...] = tuple(peer for peer, _ in read.peers)
        return Taken(Publication(self.type, peers), caches, read.refused, read.remarks)


def parse_peers(data: object) -> PeersRead:
    """What one object of JSON, or a list of them, says. Raises MistakeError for anything else, and for too many."""
    if isinstance(data, dict):
        return read_peers([data], lambda number: "the peer")
    if not isinstance(data, list):
        raise wrong("the data is neither a map nor a list", expected="a peer, or a list of them")
    if len(data) > MAX_PEERS:
        raise wrong(f"{len(data)} peers are too many", expected=f"at most {MAX_PEERS}")
    return read_peers(data, lambda number: f"peers[{number}]")


def cache_text(peers: list[object]) -> str:
    """What the cache file holds."""
    return json.dumps(peers, indent=2, ensure_ascii=False) + "\n"
