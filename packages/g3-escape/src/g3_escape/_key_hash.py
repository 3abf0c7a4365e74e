"""The one hash behind the consistent policies: the same in every process, on every platform, in every release."""

from hashlib import blake2b


def hash_key(key: bytes) -> int:
    """Return 64 bits of a key: BLAKE2b (RFC 7693) with a digest of 8 bytes, read as a little-endian number."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little")
