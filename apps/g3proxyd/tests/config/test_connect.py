"""Attempts to connect."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.connect import HappyEyeballs, TcpConnect

ESCAPER = """\
escaper: [{{name: d, type: direct_fixed, resolver: r, happy_eyeballs: {{connection_attempt_delay: {delay}}}}}]
resolver: [{{name: r, type: deny_all}}]
"""


def test_defaults() -> None:
    assert TcpConnect().model_dump() == {"max_retry": 2, "each_timeout": 30.0}
    assert HappyEyeballs().model_dump() == {
        "resolution_delay": 0.05,
        "second_resolution_timeout": 2.0,
        "first_address_family_count": 1,
        "connection_attempt_delay": 0.25,
    }


@pytest.mark.parametrize(("delay", "used"), [("100ms", 0.1), ("50ms", 0.1), ("2s", 2.0), (0, 0.1), ("1h", 2.0)])
def test_the_attempt_delay_is_brought_into_range(delay: object, used: float) -> None:
    assert HappyEyeballs.model_validate({"connection_attempt_delay": delay}).connection_attempt_delay == used


def test_and_the_operator_is_told(warnings: Callable[..., list[str]]) -> None:
    assert warnings(ESCAPER.format(delay="10ms")) == [
        "main.yml:1:71: escaper d.happy_eyeballs.connection_attempt_delay: 10ms is out of range: 100ms is used"
    ]
    assert warnings(ESCAPER.format(delay="2s")) == []
