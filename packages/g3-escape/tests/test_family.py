"""The orders of the families, by the words of the configuration."""

import pytest
from g3_escape import Family, Strategy


@pytest.mark.parametrize(
    ("word", "families"),
    [
        ("ipv4_only", (Family.IPV4,)),
        ("ipv6_only", (Family.IPV6,)),
        ("ipv4_first", (Family.IPV4, Family.IPV6)),
        ("ipv6_first", (Family.IPV6, Family.IPV4)),
    ],
)
def test_words(word: str, families: tuple[Family, ...]) -> None:
    assert Strategy(word).families == families


def test_numbers() -> None:
    assert [family.value for family in Family] == [4, 6]
