"""Waits that may end with nothing: for those that are too rare for `timers`."""

import asyncio
import contextlib


async def wait_at_most(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event for so long at most; whether it came is for the caller to see."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
