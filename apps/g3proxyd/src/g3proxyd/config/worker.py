"""The `worker` section: worker processes."""

from __future__ import annotations

from typing import Annotated, Any

from .keys import Aliases, NoEffect, NotYet
from .later import WORKERS
from .section import Section
from .values.numbers import Count, PositiveCount
from .values.size import Size

__all__ = ["WorkerConfig"]

_OPENSSL = "the TLS library has no asynchronous jobs"


class WorkerConfig(Section):
    """Worker processes."""

    thread_number: Annotated[PositiveCount | None, Aliases("threads_total", "thread_number_total"), NotYet(WORKERS)] = (
        None
    )
    """How many workers there are; unset is one for each processor."""
    thread_number_per_runtime: Annotated[PositiveCount | None, Aliases("threads_per_runtime"), NotYet(WORKERS)] = None
    """Workers that share one runtime."""
    thread_stack_size: Annotated[Size | None, NoEffect("workers are processes of one thread")] = None
    """Stack size of worker threads."""
    sched_affinity: Annotated[Any, NotYet(WORKERS)] = None
    """Which processors each worker runs on."""
    max_io_events_per_tick: Annotated[Count | None, NoEffect("the event loop has no such limit")] = None
    """Events that are handled in one turn of the event loop."""
    openssl_async_job_init_size: Annotated[Count | None, NoEffect(_OPENSSL)] = None
    """Asynchronous jobs of OpenSSL at the start."""
    openssl_async_job_max_size: Annotated[Count | None, NoEffect(_OPENSSL)] = None
    """Asynchronous jobs of OpenSSL at most."""
