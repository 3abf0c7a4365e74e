"""The escaper that connects directly."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import NotYet
from ..later import TPROXY
from ..module import TypeName
from ..values.address import IpAddressList
from ..values.numbers import Boolean
from ..values.proxy_protocol import ProxyProtocol
from .direct import DirectConfig

__all__ = ["DirectFixedConfig"]


class DirectFixedConfig(DirectConfig):
    """Connects directly to the remote side, from fixed local addresses if wanted."""

    type: Annotated[Literal["direct_fixed"], TypeName("direct_fixed")] = "direct_fixed"
    """What the object is."""
    bind_ip: IpAddressList = ()
    """Local addresses; each connection picks one of its family at random."""
    bind_foreign: Annotated[Boolean, NotYet(TPROXY)] = False
    """Use the client's address as the source."""
    bind_foreign_port: Annotated[Boolean, NotYet(TPROXY)] = False
    """Use the client's port as well."""
    enable_path_selection: Boolean = False
    """Let clients choose the local address by its number."""
    use_proxy_protocol: ProxyProtocol | None = None
    """Tell the remote side the client's address by a PROXY header of this version; FTP data connections have none."""
