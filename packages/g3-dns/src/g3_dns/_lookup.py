"""The addresses of one family of a name, from whichever of several name servers knows them first.

Servers are asked one after the other. One that fails, in whatever way, is followed by the next; one that says that
there is nothing has the last word. An alias that leads out of a response is asked for anew.
"""

from collections import deque
from dataclasses import dataclass, replace

from dns.message import Message
from dns.rdatatype import AAAA, A
from g3_machine import LocalProtocolError

from ._answers import MAX_ALIASES, Alias, Failed, Result, read_answer
from ._events import Failure
from ._question import Question


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How persistent to be. Times are in seconds."""

    tries: int = 2
    """How often each server is asked, in rounds over all of them."""
    each_timeout: float = 5.0
    """How long one server has, whatever transports it takes."""
    total_timeout: float = 30.0
    """How long all of it may take, aliases included."""

    def __post_init__(self) -> None:
        """Raise ValueError for times of zero or less, and for no try."""
        if min(self.each_timeout, self.total_timeout) <= 0 or self.tries < 1:
            raise ValueError("times are more than zero, and there is at least one try")


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this server; report the outcome with the number ``attempt``."""

    attempt: int
    server: int
    """Which one: 0 to below the number of servers."""
    question: Question


@dataclass(frozen=True, slots=True)
class Abandon:
    """Stop asking: this attempt is over time."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Finished:
    """That is the result. Nothing follows."""

    result: Result


LookupAction = Ask | Abandon | Finished

# What a server said about itself tells more than that another one said nothing.
_SILENCE = (Failure.TIMEOUT, Failure.UNREACHABLE)


class Lookup:
    """One lookup. After every call of another verb take `next_action` until it is None, and arm a timer."""

    __slots__ = (
        "_actions",
        "_aliases",
        "_asked",
        "_attempt",
        "_deadline",
        "_failure",
        "_first",
        "_over",
        "_servers",
        "_settings",
        "_total_deadline",
        "_tries",
        "_ttls",
        "question",
    )

    def __init__(
        self, question: Question, servers: int, now: float, settings: LookupSettings | None = None, first: int = 0
    ) -> None:
        """``servers`` is their number, ``first`` the one to begin with.

        Raises LocalProtocolError for no server, a first one that is not there, and types other than A and AAAA.
        """
        if not 0 <= first < servers or question.type not in (A, AAAA):
            raise LocalProtocolError("a lookup is for A or AAAA, and begins with one of its servers")
        self.question = question
        """What is looked up: equal lookups may share one (see `Coalescer`)."""
        self._settings = settings or LookupSettings()
        self._servers = servers
        self._first = first
        self._asked = question
        self._aliases = 0
        self._ttls: list[int] = []
        self._failure = Failure.TIMEOUT
        self._attempt = -1
        self._tries = 0
        self._actions: deque[LookupAction] = deque()
        self._over = False
        self._total_deadline = now + self._settings.total_timeout
        self._deadline: float
        self._ask(now)

    def next_action(self) -> LookupAction | None:
        """Return, once, what is to be done now; None when there is nothing before the next report or timer."""
        return self._actions.popleft() if self._actions else None

    def answered(self, attempt: int, message: Message, now: float, age: int = 0) -> None:
        """The server's response came. Ignored for an attempt that was given up."""
        if not self._is_current(attempt):
            return
        found = read_answer(message, self._asked, age)
        match found:
            case Failed(failure):
                self._next(failure, now)
            case Alias():
                self._follow(found, now)
            case _:
                self._finish(replace(found, ttl=min([found.ttl, *self._ttls])))

    def lost(self, attempt: int, failure: Failure, now: float) -> None:
        """The attempt came to nothing. Ignored for one that was given up."""
        if self._is_current(attempt):
            self._next(failure, now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None after the end."""
        return None if self._over else min(self._deadline, self._total_deadline)

    def handle_timeout(self, now: float) -> None:
        """Go on to the next server, or end, when it is time."""
        if self._over or now < min(self._deadline, self._total_deadline):
            return
        self._actions.append(Abandon(self._attempt))
        self._next(Failure.TIMEOUT, now)

    def _next(self, failure: Failure, now: float) -> None:
        if failure not in _SILENCE or self._failure in _SILENCE:
            self._failure = failure
        if now >= self._total_deadline or self._tries >= self._servers * self._settings.tries:
            self._finish(Failed(self._failure))
        else:
            self._ask(now)

    def _follow(self, alias: Alias, now: float) -> None:
        """Ask for what the alias stands for, beginning with the server that told of it."""
        self._aliases += alias.length
        if self._aliases > MAX_ALIASES:
            self._finish(Failed(Failure.ALIASES))
            return
        self._ttls.append(alias.ttl)
        self._asked = alias.question
        self._first = (self._first + self._tries - 1) % self._servers
        self._tries = 0
        self._next(self._failure, now)

    def _ask(self, now: float) -> None:
        self._attempt += 1
        server = (self._first + self._tries) % self._servers
        self._tries += 1
        self._deadline = now + self._settings.each_timeout
        self._actions.append(Ask(self._attempt, server, self._asked))

    def _finish(self, result: Result) -> None:
        self._over = True
        self._actions.append(Finished(result))

    def _is_current(self, attempt: int) -> bool:
        """Raise LocalProtocolError for a number that was never given out."""
        if not 0 <= attempt <= self._attempt:
            raise LocalProtocolError(f"there is no attempt {attempt}")
        return attempt == self._attempt and not self._over
