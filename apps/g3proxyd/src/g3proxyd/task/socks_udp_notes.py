"""What is known of a UDP task, and its fields in the task log."""

from typing import Any

from ..escaper.base import SocketAddress
from ..io.relay import Result
from ..io.udp_socket import UdpSocket
from ..log import encode
from ..upstream import Upstream
from .errors import Reason
from .notes import Event, TaskNotes

ASSOCIATE = "UdpAssociate"
CONNECT = "UdpConnect"


class UdpNotes(TaskNotes):
    """One UDP association: the TCP connection that holds it, and the sockets that its datagrams pass."""

    udp_listen_addr: SocketAddress | None = None
    """Where the client sends to."""
    udp_client_addr: SocketAddress | None = None
    """Where the client sends from; None before its first datagram."""
    initial: Upstream | None = None
    """The target of the first datagram."""
    client: UdpSocket | None = None
    remotes: tuple[UdpSocket, ...] = ()
    foreign = 0
    """Datagrams at the client's socket that did not come from the client. The kernel drops, and does not count, those
    that come once the socket is connected to the client."""

    def fields(
        self, task_type: str, event: Event, reason: Reason | None, moved: Result | None = None
    ) -> dict[str, Any]:
        """The fields of a UDP task; ``moved`` is not used, as the sockets count for themselves.

        Bytes are those of whole datagrams as the sockets see them: on the client's side, and towards a SOCKS5
        proxy, with the SOCKS header.
        """
        connect = self.connect
        client = self.client or NOT_OPEN
        first = None if self.initial is None else str(self.initial)
        fields = {
            **self.shared_fields(task_type, event, reason),
            "tcp_server_addr": encode.address(self.server_addr),
            "tcp_client_addr": encode.address(self.client_addr),
            "udp_listen_addr": encode.address(self.udp_listen_addr),
            "udp_client_addr": encode.address(self.udp_client_addr),
            "initial_peer": first if task_type == ASSOCIATE else None,
            "upstream": first if task_type == CONNECT else None,
            "c_rd_bytes": client.received_bytes,
            "c_rd_packets": client.received,
            "c_wr_bytes": client.sent_bytes,
            "c_wr_packets": client.sent,
            "c_foreign_packets": self.foreign or None,
            "r_rd_bytes": sum(remote.received_bytes for remote in self.remotes),
            "r_rd_packets": sum(remote.received for remote in self.remotes),
            "r_wr_bytes": sum(remote.sent_bytes for remote in self.remotes),
            "r_wr_packets": sum(remote.sent for remote in self.remotes),
        }
        if task_type == CONNECT:
            fields["next_bind_ip"] = encode.ip(connect.next_bind_ip)
            fields["next_bound_addr"] = encode.address(connect.next_bound_addr)
            fields["next_peer_addr"] = encode.address(connect.next_peer_addr)
            fields["next_expire"] = encode.expiry(connect.expire)
        return fields


class _NotOpen:
    received = received_bytes = sent = sent_bytes = 0


NOT_OPEN = _NotOpen()
