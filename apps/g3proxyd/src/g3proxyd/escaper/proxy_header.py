"""The PROXY header that tells the remote side whose connection it is (g3's ``use_proxy_protocol``)."""

import socket
from collections.abc import Callable
from ipaddress import ip_address

from g3_machine import LocalProtocolError
from g3_proxyproto import Inet, pack_v1, pack_v2

from ..upstream import Upstream
from .base import SocketAddress, TaskIdentity
from .errors import ConnectReason, TcpConnectError

Header = Callable[[Upstream, TaskIdentity], bytes]
"""Makes what is sent ahead of everything else. Raises TcpConnectError."""


def make_header(version: int | None) -> Header | None:
    """What makes headers of this version, 1 or 2; None stands for no header.

    The header needs `TaskIdentity.server_addr`: the escaper has to set `Escaper.wants_server_addr`.
    """
    if version is None:
        return None
    pack = pack_v1 if version == 1 else pack_v2

    def header(upstream: Upstream, task: TaskIdentity) -> bytes:
        if task.server_addr is None:
            raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, detail="the client's target is not known")
        try:
            return pack(inet(task.client_addr), inet(task.server_addr))
        except LocalProtocolError as error:
            raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, detail=str(error)) from None

    return header


def inet(address: SocketAddress) -> Inet:
    """The address as `g3_proxyproto` has it."""
    return Inet(ip_address(address[0]), address[1])


def send_header(sock: socket.socket, header: bytes) -> None:
    """Send a header as the first bytes of a connection. Raises TcpConnectError.

    The send buffer of a fresh socket has room for it: what is not taken at once will never be.
    """
    try:
        sent = sock.send(header)
    except OSError as error:
        raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_WRITE_FAILED, os_error=error) from None
    if sent < len(header):
        raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_WRITE_FAILED, detail=f"{len(header) - sent} bytes are left")
