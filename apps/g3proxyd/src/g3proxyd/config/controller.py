"""The `controller` section: the control sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .section import Section
from .values.duration import Timeout

__all__ = ["ControllerConfig", "LocalController"]


class LocalController(Section):
    """The control sockets, which are Unix sockets."""

    short_schema: ClassVar[Mapping[str, object] | None] = {"type": "null"}
    short_forms: ClassVar[str] = "nothing"

    recv_timeout: Timeout = 30.0
    """How long a request may take to come."""
    send_timeout: Timeout = 1.0
    """How long the client may take to read an answer."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {} if data is None else super().from_short(data)


class ControllerConfig(Section):
    """The ways to control the running process."""

    local: LocalController = LocalController()
    """From the same machine."""
