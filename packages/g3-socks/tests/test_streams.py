"""Whole streams: each vector tells the story that it should, and no stream tells another story when it is split."""

import json
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from g3_machine import LocalProtocolError
from g3_machine.testing import assert_splits_agree, play
from g3_machine.testing.strategies import cuts, mutations
from g3_socks import (
    Bind,
    ClientEvent,
    Connect,
    Credentials,
    Granted,
    Incoming,
    Method,
    Reply,
    ServerEvent,
    Socks4Client,
    Socks4Server,
    Socks5Client,
    Socks5Server,
    SocksServer,
    UdpAssociate,
)
from g3_socks._address import to_host
from hypothesis import given, settings
from hypothesis import strategies as st

# Most mutations spoil a stream in its first bytes: more examples than usual.
MANY = settings(max_examples=4 * settings().max_examples)

AnyMachine = Socks4Client | Socks4Server | Socks5Client | Socks5Server | SocksServer
Vector = dict[str, Any]

MACHINES: dict[str, type[AnyMachine]] = {
    kind.__name__: kind for kind in (Socks4Client, Socks4Server, Socks5Client, Socks5Server, SocksServer)
}
REQUESTS: dict[str, Any] = {kind.__name__: kind for kind in (Connect, Bind, UdpAssociate)}
VECTORS: list[Vector] = [
    vector
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for vector in json.loads(path.read_text(encoding="utf-8"))
    if "machine" in vector
]


def wire(text: str) -> bytes:
    """The bytes of ``05 01 00 6e*255``."""
    tokens = (token.partition("*") for token in text.split())
    return b"".join(bytes.fromhex(byte) * int(times or 1) for byte, _, times in tokens)


def make(vector: Vector) -> AnyMachine:
    options = dict(vector.get("options", {}))
    if "methods" in options:
        options["methods"] = [Method(method) for method in options["methods"]]
    if "credentials" in options:
        options["credentials"] = Credentials(*(text.encode() for text in options["credentials"]))
    if "request" in options:
        kind, host, port, *user_id = options["request"]
        options["request"] = REQUESTS[kind](to_host(host), port, *(text.encode() for text in user_id))
    return MACHINES[vector["machine"]](**options)


def answer(machine: Any, event: ServerEvent | ClientEvent) -> bool:
    """Take the password "pass"; refuse requests for port 1 and the second half of a BIND for port 2; grant the rest."""
    match event:
        case Credentials(_, password):
            machine.authenticate(password == b"pass")
            return password != b"pass"
        case Granted():
            return not machine._incoming
        case Incoming():
            return True
        case Connect(_, 1) | Bind(_, 1) | UdpAssociate(_, 1):
            machine.refuse(Reply.CONNECTION_REFUSED)
        case Bind(_, port):
            machine.grant(IPv4Address("198.51.100.9"), 1080)
            if port == 2:
                machine.refuse(Reply.TTL_EXPIRED)
            else:
                machine.grant(IPv4Address("192.0.2.7"), 20)
        case Connect() | UdpAssociate():
            machine.grant(IPv4Address("198.51.100.9"), 1080)
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_vector(vector: Vector) -> None:
    stream = wire(vector["in"])
    story = assert_splits_agree(partial(make, vector), stream, answer)
    assert [repr(event) for event in story.events] == vector["events"]
    assert story.output == wire(vector["out"])
    if "fault" in vector:
        assert story.fault is not None
        assert [story.fault[0].__name__, story.fault[1]] == vector["fault"]
    else:
        assert story.fault is None
        assert story.unread == wire(vector.get("unread", ""))
    for at in range(1, len(stream)):
        assert play(make(vector), [stream[:at], stream[at:]], answer) == story


# Streams of some 300 bytes show what those of 20 show, and take their time byte by byte.
SHORT = [vector for vector in VECTORS if len(wire(vector["in"])) < 40]


@st.composite
def vectors_gone_wrong(draw: st.DrawFn) -> tuple[Vector, bytes]:
    """A vector, and its stream, or another's, with a few bytes changed."""
    vector = draw(st.sampled_from(SHORT))
    other = draw(st.sampled_from([vector, vector, vector, *SHORT]))
    return vector, draw(mutations(st.just(wire(other["in"]))))


@MANY
@given(vectors_gone_wrong(), cuts(40))
def test_no_split_changes_the_story_of_a_faulty_stream(faulty: tuple[Vector, bytes], where: list[int]) -> None:
    vector, stream = faulty
    assert_splits_agree(partial(make, vector), stream, answer, where)


@pytest.mark.parametrize("machine", MACHINES)
@given(st.binary(max_size=30), cuts(30))
def test_no_split_changes_the_story_of_noise(machine: str, stream: bytes, where: list[int]) -> None:
    vector = next(vector for vector in VECTORS if vector["machine"] == machine)
    assert_splits_agree(partial(make, vector), stream, answer, where)


@pytest.mark.parametrize("vector", SHORT, ids=lambda vector: f"{vector['section']}: {vector['name']}")
def test_nothing_is_read_after_the_end(vector: Vector) -> None:
    """What is over stays over: the same fault again, or a mistake of ours."""
    machine = make(vector)
    story = play(machine, [wire(vector["in"])], answer)
    for _ in range(2):
        if story.fault is None:
            with pytest.raises(LocalProtocolError):
                machine.next_event()
        else:
            with pytest.raises(story.fault[0]) as caught:
                machine.next_event()
            assert str(caught.value) == story.fault[1]
    assert machine.data_to_send() == b""
