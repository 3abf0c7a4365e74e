"""The keys that servers of HTTP share."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases, NoEffect, NotYet, OldNames
from ..later import USERS
from ..values.duration import Duration
from ..values.keepalive import HttpKeepalive
from ..values.mistake import Mistake
from ..values.numbers import Boolean, Count, PositiveCount
from ..values.size import Size
from ..values.speed_limit import SocketSpeedLimit
from ..values.text import AsciiText, ServerId
from .common import TaskServerConfig

__all__ = ["HttpServerConfig"]

HEAD_SIZE_MIN = 64  # shorter than the shortest head that a client sends
BODY_LINE_MIN = 18  # the longest chunk size, 16 digits, with its line end

_ONE_BY_ONE = "requests are answered one by one, and those sent ahead wait in the socket"


class HttpServerConfig(TaskServerConfig):
    """What every server has whose clients send HTTP requests."""

    server_id: ServerId | None = None
    """The name of this proxy in headers that chained proxies exchange; set, responses tell their connections."""
    auth_realm: Annotated[AsciiText, NotYet(USERS)] = "proxy"
    """The realm in replies that ask for a user name."""
    req_header_recv_timeout: Duration = 30.0
    """Time for a whole request head to arrive."""
    rsp_header_recv_timeout: Duration = 60.0
    """Time for a whole response head to arrive after the request was sent."""
    req_header_max_size: Size = 64 * 1024
    """Bytes in a request head."""
    rsp_header_max_size: Size = 64 * 1024
    """Bytes in a response head."""
    log_uri_max_chars: Annotated[Count, Aliases("uri_log_max_chars")] = 1024
    """Characters of a URI in the logs."""
    pipeline_size: Annotated[PositiveCount, NoEffect(_ONE_BY_ONE)] = 10
    """Requests without a body that a client may send ahead."""
    pipeline_read_idle_timeout: Duration = 300.0
    """Time without a request after which a client's connection is closed."""
    no_early_error_reply: Boolean = False
    """Close without a reply on faults before the client is known to be allowed in."""
    body_line_max_length: Count = 8192
    """Bytes in a chunk-size or trailer line."""
    http_forward_upstream_keepalive: HttpKeepalive = HttpKeepalive()
    """Keeping connections to the remote side for further requests."""
    untrusted_read_speed_limit: Annotated[SocketSpeedLimit, OldNames("untrusted_read_limit"), NotYet(USERS)] = None
    """Speed at which the request body of a client that has not logged in is read and thrown away."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        for key, least in (
            ("req_header_max_size", HEAD_SIZE_MIN),
            ("rsp_header_max_size", HEAD_SIZE_MIN),
            ("body_line_max_length", BODY_LINE_MIN),
        ):
            if getattr(self, key) < least:
                message = f"{getattr(self, key)} is too small for any message"
                conflicts.append(Mistake(message, expected=f"at least {least}", path=(key,)))
        return changes
