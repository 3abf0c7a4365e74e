"""The numbers, by the standards."""

import g3_tls
import pytest
from g3_tls import GREASE, ExtensionType
from g3_tls._codes import GREASE_ALPN


def test_grease() -> None:
    """RFC 8701 section 2."""
    assert sorted(GREASE)[:2] == [0x0A0A, 0x1A1A]
    assert max(GREASE) == 0xFAFA
    assert len(GREASE) == 16
    assert b"\x3a\x3a" in GREASE_ALPN
    assert len(GREASE_ALPN) == 16


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL3", 0x300), ("TLS1_0", 0x301), ("TLS1_1", 0x302), ("TLS1_2", 0x303), ("TLS1_3", 0x304), ("TLCP1_1", 0x101)],
)
def test_versions(name: str, value: int) -> None:
    assert getattr(g3_tls, name) == value


def test_extensions() -> None:
    """The IANA registry of TLS ExtensionType values."""
    assert {kind.name: int(kind) for kind in ExtensionType} == {
        "SERVER_NAME": 0,
        "MAX_FRAGMENT_LENGTH": 1,
        "STATUS_REQUEST": 5,
        "SUPPORTED_GROUPS": 10,
        "SIGNATURE_ALGORITHMS": 13,
        "ALPN": 16,
        "EXTENDED_MASTER_SECRET": 23,
        "SESSION_TICKET": 35,
        "PRE_SHARED_KEY": 41,
        "EARLY_DATA": 42,
        "SUPPORTED_VERSIONS": 43,
        "PSK_KEY_EXCHANGE_MODES": 45,
        "KEY_SHARE": 51,
        "ENCRYPTED_CLIENT_HELLO": 0xFE0D,
    }
