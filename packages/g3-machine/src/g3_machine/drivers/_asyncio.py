"""Handshakes over asyncio streams."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .._machine import E, Machine
from ._blocking import READ_SIZE

T = TypeVar("T")


async def handshake_async(
    machine: Machine[E],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Callable[[E], Awaitable[T | None]],
) -> tuple[T, bytes]:
    """Run the machine until ``await answer(event)`` returns a result; return it and the bytes behind the handshake.

    The peer waits while the answer is thought over. Patience is the caller's: wrap the call in ``asyncio.timeout``.
    Raises what `handshake` raises. Beware of ``reader`` afterwards: bytes behind the handshake are in the result,
    no longer in the reader.
    """
    try:
        while True:
            event = machine.next_event()
            result = None if event is None else await answer(event)
            if output := machine.data_to_send():
                writer.write(output)
                await writer.drain()
            if result is not None:
                return result, machine.take_unread()
            if event is None:
                if data := await reader.read(READ_SIZE):
                    machine.receive_data(data)
                else:
                    machine.receive_eof()
    except Exception:
        with contextlib.suppress(OSError):
            writer.write(machine.data_to_send())
            await writer.drain()
        raise
