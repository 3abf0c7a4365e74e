"""The keys of escapers that connect straight to the remote side."""

from __future__ import annotations

from typing import Annotated

from g3_acl import default_egress_network_rule
from pydantic import Field

from ..keys import Aliases
from ..values.acl import EgressNetworkFilter
from ..values.redirection import ResolveRedirectionRules
from .common import ConnectingEscaperConfig

__all__ = ["DirectConfig"]


class DirectConfig(ConnectingEscaperConfig):
    """What every escaper has that connects straight to the remote side."""

    egress_network_filter: Annotated[EgressNetworkFilter, Aliases("egress_net_filter")] = Field(
        default_factory=default_egress_network_rule
    )
    """Which addresses may be connected to; loopback and link-local ones may not unless a rule says so."""
    resolve_redirection: ResolveRedirectionRules | None = None
    """Other names or addresses for names, instead of what the resolver would say."""
