"""The text forms of log values: what g3proxy's consumers already parse."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

_second = 0
_second_text = "1970-01-01T00:00:00"


def duration(seconds: float) -> str | None:
    """Seconds as text with three decimals in the largest unit that leaves a whole part: ``1.500s``, ``12.000ms``.

    None, which leaves the field out, for zero or less: zero stands for a time that was never taken.
    """
    if seconds >= 1.0:
        return f"{seconds:.3f}s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3f}ms"
    if seconds >= 1e-6:
        return f"{seconds * 1e6:.3f}µs"
    if seconds > 0.0:
        return f"{seconds * 1e9:.3f}ns"
    return None


def rfc3339(timestamp: float) -> str:
    """A time in seconds since 1970 in UTC with microseconds: ``2026-01-02T03:04:05.678901Z`` (RFC 3339)."""
    global _second, _second_text  # records come in order: the text of their second is made once
    second = int(timestamp)
    micros = int((timestamp - second) * 1_000_000 + 0.5)
    if micros == 1_000_000:
        second, micros = second + 1, 0
    if second != _second:
        _second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second = second
    return f"{_second_text}.{micros:06d}Z"


def expiry(timestamp: float | None) -> str | None:
    """The same for a time that there may not be, and that has no order with those of records."""
    if timestamp is None:
        return None
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def uuid(value: UUID | bytes) -> str:
    """A UUID in its simple form: 32 hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else value.hex


def address(value: tuple[str, int] | tuple[str, int, int, int] | None) -> str | None:
    """A socket address: ``192.0.2.1:80`` or ``[2001:db8::1]:80``; None stays None."""
    if value is None:
        return None
    host = value[0]
    return f"[{host}]:{value[1]}" if ":" in host else f"{host}:{value[1]}"


def ip(value: IPv4Address | IPv6Address | None) -> str | None:
    """An address without a port; None stays None."""
    return None if value is None else str(value)
