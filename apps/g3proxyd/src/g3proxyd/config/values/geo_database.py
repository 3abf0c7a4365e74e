"""Files that know where an address is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from .mistake import Mistake, MistakeError, show, wrong
from .value import PATH, FileValue

__all__ = ["GeoDatabase", "GeoDatabases", "load_databases"]

_EXPECTED = "the path of a file in MaxMind's DB format (.mmdb)"


@dataclass(frozen=True, slots=True)
class GeoDatabase:
    """A file that was readable when the configuration was read; a newer one under its name is another database."""

    path: str
    changed: int
    """Nanoseconds since 1970."""
    size: int
    """Bytes."""

    def __str__(self) -> str:
        return self.path


def load_databases(data: object, folder: Path) -> tuple[GeoDatabase, ...]:
    """One path or a list of paths, which begin at ``folder``."""
    if not isinstance(data, list | tuple):
        return (_load(data, folder),)
    found: list[GeoDatabase] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(data):
        try:
            found.append(_load(item, folder))
        except MistakeError as error:
            mistakes += error.under(index)
    if mistakes:
        raise MistakeError(*mistakes)
    return tuple(found)


def _load(data: object, folder: Path) -> GeoDatabase:
    if isinstance(data, GeoDatabase):
        return data
    if not isinstance(data, str) or not data or "\0" in data:
        raise wrong(f"{show(data)} is not a path", expected=_EXPECTED)
    # Takes 20 ms to import, and few configurations need it.
    import maxminddb

    path = folder / data
    try:
        status = path.stat()
        maxminddb.open_database(path).close()
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise wrong(f"cannot read {show(str(path))}: {error}", expected=_EXPECTED) from None
    return GeoDatabase(str(path.absolute()), status.st_mtime_ns, status.st_size)


GeoDatabases: TypeAlias = Annotated[
    tuple[GeoDatabase, ...],
    FileValue(
        "path of a MaxMind DB file, or list of them",
        load_databases,
        {"anyOf": [PATH, {"type": "array", "items": PATH}]},
        display=lambda databases: ", ".join(map(str, databases)),
    ),
]
