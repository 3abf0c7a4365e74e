"""Connecting through one escaper, and through others when it fails or is slow: the driver of the failover machine."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from g3_escape import Cancel, Dial, Done, Failover, Fallback

from .base import ConnectNotes, Escaper, HttpHop
from .errors import ConnectReason, TcpConnectError

T = TypeVar("T")

Connect = Callable[[Escaper, ConnectNotes], Coroutine[Any, Any, T]]
"""Makes a connection through an escaper."""


@dataclass(slots=True)
class Attempt(Generic[T]):
    """One escaper that connects, with notes of its own."""

    task: asyncio.Task[T]
    notes: ConnectNotes


class FailoverRace(Generic[T]):
    """One connection in the making."""

    def __init__(self, escapers: Sequence[Escaper], fallback: Fallback, connect: Connect[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._machine: Failover[Escaper] = Failover(escapers, self._loop.time(), fallback)
        self._connect = connect
        self._running: dict[int, Attempt[T]] = {}
        self._leaving: list[asyncio.Task[T]] = []
        """Attempts that were cancelled."""
        self._winner: Attempt[T] | None = None
        self._over = False
        self._error: TcpConnectError | None = None

    async def run(self, notes: ConnectNotes) -> T:
        """Return what the first escaper connects that succeeds; ``notes`` become those of that one.

        Raises TcpConnectError, with the notes of the one that failed last. Whatever else happens, a cancellation for
        instance, leaves nothing open.
        """
        try:
            self._obey()
            while not self._over:
                due = self._machine.next_timeout()
                patience = None if due is None else max(due - self._loop.time(), 0.0)
                tasks = [attempt.task for attempt in self._running.values()]
                done, _ = await asyncio.wait(tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not done and due is not None:
                    # The clock of the loop may be coarser than the timer was: what fired is due.
                    self._machine.handle_timeout(max(due, self._loop.time()))
                for number in [number for number, attempt in self._running.items() if attempt.task in done]:
                    self._settle(number, notes)
                self._obey()
            if self._winner is None:
                raise self._error or TcpConnectError(ConnectReason.INTERNAL_SERVER_ERROR)
            copy_notes(self._winner.notes, notes)
            return self._winner.task.result()
        finally:
            self._error = None  # its traceback knows this frame
            await self._let_go()

    def _obey(self) -> None:
        while (action := self._machine.next_action()) is not None:
            match action:
                case Dial(escaper, number):
                    own = ConnectNotes()
                    self._running[number] = Attempt(self._loop.create_task(self._connect(escaper, own)), own)
                case Cancel(number):
                    self._leave(number)
                case Done(number):
                    self._winner = self._running.pop(number)
                    self._over = True
                case _:
                    self._over = True  # Failed

    def _settle(self, number: int, notes: ConnectNotes) -> None:
        """An attempt has its result: tell the machine."""
        attempt = self._running[number]
        try:
            attempt.task.result()
        except TcpConnectError as error:
            self._error = error
            del self._running[number]
            copy_notes(attempt.notes, notes)
            self._machine.attempt_failed(number, self._loop.time())
        else:
            self._machine.attempt_succeeded(number)

    def _leave(self, number: int) -> None:
        attempt = self._running.pop(number, None)
        if attempt is not None:  # it may have failed in the same turn
            attempt.task.cancel()
            attempt.task.add_done_callback(_discard)
            self._leaving.append(attempt.task)

    async def _let_go(self) -> None:
        for number in list(self._running):
            self._leave(number)
        if self._leaving:
            await asyncio.wait(self._leaving)


def _discard(task: asyncio.Task[Any]) -> None:
    """Close what an attempt has connected although nobody wants it any more."""
    if not task.cancelled() and task.exception() is None:
        result = task.result()
        connection = result.connection if isinstance(result, HttpHop) else result
        if connection is not None:
            connection.close()


def copy_notes(source: ConnectNotes, target: ConnectNotes) -> None:
    """Make the target say what the source says."""
    for field in fields(ConnectNotes):
        setattr(target, field.name, getattr(source, field.name))
