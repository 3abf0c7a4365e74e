"""Where an escaper looks for peers from time to time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

log = logging.getLogger(__name__)

MAX_PEER_SIZE = 16 * 1024
"""Bytes of one peer: a few hundred are usual."""


class SourceError(Exception):
    """The source cannot be read at present; the text says why."""


class Source(Protocol):
    """Somewhere that has texts of peers."""

    async def fetch(self) -> frozenset[bytes]:
        """All of them. Raises SourceError."""

    async def close(self) -> None:
        """Let go of it."""


Take = Callable[[frozenset[bytes]], Awaitable[None]]


async def watch(name: str, source: Source, interval: float, take: Take) -> None:
    """Look at a source until cancelled, and pass on what it has whenever that is something else.

    ``name`` is the escaper's. While the source cannot be read everything stays as it was; the log is told once.
    """
    last: frozenset[bytes] | None = None
    trouble = ""
    try:
        while True:
            try:
                found = await source.fetch()
                if found != last:
                    await take(found)
            except SourceError as error:
                if str(error) != trouble:
                    log.error("escaper %s: the peers stay as they are: %s", name, error)
                trouble = str(error)
            except Exception as error:
                # A fault of ours or of a library in what a peer has written: the next look may bring something else.
                if repr(error) != trouble:
                    log.exception("escaper %s: the peers stay as they are", name)
                trouble = repr(error)
            else:
                if trouble:
                    log.info("escaper %s: the source of peers can be read again", name)
                trouble = ""
                last = found
            await asyncio.sleep(interval)
    finally:
        await source.close()
