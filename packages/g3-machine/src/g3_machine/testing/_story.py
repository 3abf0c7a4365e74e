"""The story that a machine tells about a stream, and the proof that splitting the stream does not change it."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .._errors import RemoteProtocolError
from .._machine import Machine

M = TypeVar("M", bound=Machine[Any])

Answer = Callable[[M, Any], bool | None]
"""Answers one event by the machine's own verbs; True ends the story, as the last event of a handshake does."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that a machine says about one stream; two stories can be compared with ``==``."""

    events: tuple[Any, ...]
    output: bytes
    fault: tuple[type[RemoteProtocolError], str, bytes] | None
    """Type, text and reply of the fault that ended the story, or None."""
    unread: bytes


def keep_going(machine: Machine[Any], event: object) -> None:
    """The answer to machines that owe none."""


def play(
    machine: M,
    chunks: Iterable[bytes],
    answer: Answer[M] = keep_going,
    *,
    merge: Callable[[list[Any]], list[Any]] = list,
) -> Story:
    """Feed the chunks and then the end of the stream to a fresh machine; return what it told.

    ``merge`` may join neighbouring events that carry pieces of one body, so that only their sum counts.
    """
    events: list[Any] = []
    output = bytearray()
    fault: tuple[type[RemoteProtocolError], str, bytes] | None = None
    over = False

    def pump() -> None:
        nonlocal fault, over
        while not over:
            try:
                event = machine.next_event()
            except RemoteProtocolError as error:
                fault = (type(error), str(error), error.reply)
                over = True
            else:
                if event is None:
                    break
                events.append(event)
                over = bool(answer(machine, event))
        output.extend(machine.data_to_send())

    for chunk in chunks:
        machine.receive_data(chunk)
        pump()
    machine.receive_eof()
    pump()
    return Story(tuple(merge(events)), bytes(output), fault, machine.take_unread())


def cut(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Split the stream at the given offsets; offsets outside of it are ignored."""
    edges = sorted({0, len(stream), *(max(0, min(at, len(stream))) for at in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


def assert_splits_agree(
    make: Callable[[], M],
    stream: bytes,
    answer: Answer[M] = keep_going,
    cuts: Sequence[int] = (),
    *,
    merge: Callable[[list[Any]], list[Any]] = list,
) -> Story:
    """Assert that the stream tells one story whole, split at ``cuts``, and byte by byte; return that story.

    ``make`` builds a fresh machine for each telling.
    """
    whole = play(make(), [stream], answer, merge=merge)
    for chunks in (cut(stream, cuts), cut(stream, range(len(stream)))):
        split = play(make(), chunks, answer, merge=merge)
        assert split == whole, f"split as {chunks!r}: {split!r} is not {whole!r}"
    return whole
