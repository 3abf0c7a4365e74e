"""What the task log says of a forwarded HTTP request beyond what it says of every task."""

import time
from typing import TYPE_CHECKING, Any

from g3_http import RequestHead, Target, field_value

from ..log import encode
from .http_body import Body
from .http_upstream import HttpUpstream
from .notes import Event, TaskNotes
from .periodic import start_periodic

if TYPE_CHECKING:
    from ..server.http_server import HttpClient

TASK_TYPE = "HttpForward"


class ForwardLog:
    """Notes of one request; kept only where somebody logs it. Times are seconds of a monotonic clock.

    Lines that are due while the task runs are written here.
    """

    __slots__ = (
        "_client",
        "_created",
        "_head",
        "_notes",
        "_periodic",
        "_pipeline_wait",
        "_received_all",
        "_received_head",
        "_sent_all",
        "_sent_before",
        "_sent_head",
        "_target",
        "connection",
        "origin_status",
        "status",
        "upload",
    )

    def __init__(self, client: "HttpClient[Any]", head: RequestHead, target: Target, notes: TaskNotes) -> None:
        """The task begins."""
        context = client.context
        self._client = client
        self._head = head
        self._target = target
        self._notes = notes
        self._pipeline_wait = notes.created - client.received_at
        self._sent_before = client.stream.sent
        self._created = time.monotonic()
        self._sent_head = self._sent_all = self._received_head = self._received_all = 0.0
        self.connection: HttpUpstream | None = None
        """The connection that the request went to last."""
        self.upload: Body | None = None
        self.origin_status: int | None = None
        self.status: int | None = None
        """What the client was told."""
        if context.log_created:
            self.write(Event.CREATED)
        self._periodic = start_periodic(context, self._write_periodic)

    def request_head_sent(self) -> None:
        """The request head is on its way."""
        self._sent_head = time.monotonic()

    def request_sent(self) -> None:
        """The whole request is on its way."""
        self._sent_all = time.monotonic()

    def response_head_received(self, status: int) -> None:
        """The head of the final response has come."""
        self._received_head = time.monotonic()
        self.origin_status = self.status = status

    def response_received(self) -> None:
        """The whole response has come."""
        self._received_all = time.monotonic()

    def write(self, event: Event) -> None:
        """Write a line: the task goes on."""
        self._notes.log(self._client.context.task_log, TASK_TYPE, event, more=self._count())

    def _write_periodic(self) -> None:
        self.write(Event.PERIODIC)

    def finish(self) -> dict[str, Any]:
        """The request is over: put its bytes into the notes, and return the fields for the last line."""
        if self._periodic is not None:
            self._periodic.stop()
        return self._count()

    def _count(self) -> dict[str, Any]:
        notes = self._notes
        notes.from_client = self._head.size + (0 if self.upload is None else self.upload.passed)
        notes.to_client = self._client.stream.sent - self._sent_before
        if self.connection is not None:
            stream = self.connection.stream
            notes.from_upstream = stream.received - self.connection.received_before
            notes.to_upstream = stream.sent - self.connection.sent_before
        agent = field_value(self._head.end_to_end, b"user-agent")
        return {
            "pipeline_wait": encode.duration(self._pipeline_wait),
            "reuse_connection": None if self.connection is None else self.connection.requests > 1,
            "method": self._head.method.decode("ascii"),
            "uri": self._target.uri.decode("latin-1")[: self._client.server.config.log_uri_max_chars],
            "user_agent": None if agent is None else agent.decode("latin-1"),
            "rsp_status": self.status,
            "origin_status": self.origin_status,
            "dur_req_send_hdr": self._since(self._sent_head),
            "dur_req_send_all": self._since(self._sent_all),
            "dur_rsp_recv_hdr": self._since(self._received_head),
            "dur_rsp_recv_all": self._since(self._received_all),
        }

    def _since(self, moment: float) -> str | None:
        return encode.duration(moment - self._created) if moment else None
