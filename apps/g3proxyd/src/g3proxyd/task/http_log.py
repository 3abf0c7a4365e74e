"""What the task log says of a forwarded HTTP request beyond what it says of every task."""

import time
from typing import Any

from g3_http import RequestHead, Target, field_value

from ..io.stream import Stream
from ..log import encode
from .http_body import Body
from .http_upstream import HttpUpstream
from .notes import TaskNotes


class ForwardLog:
    """Notes of one request; kept only where somebody logs it. Times are seconds of a monotonic clock."""

    __slots__ = (
        "_client",
        "_created",
        "_pipeline_wait",
        "_received_all",
        "_received_head",
        "_sent_all",
        "_sent_before",
        "_sent_head",
        "connection",
        "origin_status",
        "status",
        "upload",
    )

    def __init__(self, client: Stream, pipeline_wait: float) -> None:
        """``pipeline_wait`` is the time in seconds from the arrival of the head to the beginning of the task."""
        self._client = client
        self._pipeline_wait = pipeline_wait
        self._sent_before = client.sent
        self._created = time.monotonic()
        self._sent_head = self._sent_all = self._received_head = self._received_all = 0.0
        self.connection: HttpUpstream | None = None
        """The connection that the request went to last."""
        self.upload: Body | None = None
        self.origin_status: int | None = None
        self.status: int | None = None
        """What the client was told."""

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

    def count(self, notes: TaskNotes, head: RequestHead) -> None:
        """Put the bytes of this request into the notes."""
        notes.from_client = head.size + (0 if self.upload is None else self.upload.passed)
        notes.to_client = self._client.sent - self._sent_before
        if self.connection is not None:
            stream = self.connection.stream
            notes.from_upstream = stream.received - self.connection.received_before
            notes.to_upstream = stream.sent - self.connection.sent_before

    def fields(self, head: RequestHead, target: Target, uri_chars: int) -> dict[str, Any]:
        """The fields of an HttpForward log line."""
        agent = field_value(head.end_to_end, b"user-agent")
        return {
            "pipeline_wait": encode.duration(self._pipeline_wait),
            "reuse_connection": None if self.connection is None else self.connection.requests > 1,
            "method": head.method.decode("ascii"),
            "uri": target.uri.decode("latin-1")[:uri_chars],
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
