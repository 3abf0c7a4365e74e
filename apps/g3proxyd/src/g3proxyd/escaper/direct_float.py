"""The escaper that connects to the remote side itself, from local addresses that are published."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.escaper.direct_float import BindIp, PublishedBinds, parse_binds
from ..config.escaper.floating import Publication
from ..config.json_text import parse_json, read_json
from ..config.values.mistake import MistakeError
from ..log import Logger
from ..resolver.base import Resolver
from .base import ConnectNotes, Egress, TaskIdentity
from .cache_file import read_cache
from .direct import DirectEscaper
from .floating import Alive, Floating, not_usable
from .sockets import Host, OutgoingSockets

if TYPE_CHECKING:
    from ..config.escaper.direct_float import DirectFloatConfig

log = logging.getLogger(__name__)

Facts = Mapping[Host, Egress]


@dataclass(frozen=True, slots=True)
class _Way:
    """Sockets that begin at some of the addresses, and what is known of these."""

    tcp: OutgoingSockets
    udp: OutgoingSockets
    facts: Facts


class DirectFloatEscaper(DirectEscaper, Floating):
    """g3's ``direct_float``."""

    type_name = "DirectFloat"
    config_type = "direct_float"
    _chooses = True

    def __init__(
        self, config: "DirectFloatConfig", resolver: Resolver, logger: Logger, published: Publication | None = None
    ) -> None:
        """``published`` is what was published before; what it does not say may be in the cache files."""
        super().__init__(config, resolver, logger)
        self._ipv4: Alive[BindIp] = Alive(_cached(config.cache_ipv4, "ipv4"))
        self._ipv6: Alive[BindIp] = Alive(_cached(config.cache_ipv6, "ipv6"))
        self._usual = (0, 0, self._way((), ()))
        if published is not None:
            self.publish(published)

    @property
    def ways(self) -> int:
        """Addresses of both families."""
        return len(self._ipv4.all()) + len(self._ipv6.all())

    def publish(self, publication: Publication) -> None:
        """Replace the addresses of the families that are named."""
        binds: PublishedBinds = publication.value
        if binds.ipv4 is not None:
            self._ipv4 = Alive(binds.ipv4)
        if binds.ipv6 is not None:
            self._ipv6 = Alive(binds.ipv6)
        self._usual = (0, 0, self._way((), ()))

    def _chosen_sockets(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        way = self._way_of(task)
        notes.dynamic = way.facts
        return way.tcp

    def _sockets_for_udp(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        way = self._way_of(task)
        notes.dynamic = way.facts
        return way.udp

    def _sockets_beside(self, first: ConnectNotes, notes: ConnectNotes) -> OutgoingSockets:
        """The address may have expired, or been replaced, since the first connection was made."""
        assert first.next_bind_ip is not None  # noqa: S101 - all connections here begin at an address of ours
        notes.dynamic = first.dynamic
        return _bound(self._sockets, (first.next_bind_ip,))

    def _way_of(self, task: TaskIdentity) -> _Way:
        """The way that the request chooses, else any. Raises TcpConnectError."""
        path = task.egress_path
        if path is not None:
            name, value = path.ids.get(self.name), path.values.get(self.name)
            if name is not None:
                binds = [*self._ipv4.named(name), *self._ipv6.named(name)]
                return self._chosen(binds, f"address with the id {name!r}")
            if value is not None:
                try:
                    bind = read_json(BindIp, dict(value), "the address of the request")
                except MistakeError as error:
                    raise not_usable(str(error)) from None
                return self._chosen(self._ipv4.of((bind,)), "time left for the address of the request")
        ipv4, ipv6 = self._ipv4.all(), self._ipv6.all()
        if not ipv4 and not ipv6:
            raise not_usable("there is no address to begin at: none is published, or all have expired")
        known4, known6, way = self._usual
        if (known4, known6) != (len(ipv4), len(ipv6)):  # addresses only ever go, so that their number tells them
            way = self._way(ipv4, ipv6)
            self._usual = (len(ipv4), len(ipv6), way)
        return way

    def _chosen(self, binds: Sequence[BindIp], what: str) -> _Way:
        if not binds:
            raise not_usable(f"there is no {what}")
        ipv4 = [bind for bind in binds if isinstance(bind.ip, IPv4Address)]
        return self._way(ipv4, [bind for bind in binds if isinstance(bind.ip, IPv6Address)])

    def _way(self, ipv4: Iterable[BindIp], ipv6: Iterable[BindIp]) -> _Way:
        binds = (*ipv4, *ipv6)
        ips = [bind.ip for bind in binds]
        facts = {bind.ip: bind.egress for bind in reversed(binds)}  # of those that come twice the last to expire counts
        return _Way(_bound(self._sockets, ips), _bound(self._udp_sockets, ips), facts)


def _bound(sockets: OutgoingSockets, ips: Sequence[Host]) -> OutgoingSockets:
    """The same sockets, which begin at one of these addresses."""
    ipv4, ipv6 = (tuple(ip for ip in ips if ip.version == version) for version in (4, 6))
    return replace(sockets, ipv4=replace(sockets.ipv4, bind_ips=ipv4), ipv6=replace(sockets.ipv6, bind_ips=ipv6))


def _cached(path: Path | None, family: str) -> tuple[BindIp, ...]:
    text = "" if path is None else read_cache(path)
    try:
        return parse_binds(parse_json(text), family) if text.strip() else ()
    except MistakeError as error:
        log.warning("the cache file %s is not used: %s", path, error)
        return ()
