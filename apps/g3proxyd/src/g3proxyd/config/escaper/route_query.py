"""The escaper that asks a service which escaper is next."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Literal

from g3_escape import PickPolicy

from ..keys import Aliases, NoEffect
from ..module import NameOf, NamesOf, TypeName
from ..values.address import ListedAddress, SocketAddress
from ..values.duration import Duration, Timeout
from ..values.ip_locate import ONE_BY_ONE
from ..values.numbers import U32, Boolean, PositiveCount
from ..values.socket_buffer import SocketBuffer
from ..values.upstream import Policy
from .common import EscaperConfig

__all__ = ["RouteQueryConfig"]


class RouteQueryConfig(EscaperConfig):
    """Chooses the next escaper by the answer of a service, which is asked over UDP."""

    type: Annotated[Literal["route_query"], TypeName("route_query")] = "route_query"
    """What the object is."""
    fallback_node: Annotated[str, NameOf("escaper")]
    """The escaper for requests that have no answer, or none that is allowed."""
    query_allowed_next: Annotated[tuple[str, ...], NamesOf("escaper")]
    """The escapers that an answer may name."""
    query_pass_client_ip: Boolean = False
    """Tell the service the client's address; answers count for this client alone then."""
    cache_request_batch_count: Annotated[PositiveCount, NoEffect(ONE_BY_ONE)] = 10
    """Requests that are handled in one turn."""
    cache_request_timeout: Timeout = 0.1
    """How long a request waits for an answer."""
    cache_pick_policy: Policy = PickPolicy.KETAMA
    """Which of several escapers in an answer a request gets. The consistent policies look at the client's address."""
    query_peer_addr: Annotated[ListedAddress, Aliases("query_peer_address")] = SocketAddress(
        IPv4Address("127.0.0.1"), 1053
    )
    """The address of the service."""
    query_socket_buffer: SocketBuffer | None = None
    """Sizes of the buffers of the socket towards it."""
    query_wait_timeout: Timeout = 10.0
    """How long the service may take to answer."""
    protective_cache_ttl: U32 = 10
    """Seconds to remember that there was no answer, or one with a time to live of 0."""
    maximum_cache_ttl: U32 = 1800
    """Seconds to remember an answer at most."""
    cache_vanish_wait: Annotated[Duration, Aliases("vanish_after_expired", "vanish_after_expire")] = 30.0
    """How long an answer that expired may still serve while the service does not answer."""
