"""CRC32C, the checksum of PP2_TYPE_CRC32C (section 2.2.3; RFC 4960 appendix B)."""

_POLYNOMIAL = 0x82F63B78


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(value) for value in range(256))


def crc32c(data: bytes) -> int:
    """Return the CRC32C of the data, 0 to 2**32 - 1.

    The standard library has no CRC32C. A loop over bytes costs 8 us for a header of 60 bytes; the limit on a header's
    size bounds it, and only a header with a checksum pays.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
