"""Keep-alive of TCP connections, and of HTTP connections to the next hop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..section import Section
from .duration import Duration, parse_duration
from .mistake import Mistake, MistakeError, show, wrong
from .numbers import U32, Boolean

__all__ = ["HttpKeepalive", "TcpKeepalive"]

_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_SHORT_SCHEMA: Mapping[str, object] = {
    "anyOf": [
        {"type": ["boolean", "number"]},
        {"type": "string", "pattern": r"^([a-zA-Z]+|\s*([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d)?\s*)+)$"},
    ]
}


class TcpKeepalive(Section):
    """TCP keep-alive: the kernel asks a silent peer whether it is still there."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = "true, false or a duration (switches on with that idle_time)"

    enable: Boolean = False
    """Switch it on. In a map it is off unless this key says otherwise."""
    idle_time: Duration = 60.0
    """Silence before the first probe."""
    probe_interval: Duration | None = None
    """Time between probes; unset leaves it to the operating system."""
    probe_count: U32 | None = None
    """Unanswered probes that end the connection; unset leaves it to the operating system."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return _switch_or_time(data, "idle_time", cls.short_forms)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not self.enable and self.model_fields_set - {"enable"} and "enable" not in self.model_fields_set:
            notes.append(Mistake("keep-alive stays off: the map does not say 'enable: true'"))
        return {}


class HttpKeepalive(Section):
    """Keeping connections to the next hop for further requests."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = "true, false or a duration (the idle_expire)"

    enable: Boolean = True
    """Keep connections."""
    idle_expire: Duration = 60.0
    """Close a kept connection after this time without use."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return _switch_or_time(data, "idle_expire", cls.short_forms)


def _switch_or_time(data: object, time_key: str, short_forms: str) -> dict[str, Any]:
    if isinstance(data, bool):
        return {"enable": data}
    if isinstance(data, str) and data.lower() in _SWITCH:
        return {"enable": _SWITCH[data.lower()]}
    try:
        return {"enable": True, time_key: parse_duration(data)}
    except MistakeError:
        raise wrong(f"{show(data)} is not a switch or a duration", expected=f"{short_forms}, or a map") from None
