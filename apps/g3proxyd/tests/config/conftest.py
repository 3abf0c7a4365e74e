"""Configurations written to files and read back."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from g3proxyd.config import Config, ConfigError, load
from g3proxyd.config.values.mistake import MistakeError


class Write(Protocol):
    def __call__(self, main: str, files: Mapping[str, str] | None = None) -> Path: ...


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write main.yml and other files into an empty working directory; return the main file's relative path."""
    monkeypatch.chdir(tmp_path)

    def write_files(main: str, files: Mapping[str, str] | None = None) -> Path:
        for name, text in {"main.yml": main, **(files or {})}.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return Path("main.yml")

    return write_files


@pytest.fixture
def config(write: Write) -> Callable[..., Config]:
    """Write and load a configuration that is right."""
    return lambda main, files=None: load(write(main, files))


@pytest.fixture
def problems(write: Write) -> Callable[..., list[str]]:
    """Write a configuration that is wrong, and return what is said about it."""

    def load_wrong(main: str, files: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(write(main, files))
        return [str(problem) for problem in caught.value.problems]

    return load_wrong


@pytest.fixture
def warnings(config: Callable[..., Config]) -> Callable[..., list[str]]:
    """Write a configuration that works, and return the warnings."""
    return lambda main, files=None: [str(warning) for warning in config(main, files).warnings]


@pytest.fixture
def refused() -> Callable[[Callable[[Any], object], object], list[str]]:
    """Give a parser data that it refuses; return a line for each mistake."""

    def parse_wrong(parse: Callable[[Any], object], data: object) -> list[str]:
        with pytest.raises(MistakeError) as caught:
            parse(data)
        return [
            "; ".join(
                part
                for part in (
                    "".join(f"[{step!r}]" for step in mistake.path),
                    mistake.message,
                    mistake.expected and f"expected {mistake.expected}",
                    mistake.suggestion and f"suggested {mistake.suggestion}",
                )
                if part
            )
            for mistake in caught.value.mistakes
        ]

    return parse_wrong
