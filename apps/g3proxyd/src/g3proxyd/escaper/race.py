"""Connecting to whichever address of a name answers first: the driver of the happy eyeballs machine."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from g3_acl import unmap
from g3_escape import Cancel, Dial, Failed, Failure, Family, HappyEyeballs, Pace

from ..resolver.base import Answer, Query
from .base import ConnectNotes, SocketAddress
from .dial import Report, begin_connect, connect_failed, dial, note_connected, timed_out
from .errors import ConnectReason, TcpConnectError
from .sockets import Host, OutgoingSockets

Ask = Callable[[Family, Callable[[Answer], None]], Answer | Query]
"""Asks for the addresses of one family, as `Resolver.query` does for a domain."""


@dataclass(frozen=True, slots=True)
class Course:
    """The rules of a race: those of the escaper's configuration, perhaps narrowed by the user's."""

    families: tuple[Family, ...]
    """The families to ask for, the preferred one first."""
    pace: Pace
    shuffle: Callable[[list[Host]], object] | None = None
    """Puts the addresses of one family in order, in place; None leaves the order of the answer."""


@dataclass(slots=True)
class Attempt:
    """One address that is being connected to."""

    sock: socket.socket
    address: SocketAddress
    bind_ip: Host | None


class Race:
    """One connection to a name, while the name is still being resolved perhaps."""

    __slots__ = (
        "_answers",
        "_attempts",
        "_course",
        "_error",
        "_loop",
        "_machine",
        "_network_error",
        "_notes",
        "_outcome",
        "_port",
        "_queries",
        "_report",
        "_sockets",
        "_started",
        "_timer",
        "_timer_at",
        "_waiter",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: OutgoingSockets,
        port: int,
        course: Course,
        notes: ConnectNotes,
        report: Report | None = None,
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._port = port
        self._course = course
        self._notes = notes
        self._report = report
        self._machine: HappyEyeballs[Host]
        self._attempts: dict[int, Attempt] = {}
        self._queries: list[Query] = []
        self._answers: dict[Family, Answer] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._started = 0.0
        self._error: TcpConnectError | None = None
        self._network_error: TcpConnectError | None = None
        self._outcome: socket.socket | TcpConnectError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def run(self, ask: Ask) -> socket.socket:
        """Resolve and connect; the caller owns the socket.

        Raises TcpConnectError. Whatever else happens, a cancellation for instance, leaves nothing open.
        """
        try:
            only = self._ask(ask)
            if only is not None:
                timeout = self._course.pace.each_timeout
                return await dial(self._loop, self._sockets, only, self._port, timeout, self._notes, self._report)
            self._machine = HappyEyeballs(self._course.families, self._course.pace, self._course.shuffle)
            for family, answer in tuple(self._answers.items()):
                self._add(family, answer)
            if self._outcome is None:
                self._waiter = self._loop.create_future()
                await self._waiter
            return self._take_outcome()
        finally:
            self._let_go()

    def _take_outcome(self) -> socket.socket:
        outcome, self._outcome = self._outcome, None
        if isinstance(outcome, socket.socket):
            self._sockets.stats.tcp_connect_establish += 1
            return outcome
        try:
            raise outcome or TcpConnectError(ConnectReason.INTERNAL_SERVER_ERROR)
        finally:
            del outcome  # its traceback knows this frame

    def _ask(self, ask: Ask) -> Host | None:
        """Start all queries; return the one address there is to try, if that is known already."""
        found: tuple[Host, ...] = ()
        for family in self._course.families:
            asked = ask(family, partial(self._answered, family))
            if isinstance(asked, Answer):
                self._answers[family] = asked
                found += asked.addresses
            else:
                self._queries.append(asked)
        return unmap(found[0]) if len(found) == 1 and not self._queries else None

    def _answered(self, family: Family, answer: Answer) -> None:
        self._answers[family] = answer
        self._add(family, answer)

    def _add(self, family: Family, answer: Answer) -> None:
        hosts = [unmap(address) for address in answer.addresses]
        self._machine.add_addresses(family, hosts, self._loop.time())
        self._obey()

    def _obey(self) -> None:
        """Do what the machine wants done, then arm its timer."""
        while (action := self._machine.next_action()) is not None:
            match action:
                case Dial(host, number):
                    self._dial(host, number)
                case Cancel(number, timed_out=overdue):
                    attempt = self._release(number)
                    if attempt is not None and overdue:
                        self._failed(attempt, timed_out(self._sockets.stats))
                case Failed(failure):
                    self._end(self._why(failure))
                case _:
                    pass  # Done: the socket was kept when its success was reported
        self._arm()

    def _dial(self, host: Host, number: int) -> None:
        try:
            attempt = Attempt(*self._sockets.open(host, self._port))
        except TcpConnectError as error:
            self._error = error
            self._machine.attempt_failed(number, self._loop.time())
            return
        if self._notes.tcp_connect_tries == 0:
            self._started = time.monotonic()
        self._notes.tcp_connect_tries += 1
        self._sockets.stats.tcp_connect_attempt += 1
        self._attempts[number] = attempt
        code = begin_connect(attempt.sock, attempt.address)
        if code == errno.EINPROGRESS:
            self._loop.add_writer(attempt.sock, self._ready, number)
        else:
            self._settle(number, code)

    def _ready(self, number: int) -> None:
        code = self._attempts[number].sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._settle(number, code)
        self._obey()

    def _settle(self, number: int, code: int) -> None:
        """An attempt has its result: tell the machine."""
        attempt = self._attempts[number]
        if code:
            self._release(number)
            self._failed(attempt, connect_failed(code, self._sockets.stats))
            self._machine.attempt_failed(number, self._loop.time())
        else:
            del self._attempts[number]
            self._loop.remove_writer(attempt.sock)
            self._won(attempt)
            self._machine.attempt_succeeded(number)

    def _won(self, attempt: Attempt) -> None:
        self._describe(attempt)
        try:
            note_connected(attempt.sock, self._notes, self._sockets.stats)
        except TcpConnectError as error:
            attempt.sock.close()
            self._end(error)
        else:
            self._end(attempt.sock)

    def _failed(self, attempt: Attempt, error: TcpConnectError) -> None:
        self._describe(attempt)
        self._network_error = error
        if self._report is not None:
            self._report(error)

    def _describe(self, attempt: Attempt) -> None:
        self._notes.next_peer_addr = attempt.address
        self._notes.next_bind_ip = attempt.bind_ip
        self._notes.tcp_connect_spend = time.monotonic() - self._started

    def _why(self, failure: Failure) -> TcpConnectError:
        """What to tell: the latest failure of the network, else our latest refusal, else what the resolver said."""
        if self._network_error is not None:
            return self._network_error
        if self._error is not None:
            return self._error
        if failure is Failure.RESOLUTION_TIMEOUT:
            return TcpConnectError(ConnectReason.TIMEOUT_BY_RULE)
        for answer in self._answers.values():
            if answer.error is not None:
                return TcpConnectError(ConnectReason.RESOLVE_FAILED, resolve_error=answer.error.fresh())
        return TcpConnectError(ConnectReason.NO_ADDRESS_CONNECTED)

    def _end(self, outcome: socket.socket | TcpConnectError) -> None:
        self._outcome = outcome
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _arm(self) -> None:
        due = None if self._outcome is not None else self._machine.next_timeout()
        if due != self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = due
            self._timer = None if due is None else self._loop.call_at(due, self._due, due)

    def _due(self, due: float) -> None:
        self._timer = self._timer_at = None
        # The clock of the loop may be coarser than the timer was: what fired is due.
        self._machine.handle_timeout(max(due, self._loop.time()))
        self._obey()

    def _release(self, number: int) -> Attempt | None:
        """Close an attempt, if it is still there."""
        attempt = self._attempts.pop(number, None)
        if attempt is not None:
            self._loop.remove_writer(attempt.sock)
            attempt.sock.close()
        return attempt

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for query in self._queries:
            query.cancel()
        for number in list(self._attempts):
            self._release(number)
        if isinstance(self._outcome, socket.socket):  # cancelled at the very moment of success
            self._outcome.close()
        # A failure knows us by its traceback, and so does a query: leave no cycle for the garbage collector.
        self._queries.clear()
        self._error = self._network_error = self._outcome = None
