"""Hosts: names, addresses in all their clothes, and what is neither."""

import json
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from g3_acl import MAX_LABEL, MAX_NAME, Host, HostError, parse_host
from hypothesis import example, given
from hypothesis import strategies as st

VECTORS: dict[str, list[dict[str, str]]] = json.loads((Path(__file__).parent / "vectors" / "hosts.json").read_text())


def why(vector: dict[str, str]) -> str:
    return ascii(vector["text"])


@pytest.mark.parametrize("vector", VECTORS["names"], ids=why)
def test_name(vector: dict[str, str]) -> None:
    assert parse_host(vector["text"]) == vector["host"]


@pytest.mark.parametrize("vector", VECTORS["addresses"], ids=why)
def test_address(vector: dict[str, str]) -> None:
    assert parse_host(vector["text"]) == ip_address(vector["host"])


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=why)
def test_no_host(vector: dict[str, str]) -> None:
    with pytest.raises(HostError) as raised:
        parse_host(vector["text"])
    assert str(raised.value) == vector["message"]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "nothing"), (2130706433, "2130706433"), (b"a", "a bytes"), (["a"], "a sequence")]
)
def test_what_is_not_text(value: Any, shown: str) -> None:
    with pytest.raises(HostError, match=rf"^{shown} is no host$"):
        parse_host(value)


LABEL = "a" * MAX_LABEL
LONGEST = f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}"


@pytest.mark.parametrize("name", [LABEL, f"{LABEL}.b", f"b.{LABEL}", LONGEST, f"1.{LONGEST[2:]}", f"3{LONGEST[1:]}"])
def test_longest_names(name: str) -> None:
    assert parse_host(name) == name
    assert parse_host(name + ".") == name


def test_limits() -> None:
    assert (MAX_NAME, MAX_LABEL) == (253, 63)
    assert len(LONGEST) == 253


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{LABEL}a", " has a label of 64 characters, 63 are allowed"),
        (f"{LABEL}a.b", " has a label of 64 characters, 63 are allowed"),
        (f"b.{LABEL}a", " has a label of 64 characters, 63 are allowed"),
        (f"b.{LABEL}a.c", " has a label of 64 characters, 63 are allowed"),
        (f"{LONGEST}a", " is too long: 254 characters, 253 are allowed"),
        (f"{LONGEST[:-1]}.a", " is too long: 254 characters, 253 are allowed"),
        ("ü." + "a." * 123 + "b", " is too long: 255 characters, 253 are allowed"),
        ("ü" * 60 + ".b", " has a label of 66 characters, 63 are allowed"),
        (f"{LONGEST}..", "a host name of 255 characters, 253 are allowed"),
        ("1" * 255, "a host name of 255 characters, 253 are allowed"),
        ("ü" * 5000, "a host name of 5000 characters, 253 are allowed"),
        ("[" + "0" * 254, "a host name of 255 characters, 253 are allowed"),
    ],
)
def test_too_long(text: str, message: str) -> None:
    with pytest.raises(HostError) as raised:
        parse_host(text)
    assert str(raised.value).endswith(message)
    assert len(str(raised.value)) < 140


def test_longest_number() -> None:
    assert parse_host("0" * 52 + "17700000001") == IPv4Address("127.0.0.1")
    assert parse_host("0x" + "0" * 53 + "7f000001") == IPv4Address("127.0.0.1")
    with pytest.raises(HostError, match=r"a number is too large$"):
        parse_host("9" * 63)
    with pytest.raises(HostError, match=r"has a label of 64 characters, 63 are allowed$"):
        parse_host("0" * 64)


@given(st.text(st.sampled_from("aAzZ09_-.xX[]:%ü١。　 \0"), max_size=40) | st.text(max_size=300))
@example("a" * 63 + ".")
def test_what_is_read_is_stable(text: str) -> None:
    try:
        host = parse_host(text)
    except HostError as error:
        message = str(error)
    else:
        message = ""
        check_host(host)
    assert message.isprintable()


def check_host(host: Host) -> None:
    assert parse_host(str(host)) == host
    assert not (isinstance(host, IPv6Address) and host.ipv4_mapped)
    if isinstance(host, str):
        assert host == host.lower()
        assert host.isascii()
        assert 1 <= len(host) <= MAX_NAME
        assert all(1 <= len(label) <= MAX_LABEL for label in host.split("."))


@given(st.ip_addresses(v=4))
def test_ipv4_addresses_in_all_notations(address: IPv4Address) -> None:
    number = int(address)
    first, second, third, fourth = address.packed
    for text in (
        str(address),
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"{first}.{number & 0xFFFFFF}",
        f"{first:#x}.0{second:o}.{number & 0xFFFF}",
        f"{first:#X}.{second:#x}.{third:#x}.{fourth:#x}",
        f"0{first:o}.0{second:o}.0{third:o}.0{fourth:o}.",
        f"::ffff:{address}",
        f"[::ffff:{first:x}{second:02x}:{third:x}{fourth:02x}]",
    ):
        assert parse_host(text) == address


@given(st.ip_addresses(v=6))
def test_ipv6_addresses(address: IPv6Address) -> None:
    expected = address.ipv4_mapped or address
    for text in (str(address), address.exploded, f"[{address}]", str(address).upper()):
        assert parse_host(text) == expected
