"""The `worker` section: worker processes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .keys import Aliases, NoEffect
from .section import Section
from .values.affinity import MAX_WORKERS, SchedAffinity
from .values.mistake import Mistake
from .values.numbers import Count, PositiveCount, integer_from
from .values.size import Size
from .values.value import Value

__all__ = ["WorkerConfig"]

_OPENSSL = "the TLS library has no asynchronous jobs"
_ONE_THREAD = "workers are processes of one thread"

_Workers: TypeAlias = Annotated[
    int,
    Value(
        f"whole number from 1 to {MAX_WORKERS}",
        integer_from(1, MAX_WORKERS),
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_WORKERS},
                {"type": "string", "pattern": r"^\+?[0-9]{1,20}$"},
            ]
        },
    ),
]


class WorkerConfig(Section):
    """Worker processes. They share the work whether this section is there or not."""

    thread_number: Annotated[_Workers | None, Aliases("threads_total", "thread_number_total")] = None
    """How many workers there are; unset is one for each processor that the process may use."""
    thread_number_per_runtime: Annotated[
        PositiveCount | None, Aliases("threads_per_runtime"), NoEffect(_ONE_THREAD)
    ] = None
    """Workers that share one runtime."""
    thread_stack_size: Annotated[Size | None, NoEffect(_ONE_THREAD)] = None
    """Stack size of worker threads."""
    sched_affinity: SchedAffinity = None
    """Which processors each worker runs on: a map from workers, counted from 0, to processors, or true for a processor
    each. With true, the variable `WORKER_0_CPU_LIST` in the environment names those of the worker 0, and so on."""
    max_io_events_per_tick: Annotated[Count | None, NoEffect("the event loop has no such limit")] = None
    """Events that are handled in one turn of the event loop."""
    openssl_async_job_init_size: Annotated[Count | None, NoEffect(_OPENSSL)] = None
    """Asynchronous jobs of OpenSSL at the start."""
    openssl_async_job_max_size: Annotated[Count | None, NoEffect(_OPENSSL)] = None
    """Asynchronous jobs of OpenSSL at most."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.thread_number is not None and isinstance(self.sched_affinity, dict):
            notes += [
                Mistake(f"there is no worker {worker}: thread_number is {self.thread_number}", path=("sched_affinity",))
                for worker in sorted(self.sched_affinity)
                if worker >= self.thread_number
            ]
        return {}
