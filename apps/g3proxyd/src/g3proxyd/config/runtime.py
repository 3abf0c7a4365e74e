"""The `runtime` section: the process and its graceful end."""

from __future__ import annotations

from typing import Annotated

from .keys import NoEffect
from .section import Section
from .values.duration import Duration
from .values.numbers import Count
from .values.size import Size
from .values.text import AsciiText

__all__ = ["RuntimeConfig"]

_ONE_LOOP = "each process has one event loop in one thread"


class RuntimeConfig(Section):
    """The process and its graceful end."""

    thread_number: Annotated[Count | None, NoEffect("worker.thread_number is the number of processes")] = None
    """Threads of the main runtime."""
    thread_name: AsciiText | None = None
    """The title of the process; unset leaves it alone."""
    thread_stack_size: Annotated[Size | None, NoEffect(_ONE_LOOP)] = None
    """Stack size of threads."""
    max_io_events_per_tick: Annotated[Count | None, NoEffect("the event loop has no such limit")] = None
    """Events that are handled in one turn of the event loop."""
    server_offline_delay: Duration = 4.0
    """Time from the request to quit until the listening sockets are closed."""
    task_wait_delay: Duration = 2.0
    """Time from going offline until tasks that are still alive are counted."""
    task_wait_timeout: Duration = 36000.0
    """Time for tasks to end by themselves before they are ended."""
    task_quit_timeout: Duration = 1800.0
    """Time for ended tasks to clean up before the process exits."""
