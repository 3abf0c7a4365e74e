"""Where sockets are looked for."""

import os
from pathlib import Path

import pytest
from g3proxyd.control import paths


def names(found: list[Path]) -> list[str]:
    return [path.name for path in found]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_upstreams_directories() -> None:
    assert [str(path) for path in paths.DIRECTORIES] == ["/run/g3proxy", "/tmp/g3"]


def test_names() -> None:
    folder = Path("/x")
    assert paths.group_socket(folder, "a") == Path("/x/a.sock")
    assert paths.group_socket(folder, "") == Path("/x/_.sock")
    assert paths.process_socket(folder, "a", 12) == Path("/x/a_12.sock")
    assert paths.process_socket(folder, "", 12) == Path("/x/_12.sock")


def test_finding(folder: Path) -> None:
    touch(
        folder, "a.sock", "a_12.sock", "a_13.sock", "b_12.sock", "_.sock", "_12.sock", "a_b_7.sock", "x", "a_012.sock"
    )
    assert names(paths.find([folder], group="a")) == ["a.sock", "a_12.sock", "a_13.sock"]
    assert names(paths.find([folder], group="a", pid=12)) == ["a_12.sock"]
    assert names(paths.find([folder], pid=12)) == ["_12.sock", "a_12.sock", "b_12.sock"]
    assert names(paths.find([folder], group="")) == ["_.sock", "_12.sock"]
    assert names(paths.find([folder], group="a_b")) == ["a_b_7.sock"]
    assert names(paths.find([folder])) == ["_12.sock", "a_12.sock", "a_13.sock", "a_b_7.sock", "b_12.sock"]
    assert names(paths.find([folder], group="c")) == []


def test_directories_that_are_not_there(folder: Path) -> None:
    touch(folder, "file", "a_1.sock")
    assert paths.find([folder / "none", folder / "file", folder], pid=1) == [folder / "a_1.sock"]


def test_a_directory_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, empty, opened = folder / "closed", folder / "empty", folder / "opened"
    for path in (closed, empty, opened):
        path.mkdir()
    touch(opened, "a_1.sock")
    listdir = os.listdir

    def guarded(path: Path) -> list[str]:
        if path == closed:
            raise PermissionError(13, "no", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", guarded)
    assert names(paths.find([closed, opened], pid=1)) == ["a_1.sock"]
    with pytest.raises(PermissionError, match="closed"):
        paths.find([closed, empty], pid=1)


def test_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = folder / "run", folder / "tmp"
    monkeypatch.setattr(paths, "DIRECTORIES", (first, second))
    assert paths.default_directory() == second
    first.touch()
    assert paths.default_directory() == second
    first.unlink()
    first.mkdir()
    assert paths.default_directory() == first
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (first, os.W_OK | os.X_OK))
    assert paths.default_directory() == second
