"""Keys of `direct_fixed` that have no effect beside others."""

from collections.abc import Callable

import pytest

DOCUMENT = """
resolver: [{name: dns, type: deny_all}]
escaper: [{name: out, type: direct_fixed, resolver: dns, KEYS}]
"""
BESIDE = "has no effect beside 'bind_foreign'"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("bind_foreign: true, bind_foreign_port: true", []),
        ("bind_foreign_port: true", ["bind_foreign_port: has no effect without 'bind_foreign'"]),
        (
            "bind_foreign: true, bind_ip: 192.0.2.1, bind_interface: lo, enable_path_selection: true",
            [f"{key}: {BESIDE}" for key in ("bind_ip", "bind_interface", "enable_path_selection")],
        ),
    ],
)
def test_warnings(warnings: Callable[[str], list[str]], keys: str, said: list[str]) -> None:
    found = [line.partition("escaper out.")[2] for line in warnings(DOCUMENT.replace("KEYS", keys))]
    assert found == said
