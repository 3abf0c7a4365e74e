"""Whole streams: each vector tells the story that it should, and no stream tells another story when it is split."""

import json
from pathlib import Path
from typing import Any

import pytest
from g3_machine import LocalProtocolError
from g3_machine.testing import assert_splits_agree, play
from g3_machine.testing.strategies import cuts, mutations
from g3_proxyproto import Header, HeaderError, HeaderReader, Inet
from hypothesis import given, settings
from hypothesis import strategies as st

# Most mutations spoil a stream in its first bytes: more examples than usual.
MANY = settings(max_examples=4 * settings().max_examples)

Vector = dict[str, Any]
VECTORS: list[Vector] = [
    vector
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for vector in json.loads(path.read_text(encoding="utf-8"))
]


def wire(vector: Vector) -> bytes:
    text: str | None = vector.get("text")
    return bytes.fromhex(vector["hex"]) if text is None else text.encode("latin-1")


def told(header: Header) -> Vector:
    """A header in the words of a vector."""
    addresses = [
        [end.host.packed.hex(), end.port] if isinstance(end, Inet) else end and end.path.hex()
        for end in (header.source, header.destination)
    ]
    return {
        "version": header.version,
        "command": header.command.name,
        "transport": header.transport.name,
        "source": addresses[0],
        "destination": addresses[1],
        "tlvs": [[tlv.type, tlv.value.hex()] for tlv in header.tlvs],
        "opaque": header.opaque.hex(),
        "size": header.size,
    }


def over(_: HeaderReader, __: Header) -> bool:
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_vector(vector: Vector) -> None:
    stream = wire(vector)
    story = assert_splits_agree(HeaderReader, stream, over)
    assert story.output == b""
    if "fault" in vector:
        assert story.events == ()
        assert story.fault is not None
        assert story.fault[:2] == (HeaderError, vector["fault"][1])
        assert story.unread == stream
    else:
        assert [told(header) for header in story.events] == [vector["header"]]
        assert story.fault is None
        assert story.unread.hex() == vector["unread"]
    for at in range(1, len(stream)):
        assert play(HeaderReader(), [stream[:at], stream[at:]], over) == story


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_nothing_is_read_after_the_end(vector: Vector) -> None:
    reader = HeaderReader()
    story = play(reader, [wire(vector)], over)
    for _ in range(2):
        if story.fault is None:
            with pytest.raises(LocalProtocolError):
                reader.next_event()
        else:
            with pytest.raises(HeaderError) as caught:
                reader.next_event()
            assert [caught.value.reason, str(caught.value)] == vector["fault"]


@MANY
@given(mutations(st.sampled_from([wire(vector) for vector in VECTORS if len(wire(vector)) < 120])), cuts(120))
def test_no_split_changes_the_story_of_a_faulty_stream(stream: bytes, where: list[int]) -> None:
    assert_splits_agree(HeaderReader, stream, over, where)


@pytest.mark.parametrize("start", [b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"])
@given(stream=st.text("0129af:. \r\n").map(str.encode), where=cuts(60))
def test_no_split_changes_the_story_of_a_line(start: bytes, stream: bytes, where: list[int]) -> None:
    assert_splits_agree(HeaderReader, start + stream, over, where)


SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


@pytest.mark.parametrize("start", [b"", b"\x21", b"\x21\x11\x00", b"\x21\x11\x00\x1c" + bytes(12)])
@given(stream=st.binary(max_size=40), where=cuts(60))
def test_no_split_changes_the_story_of_noise(start: bytes, stream: bytes, where: list[int]) -> None:
    assert_splits_agree(HeaderReader, SIGNATURE + start + stream, over, where)
