"""The port that tells HTTP from SOCKS."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..keys import NoEffect
from ..module import NameOf, TypeName
from ..values.duration import Duration
from ..values.mistake import Mistake
from .port import PortConfig

__all__ = ["IntelliProxyConfig"]

_NO_QUEUE = "connections wait for nothing but their own first byte"


class IntelliProxyConfig(PortConfig):
    """Hands each connection to one of two servers: whether a client speaks HTTP or SOCKS shows in its first byte."""

    type: Annotated[Literal["intelli_proxy"], TypeName("intelli_proxy", "ppdp_tcp_port", "ppdp_tcp")] = "intelli_proxy"
    """What the object is."""
    http_server: Annotated[str, NameOf("server")]
    """The server for HTTP, an http_proxy as a rule."""
    socks_server: Annotated[str, NameOf("server")]
    """The server for SOCKS, a socks_proxy as a rule."""
    protocol_detection_timeout: Duration = 4.0
    """Time for the first byte to arrive."""
    protocol_detection_channel_size: Annotated[Any, NoEffect(_NO_QUEUE)] = None
    """Connections that may wait for the detection."""
    protocol_detection_max_jobs: Annotated[Any, NoEffect(_NO_QUEUE)] = None
    """Detections at a time."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.protocol_detection_timeout == 0:
            mistake = Mistake("0 would leave no time for a byte", path=("protocol_detection_timeout",))
            conflicts.append(mistake)
        return changes
