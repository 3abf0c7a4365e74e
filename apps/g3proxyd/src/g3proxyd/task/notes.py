"""What is known of a task while it runs, and the log lines that are made of it."""

import time
import uuid
from enum import StrEnum
from typing import Any

from g3_escape import EgressPath

from ..escaper.base import ConnectNotes
from ..io.listener import Peer
from ..io.relay import Result
from ..log import Logger, encode
from ..upstream import Upstream
from .errors import Reason


class Stage(StrEnum):
    """How far a task came."""

    CREATED = "Created"
    PREPARING = "Preparing"
    CONNECTING = "Connecting"
    CONNECTED = "Connected"
    REPLYING = "Replying"
    LOGGED_IN = "LoggedIn"
    RELAYING = "Relaying"
    FINISHED = "Finished"


class Event(StrEnum):
    """What made a task write a log line."""

    CREATED = "Created"
    CONNECTED = "Connected"
    PERIODIC = "Periodic"
    CLIENT_SHUTDOWN = "ClientShutdown"
    UPSTREAM_SHUTDOWN = "UpstreamShutdown"
    FINISHED = "Finished"


CREATED = Stage.CREATED

NOT_CONNECTED = ConnectNotes()
"""What is known of a connection before anybody tried to make it; never written to."""


class TaskNotes:
    """One task: who asked which server for what, when, and how far it came. Times are seconds of a monotonic clock."""

    __slots__ = (
        "_id",
        "_start_at",
        "client_addr",
        "connect",
        "created",
        "egress_path",
        "from_client",
        "from_upstream",
        "ready",
        "server_addr",
        "server_name",
        "server_type",
        "stage",
        "to_client",
        "to_upstream",
        "upstream",
        "user",
        "wait_time",
    )

    def __init__(
        self,
        server_type: str,
        server_name: str,
        server_addr: Peer | None,
        client_addr: Peer,
        upstream: Upstream,
        waiting_since: float,
    ) -> None:
        """``server_addr`` is the local address of the client's connection; None where nobody logs it.

        ``waiting_since`` is when the wait for the request began.
        """
        self.server_type = server_type
        self.server_name = server_name
        self.server_addr = server_addr
        self.client_addr = client_addr
        self.upstream = upstream
        self.created = created = time.monotonic()
        self.wait_time = created - waiting_since
        self.ready: float | None = None
        self.stage = CREATED
        self.connect = NOT_CONNECTED
        self.user: str | None = None
        self.egress_path: EgressPath | None = None
        self.from_client = self.to_client = self.from_upstream = self.to_upstream = 0
        self._id = ""
        self._start_at = ""

    @property
    def task_id(self) -> str:
        """32 hexadecimal digits; made when somebody first asks, as most tasks are never logged."""
        if not self._id:
            self._id = uuid.uuid4().hex
        return self._id

    def fields(
        self, task_type: str, event: Event, reason: Reason | None, moved: Result | None = None
    ) -> dict[str, Any]:
        """The fields of a TCP connection's task."""
        connect = self.connect
        return {
            **self.shared_fields(task_type, event, reason),
            "server_addr": encode.address(self.server_addr),
            "client_addr": encode.address(self.client_addr),
            "upstream": str(self.upstream),
            "next_bind_ip": encode.ip(connect.next_bind_ip),
            "next_bound_addr": encode.address(connect.next_bound_addr),
            "next_peer_addr": encode.address(connect.next_peer_addr),
            "next_expire": encode.expiry(connect.expire),
            "tcp_connect_tries": connect.tcp_connect_tries or None,
            "tcp_connect_spend": encode.duration(connect.tcp_connect_spend) if connect.tcp_connect_tries else None,
            "c_rd_bytes": self.from_client + (moved.from_client if moved else 0),
            "c_wr_bytes": self.to_client + (moved.to_client if moved else 0),
            "r_rd_bytes": self.from_upstream + (moved.from_upstream if moved else 0),
            "r_wr_bytes": self.to_upstream + (moved.to_upstream if moved else 0),
        }

    def shared_fields(self, task_type: str, event: Event, reason: Reason | None) -> dict[str, Any]:
        """The fields that all task logs share."""
        now = time.monotonic()
        if not self._start_at:
            self._start_at = encode.rfc3339(time.time() - (now - self.created))
        return {
            "server_type": self.server_type,
            "server_name": self.server_name,
            "task_type": task_type,
            "task_id": self.task_id,
            "task_event": event.value,
            "stage": self.stage.value,
            "start_at": self._start_at,
            "user": self.user,
            "escaper": self.connect.escaper or None,
            "reason": None if reason is None else reason.value,
            "wait_time": encode.duration(self.wait_time),
            "ready_time": None if self.ready is None else encode.duration(self.ready - self.created),
            "total_time": encode.duration(now - self.created),
        }

    def log(
        self,
        logger: Logger,
        task_type: str,
        event: Event,
        reason: Reason | None = None,
        error: str = "",
        moved: Result | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Write one line of the task log.

        ``error`` says more about the reason, for people; ``moved`` are the bytes of a tunnel; ``more`` are the fields
        that only this kind of task has.
        """
        if logger.enabled:
            fields = self.fields(task_type, event, reason, moved)
            logger.log({**fields, **more} if more else fields, error)
