"""The escape log: failures towards the remote side."""

from ..log import Logger, encode
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity
from .errors import TcpConnectError


def log_tcp_connect(
    logger: Logger, error: TcpConnectError, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
) -> None:
    """Write one TcpConnect record; ``logger`` is bound to the escaper's type and name."""
    logger.log(
        {
            "escape_type": "TcpConnect",
            "task_id": task.task_id,
            "upstream": str(upstream),
            "next_bind_ip": encode.ip(notes.next_bind_ip),
            "next_bound_addr": encode.address(notes.next_bound_addr),
            "next_peer_addr": encode.address(notes.next_peer_addr),
            "next_expire": encode.expiry(notes.expire),
            "tcp_connect_tries": notes.tcp_connect_tries,
            "tcp_connect_spend": encode.duration(notes.tcp_connect_spend),
            "reason": error.reason.value,
            "override_peer": None if notes.override_peer is None else str(notes.override_peer),
        },
        str(error),
    )


def log_tls_handshake(
    logger: Logger,
    error: str,
    upstream: Upstream,
    notes: ConnectNotes,
    task: TaskIdentity,
    *,
    tls_name: str,
    tls_peer: Upstream,
    tls_application: str,
) -> None:
    """Write one TlsHandshake record: the server at ``tls_peer`` should have been ``tls_name``."""
    logger.log(
        {
            "escape_type": "TlsHandshake",
            "task_id": task.task_id,
            "upstream": str(upstream),
            "next_bind_ip": encode.ip(notes.next_bind_ip),
            "next_bound_addr": encode.address(notes.next_bound_addr),
            "next_peer_addr": encode.address(notes.next_peer_addr),
            "next_expire": encode.expiry(notes.expire),
            "tls_name": tls_name,
            "tls_peer": str(tls_peer),
            "tls_application": tls_application,
        },
        error,
    )


def log_udp_sendto(
    logger: Logger, error: TcpConnectError, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
) -> None:
    """Write one UdpSendto record; ``logger`` is bound to the escaper's type and name."""
    logger.log(
        {
            "escape_type": "UdpSendto",
            "task_id": task.task_id,
            "upstream": str(upstream),
            "next_bound_addr": encode.address(notes.next_bound_addr),
            "next_peer_addr": encode.address(notes.next_peer_addr),
            "next_expire": encode.expiry(notes.expire),
            "reason": error.reason.value,
        },
        str(error),
    )
