"""Which of several servers is asked when, and whose word counts, in virtual time."""

import asyncio
from dataclasses import dataclass, field

import dns.message
import dns.rcode
import pytest
from dns.message import Message
from escaper.network import elapsed, run_virtually
from g3_dns import Addresses, Failed, Failure, LookupSettings, NoAddresses, Question, Response
from g3proxyd.resolver.hickory.servers import Outcome, Servers
from g3proxyd.resolver.hickory.transport import NoReplyError, Transport
from resolver.hickory.servers import question

SETTINGS = LookupSettings(2, 5.0, 5.0)
HEAD_START = 1.0

Said = str | Failure | NoReplyError
"""Addresses, CNAME:x, NXDOMAIN, NODATA or another code; or no reply."""


def message(asked: Question, said: str) -> Message:
    query = dns.message.make_query(asked.name, asked.type)
    response = dns.message.make_response(query, recursion_available=True)
    if said in ("NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "YXDOMAIN"):
        response.set_rcode(dns.rcode.from_text(said))
    elif said.startswith("CNAME:"):
        response.answer.append(dns.rrset.from_text(f"{asked.name}.", 60, "IN", "CNAME", f"{said[6:]}."))
    elif said != "NODATA":
        response.answer.append(dns.rrset.from_text(f"{asked.name}.", 60, "IN", "A", said))
    return response


@dataclass
class Fake(Transport):
    """Says one thing after the other, each after so many seconds; the last one again and again."""

    script: list[tuple[float, Said]]
    asked: list[tuple[float, str]] = field(default_factory=list)
    running: int = 0
    closed: bool = False

    async def ask(self, question: Question) -> Response:
        delay, said = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append((elapsed(), question.name))
        self.running += 1
        try:
            await asyncio.sleep(delay)
        finally:
            self.running -= 1
        if isinstance(said, Failure):
            raise NoReplyError(said, "a detail")
        if isinstance(said, NoReplyError):
            raise said
        return Response(0, message(question, said))

    async def close(self) -> None:
        self.closed = True


def says(delay: float, said: Said, *more: tuple[float, Said]) -> Fake:
    return Fake([(delay, said), *more])


def look_up(*transports: Fake, settings: LookupSettings = SETTINGS) -> tuple[str, float]:
    """What a lookup leads to, and when."""

    async def main() -> tuple[str, float]:
        servers = Servers(transports, settings, HEAD_START)
        outcome = await servers.look_up(question())
        ended = elapsed()
        assert not any(each.running for each in transports), "somebody is still asked"
        assert len(asyncio.all_tasks()) == 1
        await servers.close()
        assert all(each.closed for each in transports)
        return tell(outcome), ended

    return run_virtually(main)


def tell(outcome: Outcome) -> str:
    match outcome.result:
        case Addresses(addresses=addresses):
            return " ".join(map(str, addresses))
        case NoAddresses(name_exists=exists):
            return "NODATA" if exists else "NXDOMAIN"
        case Failed(failure=failure):
            return failure.value


SILENT = 1e9


@pytest.mark.parametrize(
    ("first", "second", "said", "ended", "asked"),
    [
        # The first one answers within its head start.
        (says(0.5, "192.0.2.1"), says(0, "192.0.2.2"), "192.0.2.1", 0.5, []),
        # It is late, and still the faster one.
        (says(1.5, "192.0.2.1"), says(1, "192.0.2.2"), "192.0.2.1", 1.5, [1.0]),
        (says(3, "192.0.2.1"), says(1, "192.0.2.2"), "192.0.2.2", 2.0, [1.0]),
        # It fails in whatever way: the second one is asked at once.
        (says(0.25, "SERVFAIL"), says(1, "192.0.2.2"), "192.0.2.2", 1.25, [0.25]),
        (says(0.25, "REFUSED"), says(0, "192.0.2.2"), "192.0.2.2", 0.25, [0.25]),
        (says(0.25, Failure.UNREACHABLE), says(0, "192.0.2.2"), "192.0.2.2", 0.5, [0.5]),
        # It knows no such name: the second one may.
        (says(0.5, "NXDOMAIN"), says(0.25, "192.0.2.2"), "192.0.2.2", 0.75, [0.5]),
        (says(0.5, "NXDOMAIN"), says(0.25, "NXDOMAIN"), "NXDOMAIN", 0.75, [0.5]),
        (says(0.5, "NXDOMAIN"), says(0.25, "SERVFAIL"), "NXDOMAIN", 0.75, [0.5]),
        (says(0.5, "SERVFAIL"), says(0.25, "NXDOMAIN"), "NXDOMAIN", 0.75, [0.5]),
        # A "no" is not held back for a second one that keeps silent.
        (says(0.5, "NXDOMAIN"), says(SILENT, ""), "NXDOMAIN", 1.5, [0.5]),
        (says(SILENT, ""), says(0.5, "NXDOMAIN"), "NXDOMAIN", 2.5, [1.0]),
        # That there is no such address is the last word.
        (says(0.5, "NODATA"), says(0, "192.0.2.2"), "NODATA", 0.5, []),
        (says(2, "192.0.2.1"), says(0.5, "NODATA"), "NODATA", 1.5, [1.0]),
        # Nobody knows: what says most is told.
        (says(0.5, "SERVFAIL"), says(SILENT, ""), "SERVFAIL", 5.5, [0.5]),
        (says(SILENT, ""), says(SILENT, ""), "TIMEOUT", 6.0, [1.0]),
        (says(0, Failure.UNREACHABLE), says(0, "REFUSED"), "REFUSED", 0.0, [0.0]),
    ],
)
def test_two_servers(first: Fake, second: Fake, said: str, ended: float, asked: list[float]) -> None:
    first.asked.clear()
    second.asked.clear()
    assert look_up(first, second) == (said, ended)
    assert [at for at, _ in second.asked][: len(asked)] == asked
    assert bool(second.asked) is bool(asked)


def test_three_servers_begin_one_after_the_other() -> None:
    fakes = [says(SILENT, ""), says(SILENT, ""), says(0.5, "192.0.2.3")]
    assert look_up(*fakes) == ("192.0.2.3", 2.5)
    assert [fake.asked[0][0] for fake in fakes] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("script", "said", "ended", "asked"),
    [
        # One that gives no answer is asked again, as often as its tries and its time let it.
        (says(1, Failure.UNREACHABLE, (0.5, "192.0.2.1")), "192.0.2.1", 1.5, [0.0, 1.0]),
        (says(1, Failure.TIMEOUT), "TIMEOUT", 2.0, [0.0, 1.0]),
        (says(3, Failure.MALFORMED), "MALFORMED", 5.0, [0.0, 3.0]),
        (says(SILENT, ""), "TIMEOUT", 5.0, [0.0]),
        # An answer is an answer.
        (says(1, "SERVFAIL"), "SERVFAIL", 1.0, [0.0]),
        (says(1, "YXDOMAIN"), "OTHERRCODE", 1.0, [0.0]),
        (says(1, "NXDOMAIN"), "NXDOMAIN", 1.0, [0.0]),
    ],
)
def test_tries_of_one_server(script: Fake, said: str, ended: float, asked: list[float]) -> None:
    script.asked.clear()
    assert look_up(script) == (said, ended)
    assert [at for at, _ in script.asked] == asked


def test_an_alias_is_followed_at_the_same_server() -> None:
    fake = says(1, "CNAME:b.test", (1, "CNAME:c.test"), (1, "192.0.2.1"))
    assert look_up(fake) == ("192.0.2.1", 3.0)
    assert [name for _, name in fake.asked] == ["a.test", "b.test", "c.test"]


def test_aliases_in_a_circle() -> None:
    fake = says(0.001, "CNAME:a.test")
    assert look_up(fake)[0] in ("ALIASES", "MALFORMED")
    assert len(fake.asked) <= 40


def test_the_detail_of_a_failure_is_kept() -> None:
    async def main() -> None:
        servers = Servers([says(0, Failure.UNREACHABLE)], SETTINGS, HEAD_START)
        assert await servers.look_up(question()) == Outcome(Failed(Failure.UNREACHABLE), "a detail")

    run_virtually(main)


def test_to_cancel_ends_all_questions() -> None:
    async def main() -> None:
        fakes = [says(SILENT, ""), says(SILENT, "")]
        looking = asyncio.ensure_future(Servers(fakes, SETTINGS, HEAD_START).look_up(question()))
        await asyncio.sleep(2)
        assert [fake.running for fake in fakes] == [1, 1]
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert [fake.running for fake in fakes] == [0, 0]

    run_virtually(main)
