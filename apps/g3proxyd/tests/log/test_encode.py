"""Log values as text."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from g3proxyd.log import encode
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, None),
        (-1.0, None),
        (1e-9, "1.000ns"),
        (2.5e-7, "250.000ns"),
        (1e-6, "1.000µs"),
        (0.0009994, "999.400µs"),
        (0.001, "1.000ms"),
        (0.25, "250.000ms"),
        (1.0, "1.000s"),
        (1.23456, "1.235s"),
        (3600.0, "3600.000s"),
    ],
)
def test_duration(seconds: float, text: str | None) -> None:
    assert encode.duration(seconds) == text


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (0.000001, "1970-01-01T00:00:00.000001Z"),
        (1767323045.678901, "2026-01-02T03:04:05.678901Z"),
        (1767323045.0, "2026-01-02T03:04:05.000000Z"),
        (1767323045.9999998, "2026-01-02T03:04:06.000000Z"),
        (4102444799.5, "2099-12-31T23:59:59.500000Z"),
    ],
)
def test_rfc3339(timestamp: float, text: str) -> None:
    assert encode.rfc3339(timestamp) == text


@given(st.integers(0, 4_102_444_800_000_000))
def test_rfc3339_is_exact(micros: int) -> None:
    parsed = datetime.fromisoformat(encode.rfc3339(micros / 1_000_000))
    assert parsed.tzinfo == UTC
    assert abs(parsed.timestamp() - micros / 1_000_000) < 1e-6


def test_uuid() -> None:
    value = UUID("01234567-89ab-cdef-0123-456789abcdef")
    assert encode.uuid(value) == encode.uuid(value.bytes) == "0123456789abcdef0123456789abcdef"


def test_address() -> None:
    assert encode.address(("192.0.2.1", 80)) == "192.0.2.1:80"
    assert encode.address(("2001:db8::1", 80, 0, 0)) == "[2001:db8::1]:80"
    assert encode.address(("2001:db8::1", 80)) == "[2001:db8::1]:80"
    assert encode.address(None) is None


def test_ip() -> None:
    assert encode.ip(IPv4Address("192.0.2.1")) == "192.0.2.1"
    assert encode.ip(IPv6Address("2001:db8::1")) == "2001:db8::1"
    assert encode.ip(None) is None
