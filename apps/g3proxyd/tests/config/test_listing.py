"""The list of keys, and the pages that are made from it."""

import subprocess
import sys
from pathlib import Path

from g3proxyd.config.listing import all_keys, all_sections
from g3proxyd.config.reference import reference
from g3proxyd.config.section import Section, keys_of, value_of

PAGE = Path(__file__).parents[4] / "docs" / "configuration-reference.md"


def test_keys() -> None:
    lines = list(all_keys())
    assert "server.http_proxy.listen" in lines
    assert "escaper.direct_fixed.tcp_conn_speed_limit" in lines
    assert "server.http_proxy.auditor unsupported: refused: inspection of traffic arrives with the auditors" in lines
    assert (
        "runtime.runtime.max_io_events_per_tick unsupported: without effect: the event loop has no such limit" in lines
    )
    assert "log.driver_fluentd.retry_queue_len" in {line.partition(" ")[0] for line in lines}
    assert len(lines) == len(set(lines))


def sections() -> set[type[Section]]:
    """All models, those of values included."""
    found: set[type[Section]] = set()
    waiting = list(all_sections().values())
    while waiting:
        section = waiting.pop()
        if section not in found:
            found.add(section)
            values = (value_of(info) for info in section.model_fields.values())
            waiting += [value for value in values if isinstance(value, type)]
    return found


def test_every_section_and_every_key_is_described() -> None:
    for section in sections():
        assert section.__doc__
        for name, info in section.model_fields.items():
            assert info.description, f"{section.__name__}.{name}"
            assert info.description.endswith("."), f"{section.__name__}.{name}"


def test_no_spelling_means_two_keys() -> None:
    for section in sections():
        names = [name for key in keys_of(section) for name in (key.name, *key.aliases)]
        assert len(names) == len(set(names)), section.__name__


def test_the_reference_is_current() -> None:
    """Write it anew with `python -m g3proxyd.config.reference > docs/configuration-reference.md`."""
    command = [sys.executable, "-m", "g3proxyd.config.reference"]
    written = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    assert PAGE.read_text(encoding="utf-8") == written == reference()


def test_tables_are_tables() -> None:
    for line in reference().splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 5, line
