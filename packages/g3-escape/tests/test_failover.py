"""Failover to the second: every order of success, failure, refusal, silence and timers."""

from collections.abc import Sequence
from itertools import product

import pytest
from g3_escape import Cancel, Dial, Done, Failed, Failover, Failure, Fallback
from g3_machine import LocalProtocolError
from g3_machine.testing import Clock
from hypothesis import given
from hypothesis import strategies as st

Outcome = tuple[str, float]
"""What becomes of a route how many seconds after its start."""

DELAY = 100.0
NEVER = float("inf")
# fmt: off
OUTCOMES: list[Outcome] = [("silent", NEVER), *product(("ok", "failed", "refused"), (0.0, 50.0, 100.0, 150.0, 250.0))]
# fmt: on


def play(outcomes: Sequence[Outcome], fallback: Fallback, *, timers_first: bool = False) -> list[str]:
    """What the machine had done when: its whole life, or up to where it waits for routes that are silent."""
    machine = Failover("abc"[: len(outcomes)], 0.0, fallback)
    reports: list[tuple[float, int]] = []
    timeline: list[str] = []
    now = 0.0
    while True:
        while (action := machine.next_action()) is not None:
            timeline.append(f"{now:g} {tell(action)}")
            if isinstance(action, Dial):
                assert action.address == "abc"[action.attempt]
                reports.append((now + outcomes[action.attempt][1], action.attempt))
        timer = machine.next_timeout()
        when, attempt = min(reports, default=(NEVER, 0))
        now = min(when, NEVER if timer is None else timer)
        if now == NEVER:
            return timeline
        if timer == now and (timers_first or when > now):
            machine.handle_timeout(now)
        else:
            reports.remove((when, attempt))
            if outcomes[attempt][0] == "ok":
                machine.attempt_succeeded(attempt)
            else:
                machine.attempt_failed(attempt, now, retry=outcomes[attempt][0] == "failed")


def tell(action: object) -> str:
    match action:
        case Dial(address, _):
            return f"dial {address}"
        case Cancel(attempt, timed_out):
            return f"{'timed out' if timed_out else 'cancel'} {'abc'[attempt]}"
        case Done(attempt):
            return f"done {'abc'[attempt]}"
        case Failed(failure):
            return failure.value
    raise AssertionError(action)


def expected(primary: Outcome, standby: Outcome, *, timers_first: bool) -> list[str]:
    """The same for a primary and a standby, told without a machine."""
    kind, end = primary
    in_time = end < DELAY or (end == DELAY and not timers_first)
    if kind != "failed" and in_time:
        return ["0 dial a", f"{end:g} {'done a' if kind == 'ok' else 'refused'}"]
    start = end if in_time else DELAY
    told = ["0 dial a", f"{start:g} dial b"]
    coming = sorted([(start + standby[1], 1, standby[0]), *([] if in_time else [(end, 0, kind)])])
    running = {number for _, number, _ in coming}
    for when, number, what in coming:
        if when == NEVER:
            break
        running.discard(number)
        if what == "failed":
            if not running:
                told.append(f"{when:g} attempts failed")
            continue
        told += [f"{when:g} cancel {'ab'[other]}" for other in running]
        told.append(f"{when:g} {'done ' + 'ab'[number] if what == 'ok' else 'refused'}")
        break
    return told


@pytest.mark.parametrize("timers_first", [False, True])
@pytest.mark.parametrize("primary", OUTCOMES, ids=str)
def test_every_order_of_events(primary: Outcome, timers_first: bool) -> None:
    for standby in OUTCOMES:
        seen = play([primary, standby], Fallback(DELAY), timers_first=timers_first)
        assert seen == expected(primary, standby, timers_first=timers_first), standby


def test_the_usual_courses() -> None:
    """The same as a reader would tell it, lest the oracle and the machine err alike."""
    ok, failed = ("ok", 50.0), ("failed", 50.0)
    assert play([ok, ok], Fallback(DELAY)) == ["0 dial a", "50 done a"]
    assert play([failed, ok], Fallback(DELAY)) == ["0 dial a", "50 dial b", "100 done b"]
    assert play([("ok", 120.0), ok], Fallback(DELAY)) == ["0 dial a", "100 dial b", "120 cancel b", "120 done a"]
    assert play([("ok", 160.0), ok], Fallback(DELAY)) == ["0 dial a", "100 dial b", "150 cancel a", "150 done b"]
    assert play([failed, failed], Fallback(DELAY)) == ["0 dial a", "50 dial b", "100 attempts failed"]


def test_without_a_race_the_next_one_waits_for_a_failure() -> None:
    fallback = Fallback(None, max_tries=3)
    seen = play([("failed", 500.0), ("failed", 500.0), ("ok", 500.0)], fallback)
    assert seen == ["0 dial a", "500 dial b", "1000 dial c", "1500 done c"]


def test_no_delay_starts_both() -> None:
    seen = play([("ok", 5.0), ("ok", 3.0)], Fallback(0.0))
    assert seen == ["0 dial a", "0 dial b", "3 cancel a", "3 done b"]


def test_an_attempt_over_time_has_failed() -> None:
    silent = ("silent", NEVER)
    seen = play([silent, ("ok", 20.0)], Fallback(None, each_timeout=30.0))
    assert seen == ["0 dial a", "30 timed out a", "30 dial b", "50 done b"]
    seen = play([silent, silent], Fallback(10.0, each_timeout=30.0))
    assert seen == ["0 dial a", "10 dial b", "30 timed out a", "40 timed out b", "40 attempts failed"]
    seen = play([silent, silent], Fallback(0.0, each_timeout=30.0))
    assert seen == ["0 dial a", "0 dial b", "30 timed out a", "30 timed out b", "30 attempts failed"]


def test_each_route_has_a_head_start() -> None:
    silent = ("silent", NEVER)
    fallback = Fallback(DELAY, max_tries=3)
    assert play([silent] * 3, fallback) == ["0 dial a", "100 dial b", "200 dial c"]
    seen = play([("failed", 130.0), ("failed", 90.0), ("failed", 10.0)], fallback)
    # The failure of the first begins the third one early; a failure with nothing left begins nothing.
    assert seen == ["0 dial a", "100 dial b", "130 dial c", "190 attempts failed"]


def test_routes_behind_the_last_try_play_no_part() -> None:
    failed = ("failed", 1.0)
    assert play([failed] * 3, Fallback()) == ["0 dial a", "0.1 dial b", "1.1 attempts failed"]
    assert play([failed] * 3, Fallback(max_tries=1)) == ["0 dial a", "1 attempts failed"]


def test_a_late_timer_begins_one_attempt() -> None:
    machine = Failover("abc", 0.0, Fallback(1.0, max_tries=3))
    assert machine.next_timeout() == 1.0
    machine.handle_timeout(0.999)
    assert [machine.next_action(), machine.next_action()] == [Dial("a", 0), None]
    machine.handle_timeout(7.0)
    assert [machine.next_action(), machine.next_action()] == [Dial("b", 1), None]
    assert machine.next_timeout() == 8.0


def test_reports_after_the_end_change_nothing() -> None:
    machine = Failover("ab", 0.0)
    assert Clock().run_timers(machine, 1.0) == [0.1]
    machine.attempt_succeeded(1)
    machine.attempt_succeeded(0)
    machine.attempt_failed(0, 2.0, retry=False)
    machine.handle_timeout(9.0)
    actions = list(iter(machine.next_action, None))
    assert actions == [Dial("a", 0), Dial("b", 1), Cancel(0, timed_out=False), Done(1)]
    assert machine.next_timeout() is None


@pytest.mark.parametrize("attempt", [-1, 1])
def test_an_attempt_that_never_was(attempt: int) -> None:
    machine = Failover("ab", 0.0)
    with pytest.raises(LocalProtocolError, match=f"there is no attempt {attempt}"):
        machine.attempt_succeeded(attempt)
    with pytest.raises(LocalProtocolError, match=f"there is no attempt {attempt}"):
        machine.attempt_failed(attempt, 1.0)


def test_no_route() -> None:
    with pytest.raises(LocalProtocolError, match="there is no route to try"):
        Failover("", 0.0)


@pytest.mark.parametrize("wrong", [{"delay": -0.1}, {"each_timeout": -1.0}, {"max_tries": 0}])
def test_settings_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"not negative|at least 1"):
        Fallback(**wrong)  # type: ignore[arg-type]  # one of three, each of its own type


def test_defaults() -> None:
    assert Fallback() == Fallback(delay=0.1, each_timeout=None, max_tries=2)


outcome = st.tuples(st.sampled_from(["ok", "failed", "refused", "silent"]), st.integers(0, 9).map(float)).map(
    lambda pair: (pair[0], NEVER if pair[0] == "silent" else pair[1])
)


@given(
    st.lists(outcome, min_size=1, max_size=3),
    st.none() | st.integers(0, 5).map(float),
    st.none() | st.integers(1, 8).map(float),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_race_makes_sense(
    outcomes: list[Outcome], delay: float | None, timeout: float | None, tries: int, timers_first: bool
) -> None:
    seen = play(outcomes, Fallback(delay, timeout, tries), timers_first=timers_first)
    words = [line.split(" ", 1)[1] for line in seen]
    dialled = [word[-1] for word in words if word.startswith("dial")]
    given_up = [word[-1] for word in words if word.startswith(("cancel", "timed"))]
    assert "".join(dialled) == "abc"[: len(dialled)]
    assert 1 <= len(dialled) <= min(tries, len(outcomes))
    assert len(set(given_up)) == len(given_up)
    assert set(given_up) <= set(dialled)
    ends = [word for word in words if word.startswith("done") or word in {failure.value for failure in Failure}]
    if timeout is not None or all(kind != "silent" for kind, _ in outcomes):
        assert ends == words[-1:], "every race ends, once, and nothing follows"
    if words[-1] == Failure.ATTEMPTS_FAILED.value:
        assert len(dialled) == min(tries, len(outcomes))
    if words[-1].startswith("done"):
        assert outcomes["abc".index(words[-1][-1])][0] == "ok"
