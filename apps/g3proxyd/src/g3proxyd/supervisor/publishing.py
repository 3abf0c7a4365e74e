"""What is published for an escaper, on its way to all workers and into its cache files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ..config.errors import Kind, Problem
from ..config.escaper.floating import FloatConfig, Taken
from ..config.values.mistake import Mistake, MistakeError
from ..control.operations import OperationError, Reason, no_such
from ..escaper.cache_file import write_cache
from .link import LinkError, RefusedError
from .messages import Publish
from .slot import CHANGE_PATIENCE, Slot
from .supervisor import Supervisor

__all__ = ["publish"]

log = logging.getLogger(__name__)


async def publish(supervisor: Supervisor, name: str, data: str) -> tuple[str, ...]:
    """Let all workers have this, and those that begin later; return what the publisher should know.

    Raises OperationError. If it says that the data is refused, nothing has changed.
    """
    async with supervisor.reloading:  # the configuration stays what it is, and what was published before
        config = supervisor.config.escapers.get(name)
        if config is None:
            raise no_such("escaper", name, supervisor.config.escapers)
        if not isinstance(config, FloatConfig):
            text = f"an escaper of the type {config.type} takes nothing published"
            raise OperationError(Reason.UNSUPPORTED, text)
        before = supervisor.published.get(name)
        if before is not None and before.type != config.type:
            before = None
        try:
            taken = await asyncio.to_thread(config.take, data, before)
        except MistakeError as error:
            raise OperationError(Reason.INVALID, *_said(error.mistakes)) from None
        supervisor.published[name] = taken.publication
        failures = await _tell_workers(supervisor, Publish(name, taken.publication))
        remarks = (*taken.refused, *taken.remarks, *await _write_caches(taken))
    if failures:
        raise OperationError(Reason.FAILED, "not all workers have it", (*failures, *remarks))
    log.info("published for the escaper %s: %s", name, f"{len(remarks)} remarks" if remarks else "taken as it was")
    return remarks


def _said(mistakes: Iterable[Mistake]) -> tuple[str, tuple[str, ...]]:
    """What is wrong: in one sentence, and a line for each mistake if there are several."""
    lines = [str(Problem(Kind.VALUE, None, "", each.message, each.expected, each.suggestion)) for each in mistakes]
    if len(lines) == 1:
        return lines[0], ()
    return f"the data has {len(lines)} mistakes", tuple(lines)


async def _tell_workers(supervisor: Supervisor, request: Publish) -> list[str]:
    slots = [slot for slot in supervisor.slots if slot.process is not None and not slot.process.ended.done()]
    return [failure for failure in await asyncio.gather(*(_tell(slot, request) for slot in slots)) if failure]


async def _tell(slot: Slot, request: Publish) -> str:
    """What went wrong; nothing if the worker is gone, since its successor begins with what was published."""
    try:
        async with asyncio.timeout(CHANGE_PATIENCE):
            await slot.ask(request)
    except LinkError:
        pass
    except RefusedError as error:
        return f"{slot.name}: {error}"
    except TimeoutError:
        return f"{slot.name} did not answer within {CHANGE_PATIENCE:g} seconds"
    return ""


async def _write_caches(taken: Taken) -> list[str]:
    failures = []
    for path, text in taken.caches.items():
        try:
            await asyncio.to_thread(write_cache, path, text)
        except OSError as error:
            failures.append(f"the cache file {path} cannot be written: {error.strerror or error}")
            log.error("%s", failures[-1])
    return failures
