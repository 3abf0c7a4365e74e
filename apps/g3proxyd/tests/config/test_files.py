"""Finding and reading files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from g3proxyd.config import ConfigError
from g3proxyd.config.files import MAX_FILE_BYTES, FileError, expand, find_main_file, read_source


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_is_the_main_file() -> None:
    assert find_main_file(Path("x.conf")) == Path("x.conf")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["main.yaml", "main.yml", "main.conf", "g3proxy.yaml"], "main.yaml"),
        (["main.conf", "g3proxyd.yaml"], "main.conf"),
        (["g3proxy.yaml", "g3proxyd.conf"], "g3proxyd.conf"),
        (["g3proxy.yml", "other.yaml"], "g3proxy.yml"),
    ],
)
def test_the_main_file_of_a_directory(names: list[str], found: str) -> None:
    touch(*(f"dir/{name}" for name in names))
    assert find_main_file(Path("dir")) == Path("dir", found)


def test_a_link_to_the_main_file_is_followed() -> None:
    touch("real/here.conf", "dir/x")
    Path("dir/main.yml").symlink_to("../real/here.conf")
    real = Path("real/here.conf").absolute()
    assert find_main_file(Path("dir")) == find_main_file(Path("dir/main.yml")) == real
    Path("dead.yml").symlink_to("nowhere")
    assert find_main_file(Path("dead.yml")) == Path("dead.yml")


def test_a_directory_without_a_main_file() -> None:
    touch("dir/other.yaml")
    Path("dir/main.yml").mkdir()
    with pytest.raises(ConfigError) as caught:
        find_main_file(Path("dir"))
    assert [str(problem) for problem in caught.value.problems] == [
        (
            "dir: the directory has no main file; expected one of main, g3proxyd, g3proxy in it, "
            "with one of the extensions yaml, yml, conf"
        )
    ]


def test_text() -> None:
    Path("x").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    assert read_source(Path("x")).text == "a: é\n"


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(FileError) as caught:
        read()
    return str(caught.value)


def test_files_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dir").mkdir()
    Path("latin").write_bytes(b"a: 1\nb: \xe9\n")
    Path("large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    os.mkfifo("pipe")
    assert refusal(lambda: read_source(Path("none"))) == "no such file or directory"
    assert refusal(lambda: read_source(Path("none"), main=True)) == "No such file or directory"
    assert refusal(lambda: read_source(Path("dir"))) == "not a regular file"
    assert refusal(lambda: read_source(Path("pipe"))) == "not a regular file"
    assert refusal(lambda: read_source(Path("latin"))) == "not UTF-8: line 2 has the byte 0xe9"
    assert refusal(lambda: read_source(Path("large"))) == f"larger than {MAX_FILE_BYTES} bytes"


def test_a_path_is_one_file() -> None:
    assert list(expand("x.yml", Path("conf/main.yml"))) == [Path("conf/x.yml")]
    assert list(expand("/x.yml", Path("conf/main.yml"))) == [Path("/x.yml")]


def test_a_path_is_a_directory() -> None:
    touch("conf/d/b.yml", "conf/d/a.yml", "conf/d/c.yaml", "conf/d/d", "conf/d/sub/e.yml", "elsewhere.txt")
    Path("conf/d/sub.yml").mkdir()
    Path("conf/d/link.yml").symlink_to(Path("elsewhere.txt").absolute())
    Path("conf/d/dead.yml").symlink_to("nowhere")
    names = ["a.yml", "b.yml", "dead.yml", "link.yml"]
    assert list(expand("d", Path("conf/main.yml"))) == [Path("conf/d", name) for name in names]
    assert list(expand("d/", Path("conf/main.yaml"))) == [Path("conf/d/c.yaml")]


def test_a_main_file_without_an_extension_takes_all_files() -> None:
    touch("conf/d/a.yml", "conf/d/b")
    assert list(expand("d", Path("conf/main"))) == [Path("conf/d/a.yml"), Path("conf/d/b")]


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_not_a_path(text: str) -> None:
    assert refusal(lambda: list(expand(text, Path("main.yml")))) == f"{text!r} is not a path"


def test_directories_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("d/a.yml", "d/b.yml")
    monkeypatch.setattr("g3proxyd.config.files.MAX_FILES", 1)
    assert refusal(lambda: list(expand("d", Path("main.yml")))) == "more than 1 files in the directory"

    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert refusal(lambda: list(expand("d", Path("main.yml")))) == "Permission denied"
