"""The service that knows where an address is (g3's ip-locate): MessagePack in datagrams."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import msgspec
from g3_acl import unmap
from g3_escape import Answer, Location, QueryLimits

from ..config.values.geo_code import country_code
from ..config.values.mistake import MistakeError
from ..config.values.network import Network, parse_network
from .route_query_messages import parse_fields
from .service_client import ServiceClient

if TYPE_CHECKING:
    from ..config.values.ip_locate import IpLocateService

Address = IPv4Address | IPv6Address

ANSWER_MAX = 16_384
"""Bytes of an answer, as in g3."""

NETWORKS_MAX = 65_536
"""Networks whose location is remembered; the oldest goes first."""

ONCE = 1e-3
"""Seconds that an answer counts which is not to be remembered: those who wait for it get it."""

_NUMBERS = {1: "ip", 2: "ttl", 3: "network", 4: "country", 5: "continent", 6: "as_number"}
"""Keys may be numbers."""


@dataclass(frozen=True, slots=True)
class LocateAnswer:
    """What the service says."""

    ip: Address | None
    """The address that it was asked about; None for something that nobody asked."""
    network: Network | None
    """All of these are where the address is; None says nothing about it."""
    location: Location
    ttl: int | None
    """Seconds, None if it does not say."""


def parse_locate_answer(data: bytes) -> LocateAnswer | None:
    """Return what a datagram says, None if it is not to be understood. Keys that are not known are ignored."""
    decoded = parse_fields(data)
    if decoded is None:
        return None
    fields = {(_NUMBERS.get(key, "") if isinstance(key, int) else key): value for key, value in decoded.items()}
    ttl, as_number = fields.get("ttl"), fields.get("as_number")
    if not all(value is None or (type(value) is int and 0 <= value < 1 << 32) for value in (ttl, as_number)):
        return None
    country, continent = fields.get("country"), fields.get("continent")
    if not all(value is None or isinstance(value, str) for value in (country, continent)):
        return None
    try:
        ip = None if fields.get("ip") is None else unmap(ip_address(_text(fields["ip"])))
        network = None if fields.get("network") is None else parse_network(fields["network"])
    except (ValueError, MistakeError):
        return None
    code = country_code(country) if isinstance(country, str) else None
    location = Location(
        as_number if isinstance(as_number, int) else None,
        code,
        continent.upper() if isinstance(continent, str) else None,
    )
    return LocateAnswer(ip, network, location, ttl if isinstance(ttl, int) else None)


class IpLocateClient(ServiceClient[Address, Location]):
    """Asks about addresses; answers count for the networks that they name."""

    def __init__(self, config: "IpLocateService") -> None:
        limits = QueryLimits(
            request_timeout=config.cache_request_timeout,
            query_timeout=config.query_wait_timeout,
            protective_ttl=config.default_expire_ttl,
            maximum_ttl=config.maximum_expire_ttl,
        )
        super().__init__(config.query_peer_addr, limits, config.query_socket_buffer, ANSWER_MAX)
        self._default_ttl = config.default_expire_ttl
        self._maximum_ttl = config.maximum_expire_ttl
        self._networks = NetworkCache()

    def known(self, key: Address) -> Answer[Location] | None:
        """By the address, or a network that holds it."""
        found = super().known(key)
        if found is None and (location := self._networks.find(key, self.loop.time())) is not None:
            return Answer(location)
        return found

    def pack(self, key: Address) -> tuple[Hashable, bytes]:
        return key, msgspec.msgpack.encode(str(key))

    def read(self, data: bytes) -> bool:
        found = parse_locate_answer(data)
        if found is None:
            return False
        ttl = min(self._default_ttl if found.ttl is None else found.ttl, self._maximum_ttl)
        if found.network is None:
            return found.ip is not None and self.answer(found.ip, None, ttl or ONCE)
        if found.ip is not None and (
            found.ip not in found.network or not self.answer(found.ip, found.location, ttl or ONCE)
        ):
            return False
        if ttl:
            self._networks.put(found.network, found.location, self.loop.time() + ttl)
        return True


class NetworkCache:
    """The locations of networks, each for its time; of those that hold an address the smallest counts."""

    def __init__(self) -> None:
        self._tables: dict[int, dict[int, dict[int, tuple[Location, float]]]] = {4: {}, 6: {}}
        """By IP version and the bits behind the prefix: by prefix, the location and when it is over."""
        self._shifts: dict[int, list[int]] = {4: [], 6: []}
        """By IP version, the bits behind the prefixes that there are, in order."""
        self._order: OrderedDict[tuple[int, int, int], None] = OrderedDict()

    def put(self, network: Network, location: Location, expires: float) -> None:
        """Remember a location until then."""
        version, shift = network.version, network.max_prefixlen - network.prefixlen
        prefix = int(network.network_address) >> shift
        tables = self._tables[version]
        if shift not in tables:
            tables[shift] = {}
            insort(self._shifts[version], shift)
        tables[shift][prefix] = (location, expires)
        place = (version, shift, prefix)
        self._order[place] = None
        self._order.move_to_end(place)
        if len(self._order) > NETWORKS_MAX:
            self._forget(*self._order.popitem(last=False)[0])

    def find(self, address: Address, now: float) -> Location | None:
        """The location of the smallest network that holds the address and is not over."""
        number, version = int(address), address.version
        tables = self._tables[version]
        for shift in self._shifts[version]:
            entry = tables[shift].get(number >> shift)
            if entry is not None and now < entry[1]:
                return entry[0]
        return None

    def _forget(self, version: int, shift: int, prefix: int) -> None:
        table = self._tables[version][shift]
        del table[prefix]
        if not table:
            del self._tables[version][shift]
            self._shifts[version].remove(shift)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("an address is text")
    return value
