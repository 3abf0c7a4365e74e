"""The hash is the documented one, whatever machine this is."""

import pytest
from g3_escape import hash_key


@pytest.mark.parametrize(
    ("key", "number"),
    [
        # The second column: b2sum -l 64, of which the bytes are the number's from the lowest one up.
        (b"", "e4a6a0577479b2b4"),
        (b"192.0.2.1-www.example.net", "4160930db7211b5c"),
        (bytes(range(256)), "2b2cedfed655ad3f"),
    ],
)
def test_known_answers(key: bytes, number: str) -> None:
    assert hash_key(key) == int.from_bytes(bytes.fromhex(number), "little")
