"""The supervisor: keeps the listening sockets open and the workers alive, and brings changes to all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from dataclasses import replace
from typing import Any

from ..config import Config
from ..config.escaper.floating import Publication
from ..io.listening import HANDSHAKES, hold_back
from ..io.waiting import wait_at_most
from ..server.context import ServerStats
from ..shared.memory import Counters, Layout
from ..worker.process import Inheritance
from ..worker.worker import Quit
from .errors import ApplyError, StartError
from .handover import HandoverError, give, tell
from .link import LinkError, RefusedError
from .messages import Abandon, Commit, End, Plan, Prepare, Start, Stay
from .slot import CHANGE_PATIENCE, Process, Slot, tell_each
from .sockets import Key, Sockets, Staged, plan
from .start_worker import start_worker

__all__ = ["Supervisor"]

log = logging.getLogger(__name__)

START_PATIENCE = 60.0
"""Seconds that a worker has to build everything."""

END_PATIENCE = 10.0
"""Seconds that a worker has beyond the timers of `runtime`; then it is killed."""


class Supervisor:
    """Serves through workers until it is told to end. Lives on one asyncio event loop, which is never uvloop's."""

    def __init__(self, config: Config, workers: int, sockets: Sockets, staged: Staged, group: str = "") -> None:
        """``staged`` are the sockets of the configuration, of which ``sockets`` has those that listen already."""
        self.config = replace(config, warnings=())
        self.sockets = sockets
        self.layout = Layout()
        self.counters = Counters(workers)
        self.slots = [Slot(number) for number in range(workers)]
        self.leaving = False
        """On the way to the end, with open sockets yet."""
        self.closed = False
        """The listening sockets are closed for good."""
        self.changing = asyncio.Lock()
        """Held while a configuration is being applied or the sockets are handed over."""
        self.reloading = asyncio.Lock()
        """Held while a configuration is being read and applied: one after the other."""
        self.published: dict[str, Publication] = {}  # by the names of escapers
        self._group, self._staged = group, staged
        self._version = 1
        self._how = Quit.GRACEFUL
        self._go = asyncio.Event()
        self._end = asyncio.Event()
        self._absent: set[int] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._chores: set[asyncio.Task[None]] = set()
        self._leave: asyncio.Task[None] | None = None
        self._extend_layout(config)
        for sock in sockets.commit(staged).values():
            sock.close()

    async def start(self, *, all_workers: bool = False) -> None:
        """Start the workers and wait until they have built everything; they do not accept before `go`.

        Raises StartError if no worker can, or not ``all_workers`` if that is asked for.
        """
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self.slots]
        failures = [failure for slot in self.slots if (failure := await slot.first) is not None]
        if failures and (all_workers or len(failures) == len(self.slots)):
            raise StartError(failures[0])

    async def go(self) -> None:
        """Begin to accept; return when all workers do that could be started."""
        try:
            self.sockets.listen(self._staged)
        except OSError as error:
            raise StartError(f"cannot listen: {error.strerror or error}") from None
        self._go.set()
        for name, keys in self.sockets.servers.items():
            for address in dict.fromkeys(self.sockets[key].getsockname()[:2] for key in keys):
                log.info("server %s listens on %s port %d", name, *address)
        await self.settled()

    async def settled(self) -> None:
        """Wait until the first start is over: whoever has heard that we listen may ask something at once."""
        for slot in self.slots:
            await slot.settled.wait()

    async def ended(self) -> None:
        """Wait until the last worker has ended."""
        await asyncio.gather(*self._keepers)

    def leave(self) -> bool:
        """Begin the graceful end; False if the end has begun already."""
        if self.closed or self.leaving:
            return False
        self.leaving = True
        self._leave = asyncio.create_task(self._leave_slowly())
        return True

    def stay(self) -> bool:
        """Take `leave` back; False if it is too late, or has not been called."""
        if self.closed or self._leave is None:
            return False
        self._leave.cancel()
        self._leave = None
        self.leaving = False
        self._chore(self._tell_all(Stay(online=True)))
        return True

    def quit(self, how: Quit) -> None:
        """Close the listening sockets and let the workers end in this way; a second AT_ONCE kills them."""
        if self._leave is not None and how is Quit.AT_ONCE:
            self._leave.cancel()
        again = self.closed and how is Quit.AT_ONCE and self._how is Quit.AT_ONCE
        self._how = how
        self.closed = True
        self.sockets.close()
        self._end.set()
        for slot in self.slots:
            if slot.process is not None and not slot.process.ended.done():
                slot.state = "draining"
                if again:
                    slot.process.kill()
        self._chore(self._see_off(how))

    async def _leave_slowly(self) -> None:
        self._chore(self._tell_all(Stay(online=False)))
        await asyncio.sleep(self.config.runtime.server_offline_delay)
        self.sockets.hold_back()
        await asyncio.sleep(HANDSHAKES)
        self._leave = None
        self.quit(Quit.OFFLINE)

    async def hand_over(self, sock: socket.socket, early: bytes) -> bool:
        """Give the sockets to a successor that asks for them on this connection; whether it has taken them."""
        with sock:
            try:
                if self.closed or self.leaving or self.changing.locked():
                    await tell(sock, {"op": "refused", "reason": "it ends, or another change is under way"})
                    return False
                async with self.changing:
                    kept = set(await give(sock, early, dict(self.sockets.items())))
                    if self.closed:
                        return False
                    # Nobody knocks in vain: where the successor has no socket, the queue is served to its end.
                    others = [other for key, other in self.sockets.items() if key not in kept]
                    for other in others:
                        hold_back(other)
                    if others:
                        await asyncio.sleep(HANDSHAKES)
                    await tell(sock, {"op": "going"})
            except (HandoverError, OSError) as error:
                log.warning("no upgrade, going on as before: %s", error)
                return False
        return True

    async def _see_off(self, how: Quit) -> None:
        runtime = self.config.runtime
        patience = runtime.task_quit_timeout + END_PATIENCE
        if how is not Quit.AT_ONCE:
            patience += runtime.task_wait_delay + runtime.task_wait_timeout
        self._chore(self._tell_all(End(how)))
        await asyncio.wait(self._keepers, timeout=patience)
        if self._how is how:
            for slot in self.slots:
                if slot.process is not None and not slot.process.ended.done():
                    log.error("%s (pid %d) does not end: it is killed", slot.name, slot.process.pid)
                    slot.process.kill()

    async def apply(self, config: Config) -> None:
        """Let all workers serve with another configuration, or none. Raises ApplyError."""
        async with self.changing:
            if self.closed:
                raise ApplyError("the daemon is about to end")
            config = replace(config, warnings=())
            try:
                self._extend_layout(config)
                staged = self.sockets.stage(config)
            except (OSError, ValueError) as error:
                raise ApplyError(error.strerror or str(error) if isinstance(error, OSError) else str(error)) from None
            slots = [slot for slot in self.slots if slot.serving]
            async with contextlib.AsyncExitStack() as stack:
                for slot in slots:
                    await stack.enter_async_context(slot.changing)
                await self._change(config, staged, slots)
        await self._rebalance()

    async def _change(self, config: Config, staged: Staged, slots: list[Slot]) -> None:
        plans = {slot: self._plan(slot.number, staged.servers) for slot in slots}
        outcomes = await asyncio.gather(
            *(self._prepare(slot, config, plans[slot], staged) for slot in slots), return_exceptions=True
        )
        failure = next((str(outcome) for outcome in outcomes if isinstance(outcome, ApplyError)), None)
        if failure is None and not self.closed:
            try:
                self.sockets.listen(staged)
            except OSError as error:
                failure = f"cannot listen: {error.strerror or error}"
        if failure is not None or self.closed:
            await tell_each(slots, Abandon())
            self.sockets.abandon(staged)
            raise ApplyError(failure or "the daemon is about to end")
        retired = self.sockets.commit(staged)
        self.config = config
        self._version += 1
        version = self._version
        if retired:
            for sock in retired.values():
                hold_back(sock)
            await asyncio.sleep(HANDSHAKES)
            for sock in retired.values():
                sock.close()
        for slot, outcome in zip(slots, await tell_each(slots, Commit()), strict=True):
            if outcome is None:
                slot.version, slot.plan = version, plans[slot]
            elif not isinstance(outcome, LinkError):
                log.error("%s cannot serve with the new configuration and is replaced: %s", slot.name, outcome)
                if slot.process is not None:
                    slot.process.kill()

    async def _prepare(self, slot: Slot, config: Config, plan: Plan, staged: Staged | None = None) -> None:
        """Let a worker build a configuration. Raises ApplyError, and LinkError if the worker dies."""
        has = {key for keys in slot.plan.values() for key in keys}
        new = tuple(sorted({key for keys in plan.values() for key in keys} - has))
        fresh = staged.fresh if staged is not None else {}
        fds = [(fresh.get(key) or self.sockets[key]).fileno() for key in new]
        try:
            async with asyncio.timeout(CHANGE_PATIENCE):
                await slot.ask(Prepare(config, plan, new, self.layout.columns), fds)
        except RefusedError as error:
            raise ApplyError(f"{slot.name}: {error}") from None
        except TimeoutError:
            raise ApplyError(f"{slot.name} did not answer within {CHANGE_PATIENCE:g} seconds") from None

    async def _bring_up_to_date(self, slot: Slot) -> None:
        """Bring a worker to the configuration and the sockets that it should have; its lock is held."""
        while not self.closed:
            config, version, plan = self.config, self._version, self._plan(slot.number)
            if (slot.version, slot.plan) == (version, plan):
                return
            await self._prepare(slot, config, plan)
            await slot.ask(Commit())
            slot.version, slot.plan = version, plan

    async def _rebalance(self) -> None:
        """Let those that serve take care of the sockets of those that do not."""
        for slot in self.slots:
            if slot.serving and not self.closed:
                with contextlib.suppress(LinkError):
                    async with slot.changing:
                        try:
                            await self._bring_up_to_date(slot)
                        except (ApplyError, RefusedError) as error:
                            log.error("%s cannot take over sockets: %s", slot.name, error)

    def _plan(self, number: int, servers: dict[str, tuple[Key, ...]] | None = None) -> Plan:
        """What a worker listens on; ``servers`` are the sockets of each server if those are not the present ones."""
        return plan(self.sockets.servers if servers is None else servers, number, len(self.slots), self._absent)

    def _extend_layout(self, config: Config) -> None:
        for name in config.servers:
            self.layout.add_group(f"server {name}", ServerStats)

    async def _keep(self, slot: Slot) -> None:
        """Have a worker in this place as long as the sockets are open."""
        loop = asyncio.get_running_loop()
        while not self.closed:
            began = loop.time()
            try:
                process = slot.process = self._spawn(slot)
            except OSError as error:
                how = f"cannot be started: {error.strerror or error}"
            else:
                how = await self._attend(slot, process)
            if not slot.first.done():
                slot.first.set_result(f"{slot.name} {how}")
            if self.closed:
                log.debug("%s %s", slot.name, how)
                return
            pause = slot.pause_after(loop.time() - began)
            if not pause:
                log.error("%s %s: it is replaced", slot.name, how)
                continue
            log.critical(
                "%s %s: dead %d times in a row; the next one begins in %g s, and others serve its sockets till then",
                *(slot.name, how, slot.deaths, pause),
            )
            self._absent.add(slot.number)
            self._chore(self._rebalance())
            slot.state = "waiting"
            await wait_at_most(pause, self._end)

    async def _attend(self, slot: Slot, process: Process) -> str:
        """Bring a process to work and wait for its end; return how it ended."""
        bringing = asyncio.create_task(self._bring_to_work(slot, process))
        status = await process.ended
        slot.serving = False
        slot.settled.set()
        bringing.cancel()
        why = (await asyncio.gather(bringing, return_exceptions=True))[0]
        self.counters.zero(slot.number, self.layout.gauges)
        code = os.waitstatus_to_exitcode(status)
        how = f"(pid {process.pid}) ended with {f'signal {-code}' if code < 0 else code}"
        return f"{how}: {why}" if isinstance(why, str) else how

    async def _bring_to_work(self, slot: Slot, process: Process) -> str | None:
        """Return why it does not work out; the process ends then."""
        slot.state = "starting"
        try:
            async with slot.changing:
                async with asyncio.timeout(START_PATIENCE):
                    await process.link.ask(Start())
                if not slot.first.done():
                    slot.first.set_result(None)
                await self._go.wait()
                await process.link.ask(Commit())
                await self._bring_up_to_date(slot)
                if self.leaving:
                    await process.link.ask(Stay(online=False))
                slot.serving = True
                slot.state = "running"
                slot.settled.set()
            if slot.number in self._absent:
                self._absent.discard(slot.number)
                self._chore(self._rebalance())
        except LinkError:
            return None  # how it ended is all there is to know
        except (RefusedError, ApplyError) as error:
            process.kill()
            return str(error)
        except TimeoutError:
            process.kill()
            return f"it was not ready within {START_PATIENCE:g} seconds"
        except Exception:
            log.exception("a fault of ours in bringing %s to work", slot.name)
            process.kill()
        return None

    def _spawn(self, slot: Slot) -> Process:
        slot.version, slot.plan = self._version, self._plan(slot.number)
        inheritance = Inheritance(
            number=slot.number,
            supervisor=os.getpid(),
            config=self.config,
            plan=slot.plan,
            sockets={key: self.sockets[key] for keys in slot.plan.values() for key in keys},
            row=self.counters.row(slot.number),
            columns=self.layout.columns,
            group=self._group,
            published=self.published,
        )
        return start_worker(inheritance)

    def _reap(self) -> None:
        for slot in self.slots:
            if slot.process is not None:
                slot.process.reap()

    async def _tell_all(self, request: Any) -> None:
        await tell_each([slot for slot in self.slots if slot.process is not None], request)

    async def ask_all(self, request: Any) -> list[Any]:
        """Ask all workers that serve; return the answers of those that gave one."""
        await self.settled()
        slots = [slot for slot in self.slots if slot.serving]
        outcomes = await asyncio.gather(*(slot.ask(request) for slot in slots), return_exceptions=True)
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    def _chore(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
