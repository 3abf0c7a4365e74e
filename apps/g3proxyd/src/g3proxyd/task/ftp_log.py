"""What the task log says of FTP over HTTP beyond what it says of every task."""

from typing import TYPE_CHECKING, Any

from g3_http import RequestHead, Target, field_value

from ..escaper.base import ConnectNotes
from ..io.stream import Stream
from ..log import encode
from .ftp_request import logged_uri
from .http_body import Body
from .notes import Event, TaskNotes
from .periodic import Periodic, start_periodic

if TYPE_CHECKING:
    from ..server.http_proxy import ProxyClient

TASK_TYPE = "FtpOverHttp"

NOT_LOGGED = dict.fromkeys(
    ("next_bound_addr", "next_peer_addr", "tcp_connect_tries", "tcp_connect_spend", "r_rd_bytes", "r_wr_bytes")
)
"""What tasks with a single connection say of it: here each of the two has fields of its own."""


class FtpLog:
    """Notes of one request; kept only where somebody logs it.

    Lines that are due while the task runs are written here.
    """

    def __init__(self, client: "ProxyClient", head: RequestHead, target: Target, notes: TaskNotes) -> None:
        self._client = client
        self._head = head
        self._target = target
        self._notes = notes
        self._sent_before = client.stream.sent
        self._periodic: Periodic | None = None
        self.status: int | None = None
        """What the client was told."""
        self.upload: Body | None = None
        self.control: Stream | None = None
        self.data: Stream | None = None
        self.data_connect = ConnectNotes()

    def begin(self) -> None:
        """The request is one for an FTP server, not for a proxy that knows FTP."""
        context = self._client.context
        if context.log_created:
            self._write(Event.CREATED)
        self._periodic = start_periodic(context, lambda: self._write(Event.PERIODIC))

    def connected(self) -> None:
        """There is a control connection."""
        if self._client.context.log_connected:
            self._write(Event.CONNECTED)

    def finish(self) -> dict[str, Any]:
        """The request is over: put the bytes of the client's side into the notes; return the last line's fields."""
        if self._periodic is not None:
            self._periodic.stop()
        return self._count()

    def _write(self, event: Event) -> None:
        self._notes.log(self._client.context.task_log, TASK_TYPE, event, more=self._count())

    def _count(self) -> dict[str, Any]:
        notes, head = self._notes, self._head
        notes.from_client = head.size + (0 if self.upload is None else self.upload.passed)
        notes.to_client = self._client.stream.sent - self._sent_before
        agent = field_value(head.end_to_end, b"user-agent")
        return {
            **NOT_LOGGED,
            **_connection("ftp_c", notes.connect, self.control),
            **_connection("ftp_d", self.data_connect, self.data),
            "method": head.method.decode("ascii"),
            "uri": logged_uri(self._target)[: self._client.server.config.log_uri_max_chars],
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
