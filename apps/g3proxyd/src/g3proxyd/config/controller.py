"""The `controller` section: the control sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .section import Section
from .values.duration import Duration
from .values.mistake import Mistake

__all__ = ["ControllerConfig", "LocalController"]


class LocalController(Section):
    """The control sockets, which are Unix sockets."""

    short_schema: ClassVar[Mapping[str, object] | None] = {"type": "null"}
    short_forms: ClassVar[str] = "nothing"

    recv_timeout: Duration = 30.0
    """How long a request may take to come."""
    send_timeout: Duration = 1.0
    """How long the client may take to read an answer."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {} if data is None else super().from_short(data)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        conflicts += [
            Mistake("0 would leave no time for anything", expected="a duration above zero", path=(key,))
            for key in ("recv_timeout", "send_timeout")
            if getattr(self, key) == 0
        ]
        return {}


class ControllerConfig(Section):
    """The ways to control the running process."""

    local: LocalController = LocalController()
    """From the same machine."""
