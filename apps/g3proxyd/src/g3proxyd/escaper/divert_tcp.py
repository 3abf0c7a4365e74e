"""The escaper that hands every connection to a fixed place, with a PROXY header that tells where it was to go."""

from typing import TYPE_CHECKING

from g3_machine import LocalProtocolError
from g3_proxyproto import G3Values, pack_g3, pack_v2

from ..io.stream import Stream
from ..upstream import SecureUpstream, Upstream
from .base import ConnectNotes, Escaper, TaskIdentity
from .errors import ConnectReason, TcpConnectError
from .next_hop import NextHop
from .proxy_header import inet

if TYPE_CHECKING:
    from ..config.escaper.divert_tcp import DivertTcpConfig
    from . import Surroundings


class DivertTcpEscaper(Escaper):
    """g3's ``divert_tcp``."""

    type_name = "DivertTcp"
    wants_server_addr = True

    def __init__(self, config: "DivertTcpConfig", around: "Surroundings") -> None:
        super().__init__(config.name)
        self._hop = NextHop(self, config, around, header=diverting_header, overridable=False)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Connect to one of the fixed places; names are its to resolve. Nobody answers the header."""
        return await self._hop.connect(upstream, notes, task)


def diverting_header(upstream: Upstream, task: TaskIdentity) -> bytes:
    """The header of version 2 with g3proxy's own TLVs. Raises TcpConnectError."""
    if task.server_addr is None:
        raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, detail="the client's target is not known")
    tls_name = None
    if isinstance(upstream, SecureUpstream):
        tls_name = str(upstream.host if upstream.tls_name is None else upstream.tls_name)
    task_id = bytes.fromhex(task.task_id)
    values = G3Values(upstream=str(upstream), tls_name=tls_name, username=task.user, task_id=task_id)
    try:
        return pack_v2(inet(task.client_addr), inet(task.server_addr), *pack_g3(values))
    except LocalProtocolError as error:
        raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, detail=str(error)) from None
