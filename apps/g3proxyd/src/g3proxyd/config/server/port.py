"""The keys that ports share: servers that only take connections and hand them to other servers."""

from __future__ import annotations

from ..values.duration import Duration
from ..values.listen import TcpListen
from ..values.mistake import Mistake
from ..values.proxy_protocol import ProxyProtocol
from .common import TcpListeningServerConfig

__all__ = ["PortConfig"]


class PortConfig(TcpListeningServerConfig):
    """What every port has; without a socket of its own a port would be nothing."""

    listen: TcpListen
    """The listening socket."""
    proxy_protocol: ProxyProtocol | None = None
    """The version of the PROXY header that each connection has to begin with; unset is none."""
    proxy_protocol_read_timeout: Duration = 5.0
    """Time for the whole PROXY header to arrive."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.proxy_protocol is not None and self.proxy_protocol_read_timeout == 0:
            mistake = Mistake("0 would leave no time for the header", path=("proxy_protocol_read_timeout",))
            conflicts.append(mistake)
        return {}
