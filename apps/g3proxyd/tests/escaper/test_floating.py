"""What is alive of what was published, and the files that keep it."""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from g3proxyd.escaper import cache_file
from g3proxyd.escaper.cache_file import read_cache, write_cache
from g3proxyd.escaper.floating import Alive
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_900_000_000.0


@dataclass
class Way:
    id: str | None = None
    expire: float | None = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_the_guard_counts(clock: list[float]) -> None:
    alive = Alive([Way("a", NOW + 5), Way("a", NOW + 5.1), Way("b")], 5.0)
    assert [way.expire for way in alive.all()] == [None, NOW + 5.1]
    assert [way.expire for way in alive.named("a")] == [NOW + 5.1]
    clock[0] += 0.2
    assert (len(alive.all()), alive.named("a"), len(alive.named("b")), alive.named("c")) == (1, [], 1, [])


@given(st.lists(st.none() | st.integers(0, 20)), st.lists(st.integers(0, 3)))
def test_it_is_what_looking_at_each_would_say(expires: list[int | None], steps: list[int]) -> None:
    now = [NOW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now[0])
        ways = [Way(None, None if expire is None else NOW + expire) for expire in expires]
        alive = Alive(ways)
        for step in [0, *steps]:
            now[0] += step
            expected = [way for way in ways if way.expire is None or way.expire > now[0]]
            assert sorted(map(id, alive.all())) == sorted(map(id, expected))


class TestCacheFiles:
    def test_the_whole_file_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "cache"
        write_cache(path, "long ago")
        with path.open() as reading:
            write_cache(path, "é")
            assert reading.read() == "long ago"
        assert read_cache(path) == "é"
        assert os.listdir(tmp_path) == ["cache"]

    def test_nothing_is_left_behind_by_a_failure(self, tmp_path: Path) -> None:
        path = tmp_path / "cache"
        path.mkdir()
        with pytest.raises(OSError, match="directory"):
            write_cache(path, "text")
        with pytest.raises(UnicodeEncodeError):
            write_cache(tmp_path / "other", "\ud800")
        assert os.listdir(tmp_path) == ["cache"]

    def test_what_cannot_be_read(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache_file, "MAX_SIZE", 4)
        (tmp_path / "large").write_bytes(b"12345")
        (tmp_path / "bytes").write_bytes(b"\xff")
        with caplog.at_level(logging.WARNING):
            assert [read_cache(tmp_path / name) for name in ("none", "large", "bytes", ".")] == ["", "", "", ""]
        assert [record.message.split()[3] for record in caplog.records] == [
            str(tmp_path / name) for name in ("large", "bytes", ".")
        ]
