"""g3proxy's own TLVs."""

from typing import Any

import pytest
from g3_machine import LocalProtocolError
from g3_proxyproto import G3Type, G3Values, HeaderError, Tlv, pack_g3, parse_g3

TASK = bytes(range(16))
FULL = G3Values("a.example:443", "a.example", "jürgen", TASK, "websocket", 7, 70000)
WIRE = [
    Tlv(0xE0, b"a.example:443"),
    Tlv(0xE1, b"a.example"),
    Tlv(0xE2, "jürgen".encode()),
    Tlv(0xE3, TASK),
    Tlv(0xE4, b"websocket"),
    Tlv(0xE5, b"\x00\x07"),
    Tlv(0xE6, b"\x00\x01\x11\x70"),
]


def test_the_wire() -> None:
    assert pack_g3(FULL) == WIRE
    assert pack_g3(G3Values()) == []
    assert pack_g3(G3Values(match_id=0)) == [Tlv(0xE5, bytes(2))]


def test_any_order_among_others() -> None:
    assert parse_g3([Tlv(4, b""), *reversed(WIRE), Tlv(0xE7, b"\xff"), Tlv(0xDF, b"")]) == FULL
    assert parse_g3([]) == G3Values()


@pytest.mark.parametrize("kind", G3Type)
def test_each_comes_once(kind: G3Type) -> None:
    tlv = WIRE[kind - 0xE0]
    with pytest.raises(HeaderError) as caught:
        parse_g3([tlv, Tlv(4, b""), tlv])
    assert (caught.value.reason, str(caught.value)) == ("tlv", f"two TLVs of the type {kind.name}")


@pytest.mark.parametrize(
    ("tlv", "message"),
    [
        (Tlv(0xE0, b"\xff"), "UPSTREAM that is not UTF-8"),
        (Tlv(0xE4, b"\xff"), "PROTOCOL that is not UTF-8"),
        (Tlv(0xE3, bytes(15)), "TASK_ID that has not 16 bytes"),
        (Tlv(0xE3, bytes(17)), "TASK_ID that has not 16 bytes"),
        (Tlv(0xE5, bytes(3)), "MATCH_ID that has not 2 bytes"),
        (Tlv(0xE6, bytes(2)), "PAYLOAD_SIZE that has not 4 bytes"),
    ],
)
def test_values_that_are_refused(tlv: Tlv, message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        parse_g3([tlv])
    assert (caught.value.reason, str(caught.value)) == ("tlv", message)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"task_id": bytes(15)}, "TASK_ID of 15 bytes, not 16"),
        ({"match_id": -1}, "MATCH_ID -1, not 0 to 65535"),
        ({"match_id": 65536}, "MATCH_ID 65536, not 0 to 65535"),
        ({"payload_size": 2**32}, "PAYLOAD_SIZE 4294967296, not 0 to 4294967295"),
    ],
)
def test_values_that_have_no_room(values: dict[str, Any], message: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_g3(G3Values(**values))
    assert str(caught.value) == message


def test_the_largest_numbers() -> None:
    largest = G3Values(match_id=65535, payload_size=2**32 - 1)
    assert parse_g3(pack_g3(largest)) == largest
