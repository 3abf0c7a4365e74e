"""What the task log says of FTP over HTTP beyond what it says of every task."""

from typing import Any

from g3_http import RequestHead, Target, field_value

from ..escaper.base import ConnectNotes
from ..io.stream import Stream
from ..log import encode
from .ftp_request import logged_uri
from .notes import TaskNotes

NOT_LOGGED = dict.fromkeys(
    ("next_bound_addr", "next_peer_addr", "tcp_connect_tries", "tcp_connect_spend", "r_rd_bytes", "r_wr_bytes")
)
"""What tasks with a single connection say of it: here each of the two has fields of its own."""


class FtpLog:
    """Notes of one request; kept only where somebody logs it."""

    def __init__(self, client: Stream) -> None:
        self._client = client
        self._sent_before = client.sent
        self.status: int | None = None
        """What the client was told."""
        self.uploaded = 0
        """Bytes of the request body."""
        self.control: Stream | None = None
        self.data: Stream | None = None
        self.data_connect = ConnectNotes()

    def count(self, notes: TaskNotes, head: RequestHead) -> None:
        """Put the bytes of the client's side into the notes."""
        notes.from_client = head.size + self.uploaded
        notes.to_client = self._client.sent - self._sent_before

    def fields(self, notes: TaskNotes, head: RequestHead, target: Target, uri_chars: int) -> dict[str, Any]:
        """The fields of an FtpOverHttp log line."""
        agent = field_value(head.end_to_end, b"user-agent")
        return {
            **NOT_LOGGED,
            **_connection("ftp_c", notes.connect, self.control),
            **_connection("ftp_d", self.data_connect, self.data),
            "method": head.method.decode("ascii"),
            "uri": logged_uri(target)[:uri_chars],
            "user_agent": None if agent is None else agent.decode("latin-1"),
            "rsp_status": self.status,
        }


def _connection(prefix: str, connect: ConnectNotes, stream: Stream | None) -> dict[str, Any]:
    tries = connect.tcp_connect_tries or None
    return {
        f"{prefix}_bound_addr": encode.address(connect.next_bound_addr),
        f"{prefix}_peer_addr": encode.address(connect.next_peer_addr),
        f"{prefix}_connect_tries": tries,
        f"{prefix}_connect_spend": encode.duration(connect.tcp_connect_spend) if tries else None,
        f"{prefix}_rd_bytes": None if stream is None else stream.received,
        f"{prefix}_wr_bytes": None if stream is None else stream.sent,
    }
