"""Addresses of data connections."""

import contextlib
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_ftp import (
    FtpError,
    Reply,
    pack_extended_port,
    pack_passive,
    parse_extended_passive,
    parse_extended_port,
    parse_passive,
    parse_port,
)
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st

HOST = IPv4Address("192.0.2.1")
ports = st.integers(1, 65535)


@pytest.mark.parametrize(
    "text",
    [b"Entering Passive Mode (192,0,2,1,18,52).", b"=192,0,2,1,18,52", b"192,0,2,1,18,52", b"in 5 (192,0,2,1,018,052)"],
)
def test_passive(text: bytes) -> None:
    assert parse_passive(Reply(227, (text,))) == (HOST, 18 * 256 + 52)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (227, b""),
        (227, b"(192,0,2,1,18)"),
        (227, b"(192,0,2,1,18,52,9)"),
        (227, b"(1920,0,2,1,18,52)"),
        (227, b"(192,0,2,1,18,5200)"),
        (227, b"(192,0,2,1,18, 52)"),
        (227, b"(256,0,2,1,18,52)"),
        (227, b"(192,0,2,1,18,256)"),
        (227, b"(192,0,2,1,0,0)"),
        (200, b"(192,0,2,1,18,52)"),
    ],
)
def test_no_passive(code: int, text: bytes) -> None:
    with pytest.raises(FtpError):
        parse_passive(Reply(code, (text,)))


@pytest.mark.parametrize("text", [b"Entering Extended Passive Mode (|||4660|)", b"(!!!4660!)", b"x (~~~4660~) y"])
def test_extended_passive(text: bytes) -> None:
    assert parse_extended_passive(Reply(229, (text,))) == 4660


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (229, b""),
        (229, b"|||4660|"),
        (229, b"(|||4660)"),
        (229, b"(||!4660|)"),
        (229, b"(|||466000|)"),
        (229, b"(|||0|)"),
        (229, b"(|||65536|)"),
        (229, b"(|1|192.0.2.1|4660|)"),
        (229, b"(1114661)"),
        (227, b"(|||4660|)"),
    ],
)
def test_no_extended_passive(code: int, text: bytes) -> None:
    with pytest.raises(FtpError):
        parse_extended_passive(Reply(code, (text,)))


@pytest.mark.parametrize(
    "argument", [b"", b"1,2,3,4,5", b"1,2,3,4,5,6,7", b" 1,2,3,4,5,6", b"1,2,3,4,0,0", b"1,2,3,256,1,1"]
)
def test_no_port(argument: bytes) -> None:
    with pytest.raises(FtpError):
        parse_port(argument)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"|1|192.0.2.1|80",
        b"|3|192.0.2.1|80|",
        b"|2|192.0.2.1|80|",
        b"|1|::1|80|",
        b"|1|192.0.2.1|0|",
        b"|1|192.0.2.1|65536|",
        b"|1|192.0.2.1!80|",
        b"|1|" + b"1" * 46 + b"|80|",
    ],
)
def test_no_extended_port(argument: bytes) -> None:
    with pytest.raises(FtpError):
        parse_extended_port(argument)


def test_the_last_line_of_a_reply_counts() -> None:
    assert parse_passive(Reply(227, (b"(10,0,0,1,1,1)", b"(192,0,2,1,18,52)"))) == (HOST, 4660)
    assert parse_extended_passive(Reply(229, (b"(|||1|)", b"(|||4660|)"))) == 4660


def test_examples_of_rfc_2428() -> None:
    assert parse_extended_port(b"|1|132.235.1.2|6275|") == (IPv4Address("132.235.1.2"), 6275)
    address = IPv6Address("1080::8:800:200C:417A")
    assert parse_extended_port(b"|2|1080::8:800:200C:417A|5282|") == (address, 5282)
    assert pack_extended_port(address, 5282) == b"|2|1080::8:800:200c:417a|5282|"


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports_of_ours(port: int) -> None:
    with pytest.raises(LocalProtocolError):
        pack_passive(HOST, port)
    with pytest.raises(LocalProtocolError):
        pack_extended_port(HOST, port)


@given(st.ip_addresses(v=4), ports)
def test_round_trips(address: IPv4Address, port: int) -> None:
    packed = pack_passive(address, port)
    assert parse_port(packed) == parse_passive(Reply(227, (b"(" + packed + b")",))) == (address, port)
    assert parse_extended_passive(Reply(229, (b"(|||%d|)" % port,))) == port


@given(st.ip_addresses(), ports)
def test_extended_round_trips(address: IPv4Address | IPv6Address, port: int) -> None:
    assert parse_extended_port(pack_extended_port(address, port)) == (address, port)


@given(st.text(alphabet="(|)0123456789,.:~ ", max_size=40).map(str.encode))
def test_garbage_is_refused_or_a_real_port(text: bytes) -> None:
    parsers: list[Callable[[], int]] = [
        lambda: parse_passive(Reply(227, (text,)))[1],
        lambda: parse_extended_passive(Reply(229, (text,))),
        lambda: parse_port(text)[1],
        lambda: parse_extended_port(text)[1],
    ]
    for parse in parsers:
        with contextlib.suppress(FtpError):
            assert 1 <= parse() <= 65535
