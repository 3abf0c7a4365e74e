"""RFC 8305 to the millisecond: what is dialled and cancelled when."""

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from g3_escape import Cancel, Dial, Done, Failed, Failure, Family, HappyEyeballs, Pace, Strategy
from g3_machine import LocalProtocolError
from g3_machine.testing import Clock
from hypothesis import given
from hypothesis import strategies as st

V4, V6 = Family.IPV4, Family.IPV6
V6_FIRST = Strategy.IPV6_FIRST
OK = 0.02

Timeline = list[tuple[float, str]]


@dataclass
class Race:
    """Plays one machine to its end and writes down what it had done, when.

    ``answers`` say when a family resolves, and to what; None is a failed resolution. ``outcomes`` say how many seconds
    after its start an attempt succeeds; a negative number is a failure after as many seconds, and an address without
    an entry never answers.
    """

    machine: HappyEyeballs[str]
    answers: Sequence[tuple[float, Family, Sequence[str] | None]]
    outcomes: Mapping[str, float]
    timeline: Timeline = field(default_factory=list)
    addresses: dict[int, str] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)

    def run(self) -> Timeline:
        """Play to the end; a machine that would wait for ever is an AssertionError."""
        reports: list[tuple[float, int, str, object]] = []
        for number, (when, family, found) in enumerate(self.answers):
            heapq.heappush(reports, (when, number, "answer", (family, found)))
        now = 0.0
        while not self._obey(now, reports):
            timer = self.machine.next_timeout()
            report = reports[0][0] if reports else None
            due = [time for time in (timer, report) if time is not None]
            assert due, f"it waits for ever after {self.timeline}"
            now = max(now, min(due))
            if report is not None and report <= now:
                self._tell(now, *heapq.heappop(reports)[2:])
            else:
                self.machine.handle_timeout(now)
        assert self.machine.next_timeout() is None
        return self.timeline

    def _tell(self, now: float, kind: str, what: object) -> None:
        if kind == "answer":
            assert isinstance(what, tuple)
            family, found = what
            if found is None:
                self.machine.resolution_failed(family, now)
            else:
                self.machine.add_addresses(family, found, now)
        elif kind == "ok":
            assert isinstance(what, int)
            self.machine.attempt_succeeded(what)
        else:
            assert isinstance(what, int)
            self.machine.attempt_failed(what, now)

    def _obey(self, now: float, reports: list[tuple[float, int, str, object]]) -> bool:
        while (action := self.machine.next_action()) is not None:
            at = round(now, 6)
            match action:
                case Dial(address, attempt):
                    assert attempt == len(self.addresses)
                    self.addresses[attempt] = address
                    self.timeline.append((at, f"dial {address}"))
                    if (seconds := self.outcomes.get(address)) is not None:
                        kind = "fail" if seconds < 0 else "ok"
                        heapq.heappush(reports, (now + abs(seconds), 1000 + attempt, kind, attempt))
                case Cancel(attempt, timed_out):
                    self.cancelled.add(attempt)
                    self.timeline.append((at, f"{'give up' if timed_out else 'cancel'} {self.addresses[attempt]}"))
                case Done(attempt):
                    assert attempt not in self.cancelled
                    self.timeline.append((at, f"done {self.addresses[attempt]}"))
                    assert self.machine.next_action() is None
                    return True
                case Failed(failure):
                    self.timeline.append((at, failure.value))
                    assert self.machine.next_action() is None
                    return True
        return False


def play(
    strategy: Strategy,
    answers: list[tuple[float, Family, list[str] | None]],
    outcomes: dict[str, float],
    pace: Pace | None = None,
) -> Timeline:
    return Race(HappyEyeballs(strategy.families, pace), answers, outcomes).run()


class TestResolution:
    """Section 3: when the first attempt begins."""

    def test_the_preferred_family_starts_at_once(self) -> None:
        told = play(V6_FIRST, [(0.010, V6, ["6a"]), (0.5, V4, ["4a"])], {"6a": OK})
        assert told == [(0.010, "dial 6a"), (0.030, "done 6a")]

    def test_the_other_family_waits_for_the_resolution_delay(self) -> None:
        told = play(V6_FIRST, [(0.010, V4, ["4a"]), (9.0, V6, ["6a"])], {"4a": OK})
        assert told == [(0.060, "dial 4a"), (0.080, "done 4a")]

    def test_the_preferred_family_comes_within_the_delay(self) -> None:
        told = play(V6_FIRST, [(0.010, V4, ["4a"]), (0.059, V6, ["6a"])], {"6a": OK})
        assert told == [(0.059, "dial 6a"), (0.079, "done 6a")]

    @pytest.mark.parametrize("nothing", [[], None])
    def test_the_delay_ends_when_the_preferred_family_has_nothing(self, nothing: list[str] | None) -> None:
        told = play(V6_FIRST, [(0.010, V4, ["4a"]), (0.020, V6, nothing)], {"4a": OK})
        assert told == [(0.020, "dial 4a"), (0.040, "done 4a")]

    @pytest.mark.parametrize("nothing", [[], None])
    def test_the_other_family_starts_at_once_when_the_preferred_one_had_nothing(
        self, nothing: list[str] | None
    ) -> None:
        told = play(V6_FIRST, [(0.010, V6, nothing), (0.020, V4, ["4a"])], {"4a": OK})
        assert told == [(0.020, "dial 4a"), (0.040, "done 4a")]

    @pytest.mark.parametrize("nothing", [[], None])
    def test_the_preferred_family_has_all_the_time_it_needs_when_the_other_has_nothing(
        self, nothing: list[str] | None
    ) -> None:
        told = play(V6_FIRST, [(0.010, V4, nothing), (20.0, V6, ["6a"])], {"6a": OK})
        assert told == [(20.0, "dial 6a"), (20.02, "done 6a")]

    def test_ipv4_may_be_the_preferred_one(self) -> None:
        told = play(Strategy.IPV4_FIRST, [(0.010, V6, ["6a"]), (0.030, V4, ["4a"])], {"4a": OK})
        assert told == [(0.030, "dial 4a"), (0.050, "done 4a")]

    @pytest.mark.parametrize(("strategy", "family"), [(Strategy.IPV4_ONLY, V4), (Strategy.IPV6_ONLY, V6)])
    def test_one_family_alone_has_nobody_to_wait_for(self, strategy: Strategy, family: Family) -> None:
        assert play(strategy, [(0.3, family, ["a"])], {"a": OK}) == [(0.3, "dial a"), (0.32, "done a")]

    def test_no_address_of_either_family(self) -> None:
        assert play(V6_FIRST, [(0.1, V6, None), (0.2, V4, [])], {}) == [(0.2, "no address")]

    def test_a_family_is_answered_once(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs(V6_FIRST.families)
        machine.add_addresses(V6, [], 0.0)
        with pytest.raises(LocalProtocolError, match="IPV6 is not being resolved"):
            machine.resolution_failed(V6, 0.1)

    def test_a_family_that_was_not_asked_for(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs([V4])
        with pytest.raises(LocalProtocolError, match="IPV6 is not being resolved"):
            machine.add_addresses(V6, ["6a"], 0.0)


class TestSecondResolution:
    """What happens when the first family leads nowhere and the second one is still on its way."""

    def test_addresses_in_time(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (2.09, V4, ["4a"])], {"6a": -0.1, "4a": OK})
        assert told == [(0.0, "dial 6a"), (2.09, "dial 4a"), (2.11, "done 4a")]

    def test_no_answer_in_time(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (9.0, V4, ["4a"])], {"6a": -0.1})
        assert told == [(0.0, "dial 6a"), (2.1, "resolution timeout")]

    def test_the_time_counts_from_an_empty_answer_as_well(self) -> None:
        told = play(V6_FIRST, [(0.5, V6, []), (9.0, V4, ["4a"])], {}, Pace(second_resolution_timeout=1.0))
        assert told == [(1.5, "resolution timeout")]

    def test_the_preferred_family_is_late_itself(self) -> None:
        told = play(V6_FIRST, [(0.0, V4, ["4a"]), (9.0, V6, ["6a"])], {"4a": -0.1})
        assert told == [(0.05, "dial 4a"), (2.15, "resolution timeout")]

    def test_a_negative_answer_ends_the_wait(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (0.7, V4, None)], {"6a": -0.1})
        assert told == [(0.0, "dial 6a"), (0.7, "attempts failed")]

    def test_no_timer_runs_while_an_attempt_does(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (9.0, V4, ["4a"])], {"6a": 8.0})
        assert told == [(0.0, "dial 6a"), (8.0, "done 6a")]

    def test_the_time_begins_anew_after_each_idle_moment(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs(V6_FIRST.families)
        machine.add_addresses(V6, ["6a"], 0.0)
        assert machine.next_timeout() == 30.0
        machine.attempt_failed(0, 5.0)
        assert machine.next_timeout() == 7.0
        machine.handle_timeout(6.0)
        assert machine.next_timeout() == 7.0
        machine.add_addresses(V4, ["4a"], 6.5)
        assert machine.next_timeout() == 36.5


class TestTurns:
    """Section 4: the order of the addresses."""

    def order(self, count: int, v6: list[str], v4: list[str]) -> list[str]:
        answers: list[tuple[float, Family, list[str] | None]] = [(0.0, V4, v4), (0.01, V6, v6)]
        told = play(V6_FIRST, answers, {}, Pace(first_address_family_count=count, max_tries=4))
        return [what.removeprefix("dial ") for _, what in told if what.startswith("dial")]

    def test_one_of_the_preferred_family_then_turns(self) -> None:
        assert self.order(1, ["6a", "6b", "6c"], ["4a", "4b"]) == ["6a", "4a", "6b", "4b", "6c"]

    def test_two_of_the_preferred_family_first(self) -> None:
        assert self.order(2, ["6a", "6b", "6c"], ["4a", "4b"]) == ["6a", "6b", "4a", "6c", "4b"]

    def test_none_of_the_preferred_family_first(self) -> None:
        assert self.order(0, ["6a", "6b"], ["4a", "4b"]) == ["4a", "6a", "4b", "6b"]

    def test_more_than_there_are(self) -> None:
        assert self.order(9, ["6a", "6b"], ["4a", "4b"]) == ["6a", "6b", "4a", "4b"]

    def test_the_longer_list_of_the_other_family(self) -> None:
        assert self.order(1, ["6a"], ["4a", "4b", "4c"]) == ["6a", "4a", "4b", "4c"]

    def test_not_more_than_max_tries_of_each(self) -> None:
        v6, v4 = list("abcdef"), list("uvwxyz")
        assert self.order(1, v6, v4) == ["a", "u", "b", "v", "c", "w", "d", "x"]

    def test_an_address_that_comes_twice_is_tried_once(self) -> None:
        assert self.order(1, ["6a", "6a", "6b"], []) == ["6a", "6b"]

    def test_the_other_family_comes_while_attempts_run(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a", "6b", "6c"]), (0.3, V4, ["4a"])], {"4a": OK})
        assert told[:4] == [(0.0, "dial 6a"), (0.25, "dial 6b"), (0.5, "dial 4a"), (0.52, "cancel 6a")]

    def test_the_preferred_family_comes_while_attempts_run(self) -> None:
        told = play(V6_FIRST, [(0.0, V4, ["4a", "4b", "4c"]), (0.1, V6, ["6a", "6b"])], {})
        dialled = [entry for entry in told if entry[1].startswith("dial")]
        assert dialled == [(0.05, "dial 4a"), (0.3, "dial 6a"), (0.55, "dial 4b"), (0.8, "dial 6b"), (1.05, "dial 4c")]

    def test_shuffling_is_the_callers(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs([V4], Pace(max_tries=2), list.reverse)
        machine.add_addresses(V4, ["a", "b", "c"], 0.0)
        assert machine.next_action() == Dial("c", 0)
        machine.attempt_failed(0, 0.1)
        assert machine.next_action() == Dial("b", 1)
        machine.attempt_failed(1, 0.2)
        assert machine.next_action() == Failed(Failure.ATTEMPTS_FAILED)

    def test_random_shuffle_fits(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs([V4], None, random.Random(7).shuffle)
        machine.add_addresses(V4, ["a", "b", "c", "d"], 0.0)
        expected = ["a", "b", "c", "d"]
        random.Random(7).shuffle(expected)
        assert machine.next_action() == Dial(expected[0], 0)


class TestAttempts:
    """Section 5: when attempts begin and end."""

    def test_each_attempt_has_a_head_start(self) -> None:
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c"])], {"b": 1.0})
        assert told == [
            (0.0, "dial a"),
            (0.25, "dial b"),
            (0.5, "dial c"),
            (1.25, "cancel a"),
            (1.25, "cancel c"),
            (1.25, "done b"),
        ]

    def test_a_failure_starts_the_next_at_once(self) -> None:
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c"])], {"a": -0.1, "b": -0.05, "c": OK})
        assert told == [(0.0, "dial a"), (0.1, "dial b"), (0.15, "dial c"), (0.17, "done c")]

    def test_the_head_start_counts_from_the_last_start(self) -> None:
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c", "d"])], {"a": -0.1}, Pace(max_tries=4))
        assert told[:4] == [(0.0, "dial a"), (0.1, "dial b"), (0.35, "dial c"), (0.6, "dial d")]

    def test_the_failure_of_an_older_attempt_starts_the_next_as_well(self) -> None:
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c"])], {"a": -0.3, "c": OK})
        assert told[:3] == [(0.0, "dial a"), (0.25, "dial b"), (0.3, "dial c")]

    def test_a_late_address_begins_at_once_when_the_head_start_is_over(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (0.4, V4, ["4a"])], {"4a": OK})
        assert told[:2] == [(0.0, "dial 6a"), (0.4, "dial 4a")]

    def test_a_late_address_waits_for_the_head_start(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (0.1, V4, ["4a"])], {"4a": OK})
        assert told[:2] == [(0.0, "dial 6a"), (0.25, "dial 4a")]

    def test_all_fail(self) -> None:
        told = play(V6_FIRST, [(0.0, V6, ["6a"]), (0.0, V4, ["4a"])], {"6a": -0.1, "4a": -0.1})
        assert told == [(0.0, "dial 6a"), (0.1, "dial 4a"), (0.2, "attempts failed")]

    def test_an_attempt_is_over_time(self) -> None:
        pace = Pace(connection_attempt_delay=2.0, each_timeout=1.5)
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b"])], {}, pace)
        assert told == [
            (0.0, "dial a"),
            (1.5, "give up a"),
            (1.5, "dial b"),
            (3.0, "give up b"),
            (3.0, "attempts failed"),
        ]

    def test_an_attempt_that_is_over_time_starts_the_next_at_once(self) -> None:
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c"])], {}, Pace(each_timeout=0.3))
        assert told[:4] == [(0.0, "dial a"), (0.25, "dial b"), (0.3, "give up a"), (0.3, "dial c")]

    def test_the_defaults(self) -> None:
        assert Pace() == Pace(0.05, 2.0, 1, 0.25, 3, 30.0)
        told = play(Strategy.IPV4_ONLY, [(0.0, V4, ["a", "b", "c", "d"])], {})
        assert told == [
            (0.0, "dial a"),
            (0.25, "dial b"),
            (0.5, "dial c"),
            (30.0, "give up a"),
            (30.25, "give up b"),
            (30.5, "give up c"),
            (30.5, "attempts failed"),
        ]

    def test_reports_of_cancelled_attempts_are_ignored(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs([V4])
        machine.add_addresses(V4, ["a", "b"], 0.0)
        machine.handle_timeout(0.25)
        machine.attempt_succeeded(1)
        machine.attempt_succeeded(0)
        machine.attempt_failed(0, 0.3)
        actions = [machine.next_action() for _ in range(5)]
        assert actions == [Dial("a", 0), Dial("b", 1), Cancel(0, timed_out=False), Done(1), None]

    @pytest.mark.parametrize("attempt", [-1, 1])
    def test_an_attempt_that_never_was(self, attempt: int) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs([V4])
        machine.add_addresses(V4, ["a", "b"], 0.0)
        with pytest.raises(LocalProtocolError, match=f"there is no attempt {attempt}"):
            machine.attempt_failed(attempt, 0.0)
        with pytest.raises(LocalProtocolError, match=f"there is no attempt {attempt}"):
            machine.attempt_succeeded(attempt)

    def test_nothing_follows_the_end(self) -> None:
        machine: HappyEyeballs[str] = HappyEyeballs(V6_FIRST.families)
        machine.add_addresses(V6, ["6a", "6b"], 0.0)
        machine.attempt_succeeded(0)
        assert [machine.next_action(), machine.next_action()] == [Dial("6a", 0), Done(0)]
        machine.add_addresses(V4, ["4a"], 0.1)
        machine.handle_timeout(99.0)
        assert machine.next_action() is None
        assert machine.next_timeout() is None

    def test_timers(self) -> None:
        """The clock of the test kit fires them one by one."""
        machine: HappyEyeballs[str] = HappyEyeballs(V6_FIRST.families)
        assert machine.next_timeout() is None
        machine.add_addresses(V4, ["4a", "4b"], 1.0)
        assert Clock(1.0).run_timers(machine, 60.0) == [1.05, 1.3, 31.05, 31.3, 33.3]


class TestSettings:
    @pytest.mark.parametrize(
        "name",
        [
            "resolution_delay",
            "second_resolution_timeout",
            "first_address_family_count",
            "connection_attempt_delay",
            "each_timeout",
        ],
    )
    def test_negative_numbers(self, name: str) -> None:
        assert getattr(replace(Pace(), **{name: 0}), name) == 0
        with pytest.raises(ValueError, match="times and counts are not negative"):
            replace(Pace(), **{name: -1})

    def test_at_least_one_try(self) -> None:
        assert Pace(max_tries=1).max_tries == 1
        with pytest.raises(ValueError, match="max_tries is at least 1"):
            Pace(max_tries=0)

    @pytest.mark.parametrize("families", [(), (V4, V4)])
    def test_families(self, families: tuple[Family, ...]) -> None:
        with pytest.raises(LocalProtocolError, match="one or two different families"):
            HappyEyeballs(families)


times = st.integers(0, 400).map(lambda hundredths: hundredths / 100)


@given(data=st.data(), strategy=st.sampled_from(list(Strategy)), shuffled=st.booleans())
def test_any_network(data: st.DataObject, strategy: Strategy, shuffled: bool) -> None:
    """Whatever the network does: bounded tries, one winner that really answered, everything else released."""
    pace = Pace(
        resolution_delay=data.draw(times),
        second_resolution_timeout=data.draw(times),
        first_address_family_count=data.draw(st.integers(0, 3)),
        connection_attempt_delay=data.draw(times),
        max_tries=data.draw(st.integers(1, 3)),
        each_timeout=data.draw(times),
    )
    answers: list[tuple[float, Family, list[str] | None]] = []
    for family in strategy.families:
        names = [f"{family.value}{letter}" for letter in data.draw(st.lists(st.sampled_from("abcde"), max_size=5))]
        answers.append((data.draw(times), family, data.draw(st.sampled_from([names, names, None]))))
    known = [address for _, _, found in answers for address in found or ()]
    outcomes = {address: data.draw(times) * data.draw(st.sampled_from([1, -1])) for address in dict.fromkeys(known)}
    for address in data.draw(st.lists(st.sampled_from(known or ["none"]), max_size=3)):
        outcomes.pop(address, None)

    shuffle = random.Random(1).shuffle if shuffled else None
    race = Race(HappyEyeballs(strategy.families, pace, shuffle), answers, outcomes)
    timeline = race.run()

    dialled = list(race.addresses.values())
    assert len(dialled) == len(set(dialled))
    assert set(dialled) <= set(known)
    for family in strategy.families:
        assert sum(address.startswith(str(family.value)) for address in dialled) <= pace.max_tries
    assert [when for when, _ in timeline] == sorted(when for when, _ in timeline)
    *_, (end, last) = timeline
    ended = {what.split()[-1]: when for when, what in timeline if what.startswith(("cancel", "give up"))}
    for when, what in timeline:
        if what.startswith("dial "):
            address = what.removeprefix("dial ")
            outcome = outcomes.get(address)
            if address in ended:
                assert ended[address] <= when + pace.each_timeout + 1e-5
            if last == f"done {address}":
                assert outcome is not None
                assert outcome >= 0
                assert end == pytest.approx(when + outcome, abs=1e-5)
            elif address not in ended:
                assert outcome is not None
                assert outcome <= 0
                assert -outcome <= pace.each_timeout + 1e-5
    if last == "no address":
        assert not known
    if last == "attempts failed":
        assert dialled
