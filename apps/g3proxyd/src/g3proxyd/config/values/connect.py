"""How connections to the remote side are attempted."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases
from ..section import Section
from .duration import Duration, format_duration
from .mistake import Mistake
from .numbers import Count

__all__ = ["HappyEyeballs", "TcpConnect"]

ATTEMPT_DELAY_MIN = 0.1  # RFC 8305 section 5 recommends 100 ms and forbids less than 10 ms
ATTEMPT_DELAY_MAX = 2.0  # RFC 8305 section 5 recommends this maximum


class TcpConnect(Section):
    """Attempts to connect."""

    max_retry: Count = 2
    """Further attempts for each address family after the first one failed."""
    each_timeout: Duration = 30.0
    """The time that one attempt may take."""


class HappyEyeballs(Section):
    """How addresses of both families race (RFC 8305)."""

    resolution_delay: Annotated[Duration, Aliases("first_resolution_delay")] = 0.05
    """How long the answer of one family waits for that of the preferred family."""
    second_resolution_timeout: Duration = 2.0
    """How long to wait for the second family when there is nothing left to try."""
    first_address_family_count: Count = 1
    """Addresses of the first family to try before one of the other."""
    connection_attempt_delay: Duration = 0.25
    """Time between the beginnings of two attempts, from 100ms to 2s."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        delay = min(max(self.connection_attempt_delay, ATTEMPT_DELAY_MIN), ATTEMPT_DELAY_MAX)
        if delay == self.connection_attempt_delay:
            return {}
        message = f"{format_duration(self.connection_attempt_delay)} is out of range: {format_duration(delay)} is used"
        notes.append(Mistake(message, path=("connection_attempt_delay",)))
        return {"connection_attempt_delay": delay}
