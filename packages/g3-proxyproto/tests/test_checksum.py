"""CRC32C, by the examples of RFC 3720 appendix B.4 and the usual check value."""

import pytest
from g3_proxyproto._checksum import crc32c


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_crc32c(data: bytes, value: int) -> None:
    assert crc32c(data) == value
