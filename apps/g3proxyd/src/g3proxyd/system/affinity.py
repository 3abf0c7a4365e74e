"""Which processors a worker runs on: sched_setaffinity(2) by `worker.sched_affinity`."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from ..config.values.affinity import Affinity, CpuSet, format_cpus, parse_cpu_set
from ..config.values.mistake import MistakeError

__all__ = ["AffinityError", "apply", "check", "cpus_of", "existing_cpus"]

log = logging.getLogger(__name__)

_ONLINE = Path("/sys/devices/system/cpu/online")


class AffinityError(OSError):
    """Processors that a worker cannot run on."""


def cpus_of(worker_number: int, setting: Affinity | None, environment: Mapping[str, str] = os.environ) -> CpuSet | None:
    """The processors of a worker, which are counted from 0; None leaves it where it is.

    With True it is what `WORKER_<number>_CPU_LIST` says, or else one processor of those that this process may use, in
    their order and again from the first when there are more workers. Raises AffinityError for a variable that says
    nothing useful.
    """
    if setting is None:
        return None
    if setting is not True:
        return setting.get(worker_number)
    variable = f"WORKER_{worker_number}_CPU_LIST"
    if variable in environment:
        try:
            return parse_cpu_set(environment[variable])
        except MistakeError as error:
            (mistake,) = error.mistakes
            message = f"{variable} in the environment: {mistake.message}; expected {mistake.expected}"
            raise AffinityError(message) from None
    usable = sorted(os.sched_getaffinity(0))
    return frozenset((usable[worker_number % len(usable)],))


def check(setting: Affinity | None, workers: int, environment: Mapping[str, str] = os.environ) -> None:
    """Look, before there are workers, at what so many of them would be told.

    Raises AffinityError when none of a worker's processors exists.
    """
    existing = existing_cpus()
    for worker in range(workers):
        cpus = cpus_of(worker, setting, environment)
        if cpus is not None and not cpus & existing:
            raise AffinityError(_nowhere(worker, cpus, existing))


def apply(worker_number: int, setting: Affinity | None, environment: Mapping[str, str] = os.environ) -> None:
    """Keep this process on the processors of the worker that it is.

    Processors that do not exist or are not for this process to use are left out with a warning. Raises AffinityError
    when none is left. To be called once, with the processors that the process was started with.
    """
    cpus = cpus_of(worker_number, setting, environment)
    if cpus is None:
        return
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise AffinityError(f"worker {worker_number} cannot choose its processors: {error.strerror}") from None
        raise AffinityError(_nowhere(worker_number, cpus, existing_cpus())) from None
    if left_out := cpus - os.sched_getaffinity(0):
        log.warning("worker %d cannot run on processors %s", worker_number, format_cpus(left_out))


def existing_cpus() -> CpuSet:
    """The processors that the machine has and that are switched on."""
    try:
        return parse_cpu_set(_ONLINE.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return frozenset(range(os.cpu_count() or 1))


def _nowhere(worker: int, cpus: CpuSet, existing: CpuSet) -> str:
    return (
        f"worker.sched_affinity: worker {worker} cannot run on processors {format_cpus(cpus)}: "
        f"{format_cpus(existing)} exist here"
    )
