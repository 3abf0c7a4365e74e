"""Lookups over several servers: who is asked when, what ends it, and how long it may take."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from dns.message import Message
from dns.rdatatype import MX, A
from g3_dns import (
    Abandon,
    Addresses,
    Ask,
    Failed,
    Failure,
    Finished,
    Lookup,
    LookupAction,
    LookupSettings,
    NoAddresses,
    Question,
    pack_query,
    parse_message,
)
from g3_machine import LocalProtocolError
from g3_machine.testing import Clock
from hypothesis import given
from hypothesis import strategies as st
from wires import respond

QUESTION = Question("a.example", A)
ADDRESS = (IPv4Address("192.0.2.1"),)


def said(question: Question, *answer: str, rcode: int = 0, authority: tuple[str, ...] = ()) -> Message:
    return parse_message(respond(pack_query(question, 7), answer, rcode=rcode, authority=authority))


def actions(lookup: Lookup) -> list[LookupAction]:
    found = []
    while (action := lookup.next_action()) is not None:
        found.append(action)
    return found


def test_the_first_server_knows() -> None:
    lookup = Lookup(QUESTION, 2, 100)
    assert lookup.question == QUESTION
    assert actions(lookup) == [Ask(0, 0, QUESTION)]
    lookup.answered(0, said(QUESTION, "a.example. 60 IN A 192.0.2.1"), 100.1, age=20)
    assert actions(lookup) == [Finished(Addresses(ADDRESS, 40))]
    assert lookup.next_timeout() is None


@pytest.mark.parametrize(("rcode", "exists"), [(0, True), (3, False)])
def test_a_no_is_final(rcode: int, exists: bool) -> None:
    lookup = Lookup(QUESTION, 2, 100)
    lookup.next_action()
    lookup.answered(0, said(QUESTION, rcode=rcode, authority=("example. 9 IN SOA ns. host. 1 2 3 4 5",)), 100.1)
    assert actions(lookup) == [Finished(NoAddresses(exists, 5))]


def test_the_next_server_is_asked_after_a_failure() -> None:
    lookup = Lookup(QUESTION, 2, 100, LookupSettings(tries=2), first=1)
    assert actions(lookup) == [Ask(0, 1, QUESTION)]
    lookup.answered(0, said(QUESTION, rcode=2), 101)
    assert actions(lookup) == [Ask(1, 0, QUESTION)]
    lookup.lost(1, Failure.UNREACHABLE, 102)
    assert actions(lookup) == [Ask(2, 1, QUESTION)]
    lookup.lost(2, Failure.TIMEOUT, 103)
    assert actions(lookup) == [Ask(3, 0, QUESTION)]
    lookup.lost(3, Failure.TIMEOUT, 104)
    assert actions(lookup) == [Finished(Failed(Failure.SERVER_FAILURE))]


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([Failure.TIMEOUT, Failure.UNREACHABLE], Failure.UNREACHABLE),
        ([Failure.UNREACHABLE, Failure.TIMEOUT], Failure.TIMEOUT),
        ([Failure.REFUSED, Failure.TIMEOUT], Failure.REFUSED),
        ([Failure.TIMEOUT, Failure.REFUSED], Failure.REFUSED),
        ([Failure.REFUSED, Failure.MALFORMED], Failure.MALFORMED),
    ],
)
def test_the_failure_that_says_most(failures: list[Failure], told: Failure) -> None:
    lookup = Lookup(QUESTION, 2, 100, LookupSettings(tries=1))
    for attempt, failure in enumerate(failures):
        lookup.lost(attempt, failure, 101)
    assert actions(lookup)[-1] == Finished(Failed(told))


def test_each_server_has_its_time_and_all_of_them_together_too() -> None:
    lookup = Lookup(QUESTION, 2, 100, LookupSettings(tries=9, each_timeout=5, total_timeout=12))
    assert Clock(100).run_timers(lookup, 200) == [105, 110, 112]
    assert actions(lookup) == [
        Ask(0, 0, QUESTION),
        Abandon(0),
        Ask(1, 1, QUESTION),
        Abandon(1),
        Ask(2, 0, QUESTION),
        Abandon(2),
        Finished(Failed(Failure.TIMEOUT)),
    ]
    lookup.handle_timeout(300)
    assert actions(lookup) == []


def test_a_timer_that_comes_early_does_nothing() -> None:
    lookup = Lookup(QUESTION, 1, 100, LookupSettings(each_timeout=5))
    lookup.next_action()
    lookup.handle_timeout(104.9)
    assert (actions(lookup), lookup.next_timeout()) == ([], 105)


def test_a_failure_when_all_time_is_over_is_the_last() -> None:
    lookup = Lookup(QUESTION, 2, 100, LookupSettings(total_timeout=5))
    lookup.next_action()
    lookup.lost(0, Failure.REFUSED, 105)
    assert actions(lookup) == [Finished(Failed(Failure.REFUSED))]


def test_an_alias_is_asked_for_beginning_with_the_server_that_told_of_it() -> None:
    lookup = Lookup(QUESTION, 3, 100, LookupSettings(tries=1), first=2)
    lookup.lost(0, Failure.REFUSED, 101)
    lookup.answered(1, said(QUESTION, "a.example. 50 IN CNAME b.test."), 102)
    other = Question("b.test", A)
    assert actions(lookup) == [Ask(0, 2, QUESTION), Ask(1, 0, QUESTION), Ask(2, 0, other)]
    lookup.lost(2, Failure.REFUSED, 103)
    assert actions(lookup) == [Ask(3, 1, other)]
    lookup.answered(3, said(other, "b.test. 60 IN A 192.0.2.1"), 104)
    assert actions(lookup) == [Finished(Addresses(ADDRESS, 50))]


def test_the_server_that_told_of_an_alias_need_not_be_the_first() -> None:
    lookup = Lookup(QUESTION, 3, 100, first=1)
    lookup.answered(0, said(QUESTION, "a.example. 50 IN CNAME b.test."), 102)
    assert actions(lookup) == [Ask(0, 1, QUESTION), Ask(1, 1, Question("b.test", A))]


def test_the_ttl_of_a_no_is_bounded_by_the_aliases_before_it() -> None:
    lookup = Lookup(QUESTION, 1, 100)
    lookup.answered(0, said(QUESTION, "a.example. 3 IN CNAME b.test."), 101)
    lookup.answered(1, said(Question("b.test", A), authority=("test. 9 IN SOA ns. host. 1 2 3 4 5",)), 102)
    assert actions(lookup)[-1] == Finished(NoAddresses(True, 3))


def test_aliases_without_end() -> None:
    lookup = Lookup(QUESTION, 1, 100)
    question = QUESTION
    for number in range(17):
        assert actions(lookup) == [Ask(number, 0, question)]
        target = f"n{number}.test"
        lookup.answered(number, said(question, f"{question.name}. 60 IN CNAME {target}."), 101)
        question = Question(target, A)
    assert actions(lookup) == [Finished(Failed(Failure.ALIASES))]


def test_an_alias_when_all_time_is_over() -> None:
    lookup = Lookup(QUESTION, 1, 100, LookupSettings(total_timeout=5))
    lookup.next_action()
    lookup.answered(0, said(QUESTION, "a.example. 3 IN CNAME b.test."), 105)
    assert actions(lookup) == [Finished(Failed(Failure.TIMEOUT))]


def test_late_reports_are_ignored() -> None:
    lookup = Lookup(QUESTION, 2, 100, LookupSettings(each_timeout=5))
    lookup.handle_timeout(105)
    lookup.answered(0, said(QUESTION, "a.example. 60 IN A 192.0.2.1"), 106)
    lookup.lost(0, Failure.REFUSED, 106)
    assert actions(lookup) == [Ask(0, 0, QUESTION), Abandon(0), Ask(1, 1, QUESTION)]
    lookup.answered(1, said(QUESTION, "a.example. 60 IN A 192.0.2.1"), 107)
    lookup.lost(1, Failure.REFUSED, 107)
    assert actions(lookup) == [Finished(Addresses(ADDRESS, 60))]


def test_misuse() -> None:
    for servers, first, question in ((0, 0, QUESTION), (2, 2, QUESTION), (2, -1, QUESTION), (1, 0, Question("a", MX))):
        with pytest.raises(LocalProtocolError, match="begins with one of its servers"):
            Lookup(question, servers, 100, first=first)
    lookup = Lookup(QUESTION, 1, 100)
    for attempt in (-1, 1):
        with pytest.raises(LocalProtocolError, match=f"no attempt {attempt}"):
            lookup.lost(attempt, Failure.TIMEOUT, 100)


@pytest.mark.parametrize("settings", [{"tries": 0}, {"each_timeout": 0}, {"total_timeout": 0}])
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="more than zero"):
        LookupSettings(**settings)


def test_settings_in_range() -> None:
    assert Lookup(QUESTION, 1, 100, LookupSettings(1, 0.5, 0.25)).next_timeout() == 100.25


OUTCOMES = ["answer", "alias", "refused", "lost", "timeout"]


@given(st.lists(st.sampled_from(OUTCOMES), max_size=60), st.integers(1, 3), st.integers(1, 3))
def test_every_lookup_ends(outcomes: list[str], servers: int, tries: int) -> None:
    """Each action makes sense, there is one outcome, and nothing after it."""
    lookup = Lookup(QUESTION, servers, 0, LookupSettings(tries, 5, 30), first=servers - 1)
    now, asked, finished = 0.0, 0, False
    for outcome in [*outcomes, *["timeout"] * 20]:
        for action in actions(lookup):
            assert not finished
            match action:
                case Ask(attempt, server, question):
                    assert attempt == asked
                    assert 0 <= server < servers
                    asked, current = asked + 1, question
                case Finished():
                    finished = True
        if finished:
            break
        attempt = asked - 1
        match outcome:
            case "answer":
                lookup.answered(attempt, said(current, f"{current.name}. 60 IN A 192.0.2.1"), now)
            case "alias":
                lookup.answered(attempt, said(current, f"{current.name}. 60 IN CNAME x{asked}.test."), now)
            case "refused":
                lookup.answered(attempt, said(current, rcode=5), now)
            case "lost":
                lookup.lost(attempt, Failure.UNREACHABLE, now)
            case _:
                due = lookup.next_timeout()
                assert due is not None
                now = max(now, due)
                lookup.handle_timeout(now)
    assert finished
    assert lookup.next_timeout() is None
