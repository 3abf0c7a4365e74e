"""The service that knows where an address is."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar

from ..keys import NoEffect
from ..section import Section
from .address import ListedAddress, SocketAddress, parse_listed_address
from .duration import Timeout
from .numbers import U32, PositiveCount
from .socket_buffer import SocketBuffer

__all__ = ["ONE_BY_ONE", "IpLocateService"]

ONE_BY_ONE = "no request waits for the turn of another one"


class IpLocateService(Section):
    """A service that knows where an address is, asked over UDP."""

    short_schema: ClassVar[Mapping[str, object] | None] = {
        "type": "string",
        "pattern": r"^(\$.+|@.+:[0-9]{1,5}|\[[^\[\]]+\]:[0-9]{1,5}|[0-9.]+:[0-9]{1,5})$",
    }
    short_forms: ClassVar[str] = "a socket address (of the service)"

    query_peer_addr: ListedAddress = SocketAddress(IPv4Address("127.0.0.1"), 2888)
    """The address of the service."""
    query_socket_buffer: SocketBuffer | None = None
    """Sizes of the buffers of the socket towards it."""
    query_wait_timeout: Timeout = 1.0
    """How long the service may take to answer."""
    default_expire_ttl: U32 = 10
    """Seconds to remember an answer that does not say for how long, or that there was none."""
    maximum_expire_ttl: U32 = 300
    """Seconds to remember an answer at most."""
    cache_request_batch_count: Annotated[PositiveCount, NoEffect(ONE_BY_ONE)] = 10
    """Requests that are handled in one turn."""
    cache_request_timeout: Timeout = 2.0
    """How long a request waits for an answer."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {"query_peer_addr": parse_listed_address(data)}
