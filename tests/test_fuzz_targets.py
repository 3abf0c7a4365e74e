"""Every fuzz target takes its own seeds without a find; no fuzzer is needed to see that."""

import pytest

from fuzz.run import load, target_names

# An input that no target may stumble over, however it reads it.
ODD = [b"", b"\x00", bytes(range(256)), b"\xff" * 300]


@pytest.mark.parametrize("name", target_names())
def test_seeds(name: str) -> None:
    target = load(name)
    seeds = list(target.seeds())
    assert seeds
    for data in (*seeds, *ODD):
        target.TestOneInput(data)
