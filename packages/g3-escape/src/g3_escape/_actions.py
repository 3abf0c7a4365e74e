"""What a race, of addresses or of routes, has its driver do."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

A = TypeVar("A")


class Failure(Enum):
    """Why no connection came about."""

    NO_ADDRESS = "no address"
    """Every family was resolved, and there was nothing to try."""
    ATTEMPTS_FAILED = "attempts failed"
    """Every address that may be tried was tried, and none answered in time."""
    RESOLUTION_TIMEOUT = "resolution timeout"
    """One family led nowhere, and the addresses of the other one did not come in time."""
    REFUSED = "refused"
    """An attempt failed for a reason that no other one would mend."""


@dataclass(frozen=True, slots=True)
class Dial(Generic[A]):
    """Start to connect to ``address``; report the outcome with the number ``attempt``."""

    address: A
    attempt: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up on this attempt and release what it holds, even if it has just succeeded."""

    attempt: int
    timed_out: bool
    """Whether it had its full time. False when another attempt was faster."""


@dataclass(frozen=True, slots=True)
class Done:
    """This attempt won; every other one has been cancelled. Nothing follows."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no connection and nothing left to try. Nothing follows."""

    failure: Failure


Action = Dial[A] | Cancel | Done | Failed
