"""Files that the daemon itself writes, and reads when it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from .mistake import show, wrong
from .value import FileValue

__all__ = ["CacheFile", "parse_cache_file"]

_EXPECTED = "the path of a file, which need not exist, in a folder that does"


def parse_cache_file(data: object, folder: Path) -> Path:
    """A path, which begins at ``folder``."""
    if isinstance(data, Path):
        return data
    if not isinstance(data, str) or not data or "\0" in data:
        raise wrong(f"{show(data)} is not a path", expected=_EXPECTED)
    path = (folder / data).absolute()
    try:
        if not path.parent.is_dir():
            raise wrong(f"there is no folder {show(str(path.parent))}", expected=_EXPECTED)
        if path.exists() and not path.is_file():
            raise wrong(f"{show(str(path))} is not a regular file", expected=_EXPECTED)
    except OSError as error:
        raise wrong(f"{show(str(path))}: {error.strerror or error}", expected=_EXPECTED) from None
    return path


CacheFile: TypeAlias = Annotated[Path, FileValue("path of a file", parse_cache_file, instance=Path)]
