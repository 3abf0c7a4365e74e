"""Whole streams: each vector tells the story that it should, and no stream tells another story when it is split."""

import json
from pathlib import Path
from typing import Any

import pytest
from g3_machine import LocalProtocolError
from g3_machine.testing import assert_splits_agree, play
from g3_machine.testing.strategies import cuts, mutations
from g3_tls import ClientHello, ClientHelloReader, HelloError, NotTlsError, pack_client_hello
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


def told(hello: ClientHello) -> Vector:
    """A hello in the words of a vector."""
    return {
        "tlcp": hello.tlcp,
        "legacy_version": hello.legacy_version,
        "session_id": hello.session_id.hex(),
        "cipher_suites": " ".join(f"{suite:04x}" for suite in hello.cipher_suites),
        "extensions": " ".join(f"{kind:04x}" for kind, _ in hello.extensions),
        "server_name": hello.server_name,
        "alpn": [name.decode("latin-1") for name in hello.alpn],
        "supported_versions": hello.supported_versions and list(hello.supported_versions),
        "size": hello.size,
    }


def over(_: ClientHelloReader, __: ClientHello) -> bool:
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_vector(vector: Vector) -> None:
    stream = wire(vector)
    story = assert_splits_agree(ClientHelloReader, stream, over)
    assert story.unread == stream
    assert story.output.hex() == vector.get("out", "")
    if "fault" in vector:
        assert story.events == ()
        assert story.fault is not None
        assert story.fault[1] == vector["fault"][1]
    else:
        assert [told(hello) for hello in story.events] == [vector["hello"]]
        assert story.fault is None
    for at in range(1, len(stream)):
        assert play(ClientHelloReader(), [stream[:at], stream[at:]], over) == story


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_nothing_is_read_after_the_end(vector: Vector) -> None:
    reader = ClientHelloReader()
    story = play(reader, [wire(vector)], over)
    for _ in range(2):
        if story.fault is None:
            with pytest.raises(LocalProtocolError):
                reader.next_event()
        else:
            with pytest.raises(story.fault[0]) as caught:
                reader.next_event()
            assert isinstance(caught.value, HelloError | NotTlsError)
            assert [caught.value.reason, str(caught.value)] == vector["fault"]
    assert reader.data_to_send() == b""


HELLOS = st.builds(
    pack_client_hello,
    st.just(bytes(32)),
    server_name=st.sampled_from([None, "a", "a.example"]),
    alpn=st.sampled_from([(), (b"h2",), (b"h2", b"http/1.1")]),
    versions=st.sampled_from([(0x0304,), (0x0303,), (0x0304, 0x0303)]),
    cipher_suites=st.just([0x1301]),
    tlcp=st.booleans(),
    fragment_size=st.sampled_from([1, 7, 30, 16384]),
)


@MANY
@given(mutations(st.one_of(HELLOS, st.sampled_from([wire(vector) for vector in VECTORS]))), cuts(300))
def test_no_split_changes_the_story_of_a_faulty_stream(stream: bytes, where: list[int]) -> None:
    story = assert_splits_agree(lambda: ClientHelloReader(max_records=20), stream, over, where)
    assert story.unread == stream


@MANY
@given(st.data(), st.binary(max_size=80), cuts(80))
def test_no_split_changes_the_story_of_a_faulty_body(data: st.DataObject, noise: bytes, where: list[int]) -> None:
    """Lengths outside are right, what is inside is not."""
    [hello] = data.draw(st.lists(HELLOS, min_size=1, max_size=1))
    at = data.draw(st.integers(0, 40))
    body = hello[9 : 9 + at] + noise
    stream = b"\x16\x03\x01" + (len(body) + 4).to_bytes(2, "big") + b"\x01" + len(body).to_bytes(3, "big") + body
    story = assert_splits_agree(ClientHelloReader, stream, over, where)
    assert story.events or story.fault is not None


@pytest.mark.parametrize(
    "start", ["", "16", "1603", "160301", "160101", "1603010005", "160301000201", "16030100010116"]
)
@given(stream=st.binary(max_size=40), where=cuts(60))
def test_no_split_changes_the_story_of_noise(start: str, stream: bytes, where: list[int]) -> None:
    assert_splits_agree(ClientHelloReader, bytes.fromhex(start) + stream, over, where)
