"""One question to several name servers: the first that knows addresses wins.

Each server has a head start before the next one. It is over at once when the server has failed, or knows no such name,
which another one may know: some networks have servers for names of their own beside those for the rest of the world.
That a name exists without such an address is the last word, whoever says it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import dns.rcode
from g3_dns import (
    Addresses,
    Ask,
    Failed,
    Failure,
    Finished,
    Lookup,
    LookupSettings,
    NoAddresses,
    Question,
    Result,
    read_answer,
)

from .transport import NoReplyError, Transport


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question."""

    result: Result
    detail: str = ""
    """More about a failure, for people."""


class Servers:
    """The name servers of a resolver, in the order of preference."""

    def __init__(self, transports: Sequence[Transport], settings: LookupSettings, head_start: float) -> None:
        """``settings`` are for each of them, ``head_start`` is in seconds."""
        self._transports = tuple(transports)
        self._settings = settings
        self._head_start = head_start

    async def look_up(self, question: Question) -> Outcome:
        """The first good answer, or else what tells most about why there is none. To cancel it leaves nothing."""
        if len(self._transports) == 1:
            return await self._ask(self._transports[0], question)
        ahead = deque(self._transports)
        running: set[asyncio.Task[Outcome]] = set()
        best = Outcome(Failed(Failure.TIMEOUT))
        try:
            while ahead or running:
                if ahead:
                    running.add(asyncio.ensure_future(self._ask(ahead.popleft(), question)))
                # Who already has a "no" waits for the others no longer than they would have for him.
                patience = self._head_start if ahead or isinstance(best.result, NoAddresses) else None
                done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for outcome in (task.result() for task in done):
                    if _is_final(outcome.result):
                        return outcome
                    best = max(best, outcome, key=_weight)
                if not done and not ahead:
                    break
            return best
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def close(self) -> None:
        """Release everything; nobody asks any more."""
        for transport in self._transports:
            await transport.close()

    async def _ask(self, transport: Transport, question: Question) -> Outcome:
        """Ask one server, until it has answered in whatever way, or its tries or its time are over."""
        loop = asyncio.get_running_loop()
        lookup = Lookup(question, 1, loop.time(), self._settings)
        detail = ""
        while True:
            action = lookup.next_action()
            match action:
                case Finished(result=result):
                    return Outcome(result, detail)
                case Ask(attempt=attempt, question=asked):
                    deadline = lookup.next_timeout() or loop.time()
                    try:
                        async with asyncio.timeout_at(deadline):
                            response = await transport.ask(asked)
                    except NoReplyError as error:
                        detail = error.detail
                        lookup.lost(attempt, error.failure, loop.time())
                    except TimeoutError:
                        lookup.handle_timeout(max(loop.time(), deadline))
                    else:
                        if response.message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                            # To ask again is for those who give no answer; whoever refuses would refuse again.
                            refusal = read_answer(response.message, asked)
                            if isinstance(refusal, Failed):
                                return Outcome(refusal)
                        lookup.answered(attempt, response.message, loop.time(), response.age)


def _is_final(result: Result) -> bool:
    return isinstance(result, Addresses) or (isinstance(result, NoAddresses) and result.name_exists)


def _weight(outcome: Outcome) -> int:
    """How much it tells: a server that knows no such name more than one that fails, silence least of all."""
    match outcome.result:
        case Failed(failure=Failure.TIMEOUT | Failure.UNREACHABLE):
            return 0
        case Failed():
            return 1
        case _:
            return 2
