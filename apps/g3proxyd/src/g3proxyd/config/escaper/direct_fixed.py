"""The escaper that connects directly."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import TypeName
from ..values.address import IpAddressList
from ..values.mistake import Mistake
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
    bind_foreign: Boolean = False
    """Connect from the client's own address, by TCP and by UDP; the other address family is out of reach."""
    bind_foreign_port: Boolean = False
    """Connect from the client's port as well, by TCP alone. One client port has one connection to a target."""
    enable_path_selection: Boolean = False
    """Let clients choose the local address by its number."""
    use_proxy_protocol: ProxyProtocol | None = None
    """Tell the remote side the client's address by a PROXY header of this version; FTP data connections have none."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.bind_foreign_port and not self.bind_foreign:
            notes.append(Mistake("has no effect without 'bind_foreign'", path=("bind_foreign_port",)))
        if self.bind_foreign:
            notes += [
                Mistake("has no effect beside 'bind_foreign'", path=(key,))
                for key in ("bind_ip", "bind_interface", "enable_path_selection")
                if getattr(self, key)
            ]
        return changes
