"""One worker as the supervisor sees it: the present process, and how often its forerunners died."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable
from typing import Any

from .link import Link
from .messages import Plan

__all__ = ["CHANGE_PATIENCE", "Process", "Slot", "tell_each"]

FREE = 3
"""Replacements that begin at once, one after the other."""

QUICK = 1.0
"""Seconds: a worker that dies earlier may well die again."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""Seconds to wait for the next replacement when workers keep dying; doubled each time up to the longest."""


CHANGE_PATIENCE = 20.0
"""Seconds that a worker has to build what a reload changes."""


class Process:
    """A worker's process, our child."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The status of waitpid()."""
        self.link = Link(sock, _no_requests, _nothing)

    def reap(self) -> None:
        """See whether it has ended."""
        if not self.ended.done():
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.ended.set_result(status)
                    self.link.close()

    def kill(self) -> None:
        """End it without asking."""
        if not self.ended.done():  # a pid that has been waited for may belong to somebody else
            os.kill(self.pid, signal.SIGKILL)


class Slot:
    """The place of one worker. Its number stays, processes come and go."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: Process | None = None
        self.state = "starting"
        """One word for people."""
        self.serving = False
        """The worker has begun to accept and has not ended."""
        self.first: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        """How the first start went: None when everything was built, else why not."""
        self.settled = asyncio.Event()
        """The first start is over: the worker serves, or has ended."""
        self.version = 0
        """The configuration that the worker has."""
        self.plan: Plan = {}
        self.changing = asyncio.Lock()
        """Held while the worker goes from one configuration to the next."""
        self._deaths = 0

    @property
    def name(self) -> str:
        """As logs call it."""
        return f"worker {self.number + 1}"

    async def ask(self, request: object, fds: list[int] | None = None) -> Any:
        """Ask the present process. Raises LinkError and RefusedError."""
        if self.process is None:
            raise RuntimeError(f"{self.name} has not begun")
        return await self.process.link.ask(request, fds or ())

    def pause_after(self, lived: float) -> float:
        """How many seconds to wait for the next process after one that lived so long."""
        self._deaths = self._deaths + 1 if lived < QUICK else 1
        if self._deaths <= FREE:
            return 0.0
        return min(FIRST_PAUSE * 2.0 ** min(self._deaths - FREE - 1, 30), LONGEST_PAUSE)

    @property
    def deaths(self) -> int:
        """Deaths in a row that came too soon."""
        return self._deaths


async def tell_each(slots: Iterable[Slot], request: object) -> list[Exception | None]:
    """Ask several workers for the same; what went wrong with each."""

    async def ask(slot: Slot) -> None:
        async with asyncio.timeout(CHANGE_PATIENCE):
            await slot.ask(request)

    outcomes = await asyncio.gather(*map(ask, slots), return_exceptions=True)
    return [outcome if isinstance(outcome, Exception) else None for outcome in outcomes]


async def _no_requests(request: object, fds: list[int]) -> Any:
    raise TypeError("a supervisor answers nothing")


def _nothing() -> None:
    """The end of the process is what counts, not that of its link."""
