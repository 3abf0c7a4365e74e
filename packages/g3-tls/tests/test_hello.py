"""What can be asked of a ClientHello."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from g3_tls import ClientHello


def hello(**fields: Any) -> ClientHello:
    usual: dict[str, Any] = {
        "tlcp": False,
        "legacy_version": 0x0303,
        "random": bytes(32),
        "session_id": b"",
        "cipher_suites": (0x1301,),
        "compression_methods": b"\0",
        "extensions": (),
        "server_name": None,
        "alpn": (),
        "supported_versions": None,
        "size": 45,
    }
    return ClientHello(**{**usual, **fields})


@pytest.mark.parametrize(
    ("versions", "highest"), [(None, 0x0303), ((0x0304, 0x0303), 0x0304), ((0x0303, 0x0304), 0x0304), ((), 0)]
)
def test_the_extension_counts_before_the_field(versions: tuple[int, ...] | None, highest: int) -> None:
    assert hello(supported_versions=versions).highest_version == highest


def test_extensions_by_type() -> None:
    some = hello(extensions=((0x0A0A, b""), (35, b"ticket"), (0xFE0D, b"x")))
    assert some.extension(0xFE0D) == b"x"
    assert some.extension(0x0A0A) == b""
    assert some.extension(0) is None
    assert some.session_ticket == b"ticket"
    assert hello().session_ticket is None


@pytest.mark.parametrize(
    ("fields", "resumes"),
    [
        ({}, False),
        ({"session_id": b"x"}, True),
        ({"session_id": b"x", "legacy_version": 0x0101, "tlcp": True}, True),
        ({"session_id": b"x", "supported_versions": (0x0304,)}, False),
        ({"session_id": b"x", "supported_versions": (0x0303,)}, True),
        ({"extensions": ((35, b""),)}, False),
        ({"extensions": ((35, b"t"),)}, True),
        ({"extensions": ((41, b""),)}, True),
    ],
)
def test_resumption(fields: dict[str, Any], resumes: bool) -> None:
    assert hello(**fields).resumes is resumes


def test_a_hello_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(hello(), "alpn", ())  # noqa: B010 -- mypy would not let it stand
