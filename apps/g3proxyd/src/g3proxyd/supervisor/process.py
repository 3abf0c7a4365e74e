"""The process around the supervisor: from the command line to the first worker, its signals, and its successor."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from ..config import Config
from ..control.operations import OperationError
from ..control.paths import default_directory, group_socket, process_socket
from ..control.server import ControlServer, Limits, peer_pid
from ..system import affinity
from ..system.activation import inherited_sockets
from ..system.background import Launch, PidFile, daemonize
from ..system.notify import Notifier
from ..system.options import RunOptions
from ..system.syslog import Syslog
from ..worker.worker import Quit
from .errors import StartError
from .handover import HandoverError, Predecessor, meet
from .operations import SupervisorOperations
from .sockets import Sockets
from .supervisor import Supervisor

__all__ = ["run"]

log = logging.getLogger(__name__)


def run(config: Config, options: RunOptions) -> int:
    """Serve until a signal ends it; return the exit code."""
    set_up_process_log(options.verbosity, background=options.daemon)
    if config.runtime.thread_name is not None:
        set_process_name(config.runtime.thread_name)
    launch = None
    try:
        activated = inherited_sockets()
        if options.daemon:
            launch = daemonize()
        daemon = Daemon(config, options, activated, launch)
        # Workers come of forks: what a child would collect, it would have to copy first.
        gc.disable()
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(daemon.serve())
    except (StartError, HandoverError, OSError) as error:
        text = str(error) if not isinstance(error, OSError) else error.strerror or str(error)
        log.error("%s", text)
        if launch is not None:
            launch.failed(text)
        return 1
    log.info("the end")
    return 0


def set_up_process_log(verbosity: int, *, background: bool = False) -> None:
    """What the process says about itself goes to standard error; standard output belongs to the task log.

    In the ``background`` standard error leads nowhere: what is said there goes to syslog as well, where there is one.
    """
    level = logging.DEBUG if verbosity > 1 else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
    if background:
        with contextlib.suppress(OSError):
            logging.getLogger().addHandler(Syslog())


def set_process_name(name: str) -> None:
    """What ps and top show; the kernel keeps 15 bytes of it."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)


def workers_of(config: Config) -> int:
    """How many workers a configuration asks for: one for each processor that we may use, unless it says."""
    number = config.worker.thread_number if config.worker is not None else None
    return number or len(os.sched_getaffinity(0))


class Daemon:
    """One generation of the service."""

    def __init__(
        self, config: Config, options: RunOptions, activated: list[socket.socket], launch: Launch | None = None
    ) -> None:
        """``activated`` are sockets from systemd; ``launch`` is told when the daemon is ready."""
        self._config = config
        self._options = options
        self._activated = activated
        self._launch = launch
        self._workers = workers_of(config)
        self._setting = config.worker.sched_affinity if config.worker is not None else None
        self._notifier = Notifier.from_environment() if options.systemd else Notifier()
        self._pid_file = PidFile(options.pid_file) if options.pid_file is not None else None
        self._directory = options.control_dir or default_directory()
        self._chores: set[asyncio.Task[None]] = set()
        self._reload_wanted = asyncio.Event()

    async def serve(self) -> None:
        """Serve until the end. Raises StartError, HandoverError and OSError when it cannot begin."""
        affinity.check(self._setting, self._workers)
        predecessor = meet(self._group_socket) if self._options.replaceable else None
        try:
            supervisor = self._supervisor(predecessor)
        except BaseException:
            if predecessor is not None:
                predecessor.close()
            raise
        operations = SupervisorOperations(supervisor, leave=self._leave, stay=self._stay)
        local = self._config.controller.local
        limits = Limits(receive_timeout=local.recv_timeout, send_timeout=local.send_timeout)
        give = self._hand_over if self._options.replaceable else None
        control = self._control = ControlServer(operations, (), limits, give)
        self.supervisor, self.operations = supervisor, operations
        self._handle_signals()
        try:
            await self._begin(supervisor, control, predecessor)
            await supervisor.ended()
        finally:
            if not supervisor.closed:  # it could not begin
                supervisor.quit(Quit.AT_ONCE)
                await supervisor.ended()
            for chore in self._chores:
                chore.cancel()
            await control.close()
            if self._pid_file is not None:
                self._pid_file.remove()

    @property
    def _group_socket(self) -> Path:
        return group_socket(self._directory, self._options.group)

    def _supervisor(self, predecessor: Predecessor | None) -> Supervisor:
        sockets = Sockets(self._workers, self._cpu_of)
        if predecessor is not None:
            sockets.take_over(predecessor.sockets)
        for sock in sockets.take_activated(self._activated, self._config):
            log.warning("systemd's socket %s port %d is closed: no server listens there", *sock.getsockname()[:2])
            sock.close()
        staged = sockets.stage(self._config)
        return Supervisor(self._config, self._workers, sockets, staged, self._options.group)

    def _cpu_of(self, worker: int) -> int | None:
        """The processor whose connections a worker's sockets are to get."""
        cpus = affinity.cpus_of(worker, self._setting if self._setting is not None else True)
        return min(cpus) if cpus else None

    async def _begin(self, supervisor: Supervisor, control: ControlServer, predecessor: Predecessor | None) -> None:
        try:
            await supervisor.start(all_workers=predecessor is not None)
            if self._pid_file is not None:
                self._pid_file.take(from_process=predecessor.pid if predecessor is not None else None)
            self._open_control(control)
        except BaseException:
            if predecessor is not None:
                predecessor.close()
            raise
        await supervisor.go()
        if predecessor is not None:
            try:
                predecessor.release([key for keys in supervisor.sockets.servers.values() for key in keys])
            except HandoverError as error:
                log.warning("serving beside the predecessor (pid %d): %s", predecessor.pid, error)
            else:
                log.info("took over from the process %d", predecessor.pid)
        self._notifier.main_pid(os.getpid())
        self._notifier.ready()
        if self._notifier.watchdog_seconds is not None:
            self._chore(self._feed_watchdog(self._notifier.watchdog_seconds / 2))
        self._chore(self._reload_when_wanted())
        if self._launch is not None:
            self._launch.ready()

    def _open_control(self, control: ControlServer) -> None:
        """Open the control sockets; without them only a daemon that nobody replaces can serve. Raises OSError."""
        try:
            control.listen(process_socket(self._directory, self._options.group, os.getpid()))
            if self._options.replaceable:
                control.listen(self._group_socket)
        except OSError as error:
            text = f"no control socket in {self._directory}: {error.strerror or error}"
            if self._options.replaceable:
                raise OSError(error.errno, text) from None
            log.warning("%s", text)

    # --- signals, and what the control socket asks for ---

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGINT, self._quit)
        loop.add_signal_handler(signal.SIGQUIT, self._quit)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    def _leave(self) -> bool:
        if not self.supervisor.leave():
            return False
        log.info("going to end (%s)", Quit.GRACEFUL.value)
        self._notifier.stopping()
        return True

    def _stay(self) -> bool:
        if not self.supervisor.stay():
            return False
        log.info("staying after all")
        self._notifier.ready()
        return True

    def _quit(self) -> None:
        log.info("going to end (%s)", Quit.AT_ONCE.value)
        self._notifier.stopping()
        self.supervisor.quit(Quit.AT_ONCE)

    def _hand_over(self, sock: socket.socket, early: bytes) -> None:
        self._chore(self._give_way(sock, early))

    async def _give_way(self, sock: socket.socket, early: bytes) -> None:
        successor = peer_pid(sock)
        if await self.supervisor.hand_over(sock, early):
            log.info("a successor has taken over: going to end (%s)", Quit.REPLACED.value)
            self.supervisor.quit(Quit.REPLACED)
        elif not self.supervisor.closed:
            self._take_back(successor)

    def _take_back(self, successor: int) -> None:
        """Have the files again that a successor took before it failed."""
        try:
            taken = self._control.take_back()
            if self._pid_file is not None:
                taken |= self._pid_file.take_back(successor)
        except OSError as error:
            log.error("after the upgrade that failed: %s", error)
        else:
            if taken:
                log.info("the control socket and the pid file are this process's again")

    async def _reload_when_wanted(self) -> None:
        """Serve SIGHUP: those that come during a reload lead to one more."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading()
            try:
                await self.operations.reload()
            except OperationError:
                pass  # it has been logged
            except Exception:
                log.exception("a fault of ours in a reload")
            self._notifier.ready()

    async def _feed_watchdog(self, interval: float) -> None:
        while True:
            self._notifier.watchdog()
            await asyncio.sleep(interval)

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
