"""The server that leads to fixed places."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from g3_escape import PickPolicy

from ..keys import Aliases, NotYet
from ..later import USERS
from ..module import TypeName
from ..values.numbers import Boolean
from ..values.upstream import Policy, WeightedUpstreams
from .common import TaskServerConfig

__all__ = ["TcpStreamConfig"]

TLS = "TLS towards the upstreams of this server arrives with its tunnels over TLS"


class TcpStreamConfig(TaskServerConfig):
    """Connects each client to one of its upstreams, whatever they speak."""

    type: Annotated[Literal["tcp_stream"], TypeName("tcp_stream")] = "tcp_stream"
    """What the object is."""
    upstream: Annotated[WeightedUpstreams, Aliases("proxy_pass")]
    """Where connections go."""
    upstream_pick_policy: Policy = PickPolicy.RANDOM
    """Which upstream a connection gets. The consistent policies look at the client's and the server's address."""
    tls_client: Annotated[Any, NotYet(TLS)] = None
    """TLS towards the upstream."""
    upstream_tls_name: Annotated[Any, NotYet(TLS)] = None
    """The name that the upstream's certificate has to have."""
    auth_by_client_ip: Annotated[Boolean, NotYet(USERS)] = False
    """Let the client's address tell the user."""
