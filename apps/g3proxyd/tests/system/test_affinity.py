"""Processors of workers."""

import logging
import os
from pathlib import Path

import pytest
from g3proxyd.config.values.affinity import Affinity, format_cpus
from g3proxyd.system import affinity
from g3proxyd.system.affinity import AffinityError, apply, check, cpus_of, existing_cpus
from system.forks import outcome

USABLE = sorted(os.sched_getaffinity(0))
NOWHERE = frozenset([8191])


def applied(worker: int, setting: Affinity | None, environment: dict[str, str] | None = None) -> str:
    """Where a process runs that was told so."""

    def work() -> list[int]:
        apply(worker, setting, environment or {})
        return sorted(os.sched_getaffinity(0))

    return outcome(work)


def test_no_setting_leaves_it_alone() -> None:
    assert applied(0, None) == str(USABLE)
    assert applied(1, {0: frozenset(USABLE[:1])}) == str(USABLE)


def test_a_map() -> None:
    assert applied(3, {0: NOWHERE, 3: frozenset(USABLE[-1:])}) == str(USABLE[-1:])


def test_one_each_and_from_the_first_again() -> None:
    for worker in (0, 1, len(USABLE), len(USABLE) + 1):
        assert applied(worker, True) == str([USABLE[worker % len(USABLE)]])


def test_the_environment() -> None:
    environment = {"WORKER_1_CPU_LIST": f"{USABLE[-1]}"}
    assert applied(1, True, environment) == str(USABLE[-1:])
    assert applied(0, True, environment) == str(USABLE[:1])
    assert cpus_of(1, {}, environment) is None
    assert cpus_of(1, None, environment) is None
    assert cpus_of(1, True, {"WORKER_1_CPU_LIST": "0-2,7"}) == frozenset([0, 1, 2, 7])


def test_a_wrong_environment() -> None:
    with pytest.raises(AffinityError) as caught:
        check(True, 2, {"WORKER_1_CPU_LIST": "one"})
    assert str(caught.value).startswith(
        "WORKER_1_CPU_LIST in the environment: 'one' is not a set of processors; expected a processor from 0 to 8191"
    )


def test_processors_that_are_not_there() -> None:
    setting: Affinity = {0: frozenset(USABLE[:1]), 2: NOWHERE}
    check(setting, 2)
    message = f"worker.sched_affinity: worker 2 cannot run on processors 8191: {format_cpus(existing_cpus())}"
    with pytest.raises(AffinityError) as caught:
        check(setting, 3)
    assert str(caught.value) == f"{message} exist here"
    assert applied(2, setting) == f"{message} exist here"


def test_what_is_checked_is_not_applied() -> None:
    check(True, 4)
    assert sorted(os.sched_getaffinity(0)) == USABLE


def test_the_rest_is_used(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus: told.append((pid, cpus)))
    cpus = frozenset(USABLE[:1]) | NOWHERE
    check({0: cpus}, 1)
    with caplog.at_level(logging.WARNING):
        apply(0, {0: cpus})
    assert told == [(0, cpus)]
    assert [record.getMessage() for record in caplog.records] == ["worker 0 cannot run on processors 8191"]


def test_it_may_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(_: int, __: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbid)
    with pytest.raises(AffinityError, match=r"^worker 0 cannot choose its processors: Operation not permitted$"):
        apply(0, True)


@pytest.mark.parametrize(("text", "cpus"), [("0-1,5\n", {0, 1, 5}), ("", None), (None, None)])
def test_where_the_kernel_says_nothing(
    text: str | None, cpus: set[int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "online"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(affinity, "_ONLINE", path)
    assert existing_cpus() == (set(range(os.cpu_count() or 1)) if cpus is None else cpus)
