"""Log lines that a task writes at an interval while it runs (g3's ``task_log_flush_interval``)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..server.context import ServerContext


class Periodic:
    """Calls a function again and again until it is stopped."""

    __slots__ = ("_interval", "_loop", "_timer", "_write")

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float, write: Callable[[], None]) -> None:
        """``interval`` is in seconds; the first call comes after one."""
        self._loop = loop
        self._interval = interval
        self._write = write
        self._timer = loop.call_later(interval, self._turn)

    def stop(self) -> None:
        """Call no more."""
        self._timer.cancel()

    def _turn(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._turn)
        self._write()


def start_periodic(context: "ServerContext", write: Callable[[], None]) -> Periodic | None:
    """Begin to call ``write`` at the server's interval; None where nobody wants such lines."""
    if context.log_interval is None or not context.task_log.enabled:
        return None
    return Periodic(context.loop, context.log_interval, write)
