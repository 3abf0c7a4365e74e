"""What the door to OpenSSL lets us see of a memory of the ssl module."""

import ssl

import pytest
from g3proxyd.tls import openssl


def test_a_memory_is_looked_at_in_place() -> None:
    bio = ssl.MemoryBIO()
    place = openssl.in_place(bio)
    assert place is not None
    for size in (1, 300_000, 70_000):
        data = bytes(range(256)) * (size // 256 + 1)
        bio.write(data)
        assert place.look() == data
        assert bio.pending == len(data)
        place.clear()
        assert bio.pending == 0
        assert not place.look()
        place.clear()
    bio.write(b"copied")
    assert bio.read() == b"copied"


def test_a_library_that_is_not_found_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssl, "_library", lambda: None)
    assert openssl.in_place(ssl.MemoryBIO()) is None
