"""Whole streams: each vector tells the story that it should, and no stream tells another story when it is split."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from g3_http import HttpError, Leniency, RequestError, RequestHead, RequestReader, ResponseError, ResponseReader
from g3_machine import Machine
from g3_machine.testing import Story, assert_splits_agree
from g3_machine.testing.strategies import cuts, mutations
from hypothesis import given, settings
from hypothesis import strategies as st

Vector = dict[str, Any]
Event = Any
"""A head, a piece of its body, or the list of trailers at the body's end."""

MANY = settings(max_examples=4 * settings().max_examples)
VECTORS: list[Vector] = [
    vector
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for vector in json.loads(path.read_text(encoding="ascii"))
]


class Telling:
    """Makes events of bodies, so that heads and bodies are one story."""

    in_body = False
    decode = False
    limit: int | None = None

    def next_event(self) -> Event:
        reader: Any = self
        if self.in_body:
            if data := (reader.take_content if self.decode else reader.take_body)(self.limit):
                return data
            if not reader.body_ended:
                return None
            self.in_body = False
            return list(reader.trailers)
        head = super().next_event()  # type: ignore[misc]  # the class behind this one in a telling reader is a Machine
        self.in_body = head is not None and not getattr(head, "interim", False)
        return head


class Requests(Telling, RequestReader):
    """Tells requests."""


class Responses(Telling, ResponseReader):
    """Tells responses."""


def make(vector: Vector) -> Machine[Any]:
    if vector["reader"] == "request":
        return Requests()
    reader = Responses()
    reader.expect(vector.get("method", "GET").encode(), upgrade=vector.get("upgrade", False))
    return reader


def answer(reader: Machine[Any], event: Event) -> bool:
    """A story ends where another protocol begins."""
    return reader._state.__name__ == "_switched" and not isinstance(event, bytes)


def merge(events: list[Event]) -> list[Event]:
    """Join the pieces of each body."""
    merged: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += event
        else:
            merged.append(event)
    return merged


def tell(create: Callable[[], Machine[Any]], stream: bytes, where: list[int]) -> Story:
    return assert_splits_agree(create, stream, answer, where, merge=merge)


def plain(value: object) -> object:
    """What a head holds, as JSON can say it."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {plain(key): plain(item) for key, item in value.items()}
        case _:
            return getattr(value, "value", value)


def attribute(head: object, path: str) -> object:
    for name in path.split("."):
        head = getattr(head, name)
    return plain(head)


def bodies(events: tuple[Event, ...]) -> list[str]:
    found: list[str] = []
    for event in events:
        if isinstance(event, bytes):
            found[-1] += event.decode("latin-1")
        elif not isinstance(event, list):
            found.append("")
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}, {vector['name']}")
def test_vector(vector: Vector) -> None:
    story = tell(lambda: make(vector), vector["in"].encode("latin-1"), [3, 20, 21])
    heads = [event for event in story.events if not isinstance(event, bytes | list)]
    expected = vector["heads"]
    told = [{path: attribute(head, path) for path in want} for head, want in zip(heads, expected, strict=False)]
    assert told == expected
    assert len(heads) == len(expected)
    if "bodies" in vector:
        assert bodies(story.events) == vector["bodies"]
    if "trailers" in vector:
        assert plain(story.events[-1]) == vector["trailers"]
    if "fault" not in vector:
        assert story.fault is None
        assert story.unread == vector.get("unread", "").encode("latin-1")
        assert story.output == b""
    else:
        check_fault(vector, story)


def check_fault(vector: Vector, story: Story) -> None:
    reason, status = vector["fault"]
    fault = fault_of(vector)
    assert (fault.reason, fault.status) == (reason, status)
    assert story.fault == (type(fault), str(fault), fault.reply)
    assert story.output == fault.reply
    if vector["reader"] == "request":
        assert isinstance(fault, RequestError)
        assert fault.reply.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\nConnection: close\r\n" in fault.reply
    else:
        assert isinstance(fault, ResponseError)
        assert fault.reply == b""


def fault_of(vector: Vector) -> HttpError:
    reader = make(vector)
    reader.receive_data(vector["in"].encode("latin-1"))
    reader.receive_eof()
    with pytest.raises(HttpError) as caught:
        for _ in range(100):
            answer(reader, reader.next_event())
    return caught.value


STREAMS = st.sampled_from([vector for vector in VECTORS if len(vector["in"]) < 1000])


@MANY
@given(STREAMS, STREAMS, st.data())
def test_mutated_streams_split_anywhere(first: Vector, second: Vector, data: st.DataObject) -> None:
    """Two streams of the same kind in a row, with a few bytes changed."""
    parts = [vector["in"].encode("latin-1") for vector in (first, second) if vector["reader"] == first["reader"]]
    stream = data.draw(mutations(st.just(b"".join(parts))))
    decode, limit = data.draw(st.booleans()), data.draw(st.sampled_from([None, None, 1, 7]))

    def create() -> Machine[Any]:
        reader: Any = make(first)
        if first["reader"] == "response":
            reader.expect(b"GET")
        reader.decode, reader.limit = decode, limit
        return reader  # type: ignore[no-any-return]  # it is one of two classes

    story = tell(create, stream, data.draw(cuts(len(stream))))
    assert story.fault is None or issubclass(story.fault[0], HttpError)


@MANY
@given(
    st.binary(max_size=60), st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 200 OK\r\n"]), cuts(90)
)
def test_arbitrary_bytes_raise_only_documented_errors(noise: bytes, begin: bytes, where: list[int]) -> None:
    def lenient() -> Machine[Any]:
        return Requests(leniency=Leniency(True, True, True, True, True))

    def responses() -> Machine[Any]:
        reader = Responses(leniency=Leniency(bare_status_line=True))
        reader.expect(b"GET")
        return reader

    for create in (lenient, responses):
        story = tell(create, begin + noise, where)
        assert story.fault is None or issubclass(story.fault[0], HttpError)


def test_reprs_hold_no_secrets() -> None:
    reader = RequestReader()
    reader.receive_data(b"GET ftp://u:secret@a/secret HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n")
    head = reader.next_event()
    assert isinstance(head, RequestHead)
    assert "secret" not in repr(head)
    assert "u:secret" not in repr(head.target)
