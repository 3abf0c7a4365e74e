"""The servers that lead to fixed places."""

from __future__ import annotations

from typing import Annotated, Literal

from g3_escape import PickPolicy

from ..keys import Aliases, NotYet
from ..later import USERS
from ..module import TypeName
from ..values.acl import OneHost
from ..values.mistake import Mistake
from ..values.numbers import Boolean
from ..values.tls_server import TlsServer, TlsTicketer
from ..values.upstream import Policy, WeightedUpstreams
from ..values.upstream_tls import MaybeTls
from .common import TaskServerConfig

__all__ = ["StreamConfig", "TcpStreamConfig", "TlsStreamConfig"]


class StreamConfig(TaskServerConfig):
    """What they have in common."""

    upstream: Annotated[WeightedUpstreams, Aliases("proxy_pass")]
    """Where connections go."""
    upstream_pick_policy: Policy = PickPolicy.RANDOM
    """Which upstream a connection gets. The consistent policies look at the client's and the server's address."""
    tls_client: MaybeTls = None
    """TLS towards the upstreams; unset is none."""
    upstream_tls_name: OneHost | None = None
    """The host that the upstreams' certificates have to be for; unset is that of the first upstream."""
    auth_by_client_ip: Annotated[Boolean, NotYet(USERS)] = False
    """Let the client's address tell the user."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.upstream_tls_name is not None and self.tls_client is None:
            notes.append(Mistake("has no effect without 'tls_client'", path=("upstream_tls_name",)))
        return changes


class TcpStreamConfig(StreamConfig):
    """Connects each client to one of its upstreams, whatever they speak."""

    type: Annotated[Literal["tcp_stream"], TypeName("tcp_stream")] = "tcp_stream"
    """What the object is."""


class TlsStreamConfig(StreamConfig):
    """Ends TLS, and connects each client to one of its upstreams."""

    type: Annotated[Literal["tls_stream"], TypeName("tls_stream")] = "tls_stream"
    """What the object is."""
    tls_server: Annotated[TlsServer, Aliases("tls")]
    """TLS on the listening socket."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
