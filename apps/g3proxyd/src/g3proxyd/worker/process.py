"""The process around a worker: sockets, signals, the process log."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys

import uvloop

from ..config import Config, TcpServerConfig
from ..io.listening import open_listening
from ..log import make_loggers
from .worker import Quit, Worker

log = logging.getLogger(__name__)

LOG_PATIENCE = 5.0
"""Seconds for the last log lines to be written at the end."""

SIGNALS = {signal.SIGTERM: Quit.GRACEFUL, signal.SIGINT: Quit.AT_ONCE, signal.SIGQUIT: Quit.AT_ONCE}
"""As g3proxy has them."""


def run(config: Config, verbosity: int = 0) -> int:
    """Serve until a signal ends it; return the exit code. ``verbosity`` counts -v options."""
    set_up_process_log(verbosity)
    if config.runtime.thread_name is not None:
        set_process_name(config.runtime.thread_name)
    try:
        sockets = open_all(config)
    except OSError as error:
        log.error("%s", error)
        return 1
    loggers = make_loggers(config.log)
    calm_the_collector()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(Worker(config, loggers, sockets)))
    finally:
        loggers.close(LOG_PATIENCE)
    return 0


def open_all(config: Config) -> dict[str, list[socket.socket]]:
    """The listening sockets of all servers by name. Raises OSError that names the server and the address."""
    sockets: dict[str, list[socket.socket]] = {}
    for name, server in config.servers.items():
        if isinstance(server, TcpServerConfig) and server.listen is not None:
            try:
                sockets[name] = open_listening(server.listen, server.tcp_misc_opts)
            except OSError as error:
                for opened in sockets.values():
                    for sock in opened:
                        sock.close()
                where = f"server {name} cannot listen on {server.listen.address}"
                raise OSError(error.errno, f"{where}: {error.strerror or error}") from None
    return sockets


def set_up_process_log(verbosity: int) -> None:
    """What the process says about itself goes to standard error; standard output belongs to the task log."""
    level = logging.DEBUG if verbosity > 1 else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")


def calm_the_collector() -> None:
    """Let the garbage collector skip what lives as long as the process, and look less often at the rest.

    Connections leave no reference cycles behind, so it has next to nothing to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def set_process_name(name: str) -> None:
    """What ps and top show; the kernel keeps 15 bytes of it."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)


async def _serve(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    for number, how in SIGNALS.items():
        loop.add_signal_handler(number, _on_signal, worker, number, how)
    await worker.run()
    log.info("the end")


def _on_signal(worker: Worker, number: signal.Signals, how: Quit) -> None:
    log.info("%s: going to end (%s)", number.name, how.value)
    worker.quit(how)
