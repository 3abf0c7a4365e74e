"""The next hop of an escaper that hands everything on: which one it is for a task, and a connection to it."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from g3_escape import Node, hash_key, jump_hash, make_picker

from ..io.stream import Stream
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity, pick_key
from .negotiation import Negotiation
from .outgoing import make_course, tcp_sockets
from .peer import PeerConnector, PeerTls
from .proxy_header import Header
from .race import Course
from .sockets import Host

if TYPE_CHECKING:
    from ..config.escaper.next_hop import NextHopConfig
    from . import Surroundings


class NextHop:
    """The next hops of one escaper."""

    def __init__(
        self,
        escaper: Escaper,
        config: "NextHopConfig",
        around: "Surroundings",
        *,
        header: Header | None = None,
        tls: PeerTls | None = None,
        overridable: bool = True,
    ) -> None:
        """``header`` is sent ahead on each connection, and ``tls`` is spoken on it, unless they are None.

        Requests may choose another hop if the escaper is ``overridable``.
        """
        self._overridable = overridable
        self._name = escaper.name
        nodes = [Node(each.upstream, str(each).encode(), each.weight) for each in config.proxy_addr]
        self._picker = make_picker(config.proxy_addr_pick_policy, nodes, random.random)
        self._keyed = len(self._picker.nodes) > 1 and config.proxy_addr_pick_policy.keyed
        self.any_upstream = not self._keyed
        """Whether a hop that was picked for one target is as good for any other one of the same client."""
        own = (config.bind_ipv4, config.bind_ipv6)
        # The hops are the operator's own choice: no egress filter looks at them.
        self._connector = PeerConnector(
            tcp_sockets(config, [ip for ip in own if ip is not None], escaper.stats),
            make_course(config),
            around.resolver(config.resolver),
            around.relays,
            around.logger.bind(escaper_type=escaper.type_name, escaper_name=escaper.name),
            speed_limit=config.tcp_sock_speed_limit,
            header=header,
            tls=tls,
        )

    async def connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Connect to the next hop of a task that wants ``upstream``; the caller owns the stream.

        Raises TcpConnectError, of which the escape log knows. A cancelled call leaves nothing open.
        """
        peer = self._picker.pick(pick_key(upstream, task) if self._keyed else b"")
        path = task.egress_path if self._overridable else None
        chosen = None if path is None else path.upstreams.get(self._name)
        course = None
        if chosen is not None:
            peer = notes.override_peer = Upstream(chosen.host, chosen.port)
            if chosen.sticky is not None:
                course = sticky_course(self._connector.course, chosen.sticky)
        return await self._connector.connect(peer, upstream, notes, task, course)

    def negotiation(
        self, stream: Stream, seconds: float, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
    ) -> AbstractContextManager[Negotiation]:
        """See `PeerConnector.negotiation`."""
        return self._connector.negotiation(stream, seconds, upstream, notes, task)


def sticky_course(course: Course, key: str) -> Course:
    """The same course, which begins with the same one of a name's addresses for the same key (a jump hash)."""
    return replace(course, shuffle=_sticky_order(key))


def _sticky_order(key: str) -> Callable[[list[Host]], None]:
    number = hash_key(key.encode())

    def order(hosts: list[Host]) -> None:
        hosts.sort(key=int)
        first = jump_hash(number, len(hosts)) if hosts else 0
        hosts[:] = hosts[first:] + hosts[:first]

    return order
