"""Finding and reading the files of a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .errors import ConfigError, Kind, Problem
from .nodes import Source
from .values.mistake import show

__all__ = ["MAX_FILES", "MAX_FILE_BYTES", "FileError", "expand", "find_main_file", "read_source"]

MAX_FILE_BYTES = 8 * 1024 * 1024  # 40 times the largest configuration that upstream's examples add up to
MAX_FILES = 10_000  # in one directory; more is a wrong directory

_EXTENSIONS = ("yaml", "yml", "conf")
_STEMS = ("main", "g3proxyd", "g3proxy")


class FileError(Exception):
    """A file that cannot be read; the text says why."""


def find_main_file(path: Path) -> Path:
    """The main file: `path` itself, or in a directory the first of main, g3proxyd, g3proxy with .yaml, .yml, .conf.

    A link is followed: other files are found beside the file that it leads to. Raises ConfigError.
    """
    if not path.is_dir():
        return _followed(path)
    for stem in _STEMS:
        for extension in _EXTENSIONS:
            candidate = path / f"{stem}.{extension}"
            if candidate.is_file():
                return _followed(candidate)
    expected = f"one of {', '.join(_STEMS)} in it, with one of the extensions {', '.join(_EXTENSIONS)}"
    raise ConfigError([Problem(Kind.FILE, None, str(path), "the directory has no main file", expected)])


def _followed(path: Path) -> Path:
    return path.resolve() if path.is_symlink() and path.is_file() else path


def read_source(path: Path, *, main: bool = False) -> Source:
    """Read a file. The main file may be a pipe, others must be regular files. Raises FileError."""
    try:
        if not main and not path.is_file():
            raise FileError("not a regular file" if path.exists() else "no such file or directory")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FileError(error.strerror or str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise FileError(f"larger than {MAX_FILE_BYTES} bytes")
    try:
        return Source(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(f"not UTF-8: line {line} has the byte {data[error.start]:#04x}") from error


def expand(text: str, main_file: Path) -> Iterator[Path]:
    """The files that a path in the main file stands for: one file, or those of a directory, sorted by name.

    In a directory these are the files with the main file's extension; links to files are followed, sub-directories are
    not entered. Relative paths begin at the main file's directory. Raises FileError.
    """
    path = main_file.parent / text if text else Path()
    if not text or "\0" in text:
        raise FileError(f"{show(text)} is not a path")
    try:
        if not path.is_dir():
            yield path
            return
        wanted = main_file.suffix
        names = sorted(entry.name for entry in path.iterdir() if not wanted or entry.suffix == wanted)
    except OSError as error:
        raise FileError(error.strerror or str(error)) from error
    if len(names) > MAX_FILES:
        raise FileError(f"more than {MAX_FILES} files in the directory")
    for name in names:
        if not (path / name).is_dir():
            yield path / name
