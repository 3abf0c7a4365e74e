"""Two machines that talk to each other in memory."""

from typing import Any, Generic, TypeVar

from .._machine import Machine
from ._story import Answer, cut, keep_going

C = TypeVar("C", bound=Machine[Any])
S = TypeVar("S", bound=Machine[Any])

MAX_TURNS = 1000
"""Turns before a pair is said to talk in circles; a handshake takes a dozen."""


class Pair(Generic[C, S]):
    """The client's machine and the server's machine of one connection, without a network between them."""

    def __init__(self, client: C, server: S, *, split: int | None = None) -> None:
        """``split`` carries the bytes in pieces of that size."""
        self.client = client
        self.server = server
        self.client_events: list[Any] = []
        self.server_events: list[Any] = []
        self._split = split

    def run(self, on_client: Answer[C] = keep_going, on_server: Answer[S] = keep_going) -> None:
        """Carry bytes both ways and answer events until neither side has anything to say.

        An answer that returns True ends that side: its later bytes stay unread. Faults are raised.
        """
        over = [False, False]
        for _ in range(MAX_TURNS):
            asked = self._turn(self.client, self.client_events, self.server, on_client, over, 0)
            answered = self._turn(self.server, self.server_events, self.client, on_server, over, 1)
            if not asked and not answered:
                return
        raise AssertionError(f"still talking after {MAX_TURNS} turns")

    def _turn(
        self,
        one: Any,
        events: list[Any],
        other: Machine[Any],
        answer: Answer[Any],
        over: list[bool],
        side: int,
    ) -> bool:
        """Take and answer all events of one side, then carry what it says; return whether it said anything."""
        while not over[side] and (event := one.next_event()) is not None:
            events.append(event)
            over[side] = bool(answer(one, event))
        data = one.data_to_send()
        for piece in cut(data, range(0, len(data), self._split) if self._split else ()):
            other.receive_data(piece)
        return bool(data)
