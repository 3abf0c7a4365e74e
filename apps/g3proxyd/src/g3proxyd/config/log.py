"""The `log` section: where each family of loggers writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from .keys import Aliases, NoEffect, NotYet, any_case, normalise
from .later import LOG_DRIVERS
from .section import Section
from .values.mistake import Mistake, MistakeError, nearest, show, wrong
from .values.numbers import Count, PositiveCount, integer_from, span
from .values.value import Value

__all__ = ["FAMILIES", "LogConfig", "LoggerConfig"]

FAMILIES = ("task", "escape", "resolve", "audit")
SAMPLING_OFFSET_MAX = 16

_DRIVERS = ("discard", "stdout")
_LATER_DRIVERS = ("journal", "syslog", "fluentd")
_SHORT_SCHEMA: Mapping[str, object] = {
    "type": "string",
    "pattern": f"^({'|'.join(map(any_case, _DRIVERS))})$",
}


def _parse_stdout(data: object) -> bool:
    if data is None or data == {}:
        return True
    if isinstance(data, bool):
        return data
    raise wrong(f"{show(data)} is not empty", expected="an empty map: standard output has no options")


_Stdout: TypeAlias = Annotated[
    bool,
    Value(
        "empty map", _parse_stdout, {"type": ["object", "null", "boolean"], "maxProperties": 0}, display=lambda _: ""
    ),
]
_SamplingOffset: TypeAlias = Annotated[
    int,
    Value(
        span(0, SAMPLING_OFFSET_MAX),
        integer_from(0, SAMPLING_OFFSET_MAX),
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": SAMPLING_OFFSET_MAX},
                {"type": "string", "pattern": r"^\+?[0-9]{1,2}$"},
            ]
        },
    ),
]


class LoggerConfig(Section):
    """Where one family of loggers writes; a map that names no driver discards."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = "discard or stdout"

    journal: Annotated[Any, NotYet(LOG_DRIVERS)] = None
    """Write to the systemd journal."""
    syslog: Annotated[Any, NotYet(LOG_DRIVERS)] = None
    """Write to syslog."""
    fluentd: Annotated[Any, NotYet(LOG_DRIVERS)] = None
    """Write to fluentd."""
    stdout: _Stdout = False
    """Write lines of JSON to standard output."""
    async_channel_size: Annotated[PositiveCount, Aliases("channel_size")] = 4096
    """Records that may wait to be written; further ones are dropped and counted."""
    async_thread_number: Annotated[
        Count, Aliases("thread_number"), NoEffect("one writer keeps the records in order")
    ] = 1
    """Threads that write."""
    io_error_sampling_offset: Annotated[
        _SamplingOffset, NoEffect("standard output reports no errors one by one, the logger's metrics count them")
    ] = 10
    """Report one of 2 to this power errors."""

    @property
    def driver(self) -> Literal["discard", "stdout"]:
        """What the family writes to."""
        return "stdout" if self.stdout else "discard"

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {"stdout": _driver(data) == "stdout"}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not self.stdout and "async_channel_size" in self.model_fields_set:
            notes.append(Mistake("has no effect here: the map names no driver", path=("async_channel_size",)))
        return {}


class LogConfig(Section):
    """Where the loggers write. A family that is not mentioned writes where `default` says."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = "discard or stdout (for all families)"

    default: LoggerConfig = LoggerConfig()
    """Families that are not mentioned."""
    syslog: Annotated[Any, NotYet(LOG_DRIVERS)] = None
    """Let the default write to syslog."""
    fluentd: Annotated[Any, NotYet(LOG_DRIVERS)] = None
    """Let the default write to fluentd."""
    task: LoggerConfig = LoggerConfig()
    """What became of tasks."""
    escape: LoggerConfig = LoggerConfig()
    """Failures to connect to the remote side."""
    resolve: LoggerConfig = LoggerConfig()
    """Failures to resolve names."""
    audit: LoggerConfig = LoggerConfig()
    """What inspection found."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {"default": LoggerConfig.model_validate(LoggerConfig.from_short(data))}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        silent = [family for family in FAMILIES if family not in self.model_fields_set]
        return dict.fromkeys(silent, self.default)


def _driver(data: object) -> str:
    name = normalise(data) if isinstance(data, str) else None
    if name in _DRIVERS:
        return name
    if name in _LATER_DRIVERS:
        raise MistakeError(Mistake(f"not supported yet: {LOG_DRIVERS}", unsupported=True))
    raise wrong(
        f"{show(data)} is not a log driver",
        expected="discard, stdout or a map",
        suggestion=nearest(name, (*_DRIVERS, *_LATER_DRIVERS)) if name else None,
    )
