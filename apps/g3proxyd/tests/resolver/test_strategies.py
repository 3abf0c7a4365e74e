"""What `resolver NAME query` answers: both families by a strategy, in virtual time."""

import pytest
from escaper.network import FakeResolver, elapsed, run_virtually
from g3proxyd.config.values.resolve import QueryStrategy
from g3proxyd.resolver.errors import ResolveError, server_error
from g3proxyd.worker.process import resolve

FOUR, SIX = "192.0.2.1 192.0.2.2", "2001:db8::1"
DELAY = 0.05
FAILED, UNKNOWN = server_error("SERVFAIL", "the server failed"), server_error("NOTFOUND", "no such name")

Script = dict[str, tuple[float | None, str | ResolveError]]


def play(strategy: str, script: Script) -> tuple[str, float]:
    """Addresses or the error, and after how many seconds."""

    async def main() -> tuple[str, float]:
        resolver = FakeResolver(**script)
        try:
            said = " ".join(await resolve(resolver, "a.test", QueryStrategy(strategy), DELAY))
        except ResolveError as error:
            said = error.subtype
        return said, round(elapsed(), 2)

    return run_virtually(main)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("ipv4_only", FOUR),
        ("ipv6_only", SIX),
        ("ipv4_first", f"{FOUR} {SIX}"),
        ("ipv6_first", f"{SIX} {FOUR}"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_families_and_their_order(strategy: str, expected: str, at_once: bool) -> None:
    when = None if at_once else 0.01
    assert play(strategy, {"v4": (when, FOUR), "v6": (when, SIX)})[0] == expected


def test_the_preferred_family_is_waited_for_a_little() -> None:
    assert play("ipv4_first", {"v4": (9, FOUR), "v6": (1, SIX)}) == (SIX, 1.05)
    assert play("ipv4_first", {"v4": (1.04, FOUR), "v6": (1, SIX)}) == (f"{FOUR} {SIX}", 1.04)


def test_but_as_long_as_it_takes_when_the_other_has_nothing() -> None:
    assert play("ipv6_first", {"v4": (1, ""), "v6": (9, SIX)}) == (SIX, 9)
    assert play("ipv6_first", {"v4": (1, FAILED), "v6": (9, SIX)}) == (SIX, 9)


def test_failures() -> None:
    assert play("ipv4_first", {"v4": (1, UNKNOWN), "v6": (2, UNKNOWN)})[0] == "NOTFOUND"
    assert play("ipv4_first", {"v4": (1, FAILED), "v6": (2, SIX)})[0] == SIX
    assert play("ipv4_first", {"v4": (1, ""), "v6": (2, "")})[0] == ""


def test_a_failure_is_not_the_same_as_no_address() -> None:
    assert play("ipv4_first", {"v4": (1, FAILED), "v6": (2, "")})[0] == "SERVFAIL"
    assert play("ipv4_first", {"v4": (1, ""), "v6": (2, FAILED)})[0] == "SERVFAIL"
