"""The process around the supervisor: what happens from the command line to the first worker, and its signals."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable

from ..config import Config
from ..system.options import RunOptions
from ..worker.worker import Quit
from .sockets import Sockets
from .supervisor import StartError, Supervisor

__all__ = ["run"]

log = logging.getLogger(__name__)


def run(config: Config, options: RunOptions) -> int:
    """Serve until a signal ends it; return the exit code."""
    set_up_process_log(options.verbosity)
    if config.runtime.thread_name is not None:
        set_process_name(config.runtime.thread_name)
    # Workers come of forks: whatever is collected now, no worker has to; and a child should begin without a collection.
    gc.disable()
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(_serve(config, options))


def set_up_process_log(verbosity: int) -> None:
    """What the process says about itself goes to standard error; standard output belongs to the task log."""
    level = logging.DEBUG if verbosity > 1 else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")


def set_process_name(name: str) -> None:
    """What ps and top show; the kernel keeps 15 bytes of it."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)


def workers_of(config: Config) -> int:
    """How many workers a configuration asks for: one for each processor that we may use, unless it says."""
    number = config.worker.thread_number if config.worker is not None else None
    return number or len(os.sched_getaffinity(0))


async def _serve(config: Config, options: RunOptions) -> int:
    workers = workers_of(config)
    sockets = Sockets(workers)
    try:
        staged = sockets.stage(config)
    except OSError as error:
        log.error("%s", error)
        return 1
    supervisor = Supervisor(config, workers, sockets, staged, options.group)
    loop = asyncio.get_running_loop()
    for number, action in _actions(supervisor).items():
        loop.add_signal_handler(number, action)
    try:
        await supervisor.start()
        await supervisor.go()
    except StartError as error:
        log.error("%s", error)
        supervisor.quit(Quit.AT_ONCE)
        await supervisor.ended()
        return 1
    await supervisor.ended()
    log.info("the end")
    return 0


def _actions(supervisor: Supervisor) -> dict[signal.Signals, Callable[[], None]]:
    def leave() -> None:
        if supervisor.leave():
            log.info("SIGTERM: going to end (%s)", Quit.GRACEFUL.value)

    def quit_at_once() -> None:
        log.info("going to end (%s)", Quit.AT_ONCE.value)
        supervisor.quit(Quit.AT_ONCE)

    return {signal.SIGTERM: leave, signal.SIGINT: quit_at_once, signal.SIGQUIT: quit_at_once}
