"""A worker's process, begun."""

from __future__ import annotations

from functools import partial

from ..worker import process as worker_process
from ..worker.preload import preload
from . import spawn
from .slot import Process

__all__ = ["start_worker"]


def start_worker(inheritance: worker_process.Inheritance) -> Process:
    """Fork a worker that has this. Raises OSError when there is no room for another process."""
    preload(inheritance.config)
    child = partial(worker_process.main, inheritance)
    return Process(*spawn.fork(child, [sock.fileno() for sock in inheritance.sockets.values()]))
