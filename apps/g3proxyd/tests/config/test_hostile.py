"""Whatever stands in the files: a configuration is loaded or refused, and nothing else happens."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from g3proxyd.config import ConfigError, load
from g3proxyd.config.listing import all_sections
from g3proxyd.config.section import keys_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLE = (Path(__file__).parents[2] / "src" / "g3proxyd" / "example.yml").read_text(encoding="utf-8")
SECTIONS = ("runtime", "worker", "log", "stat", "server", "escaper", "resolver", "user", "auditor", "controller")
TYPES = (
    "http_proxy",
    "socks_proxy",
    "dummy_close",
    "direct_fixed",
    "dummy_deny",
    "c_ares",
    "deny_all",
    "sni_proxy",
    "http_rproxy",
)
KEYS = sorted(
    {name for section in all_sections().values() for key in keys_of(section) for name in (key.name, *key.aliases)}
    | {"default", "allow", "exact", "to", "address", "backlog", "\x1b[31m"}
)
# No names that would be looked up, no paths that could be read.
WORDS = ["a", "b", "d", "on", "5s", "10M", "ipv4only", "127.0.0.1:80", "$X", "::1", "a.test", "80-90", "/s", "\x1b[31m"]
SCALARS = st.sampled_from([None, True, False, 0, 1, -1, 80, 2**70, 0.5, float("inf"), float("nan"), *WORDS])
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from(KEYS), SCALARS, max_size=3)
OBJECTS = st.builds(
    lambda keys, name, kind: {**keys, "name": name, "type": kind},
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    st.sampled_from(WORDS),
    st.sampled_from(TYPES),
)
FILES = st.dictionaries(st.sampled_from(SECTIONS), VALUES | st.lists(OBJECTS, max_size=3), max_size=4)
SLIPS = st.text(alphabet=" \n:-[]{}#&*!|>'\"%@`ax0\t,?", max_size=3)


@pytest.fixture(scope="module")
def main_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "main.yml"


def load_or_refuse(path: Path, data: bytes) -> None:
    """Load the file. What is said about it must be fit for a terminal and a log."""
    path.write_bytes(data)
    said: list[object] = []
    try:
        said += load(path).warnings
    except ConfigError as error:
        said += error.problems or ["nothing is said"]
    assert [line for line in map(str, said) if not line.isprintable() or "nothing is said" in line] == []


@given(st.binary(max_size=200))
def test_bytes(main_file: Path, data: bytes) -> None:
    load_or_refuse(main_file, data)


@given(FILES)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_maps(main_file: Path, data: dict[str, Any]) -> None:
    load_or_refuse(main_file, yaml.safe_dump(data, allow_unicode=True).encode())


@given(st.integers(0, len(EXAMPLE)), SLIPS, st.integers(0, 3))
def test_an_example_with_a_slip(main_file: Path, at: int, put: str, drop: int) -> None:
    load_or_refuse(main_file, (EXAMPLE[:at] + put + EXAMPLE[at + drop :]).encode())
