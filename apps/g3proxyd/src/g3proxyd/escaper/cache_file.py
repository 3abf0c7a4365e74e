"""The files in which published data waits for the next start of the daemon."""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

MAX_SIZE = 16 * 1024 * 1024
"""Bytes: as much as can be published at once."""


def read_cache(path: Path) -> str:
    """What a file holds; nothing if there is no file, or none that can be read, which is worth a warning."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
        if len(data) <= MAX_SIZE:
            return data.decode()
        log.warning("the cache file %s is left alone: it is larger than %d bytes", path, MAX_SIZE)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("the cache file %s cannot be read: %s", path, error)
    return ""


def write_cache(path: Path, text: str) -> None:
    """Let a file hold this and nothing else; who reads it meanwhile finds the old text or the new. Raises OSError.

    It may hold passwords, so that it is for us alone.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
