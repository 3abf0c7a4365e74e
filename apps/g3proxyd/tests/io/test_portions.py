"""When a socket is read in large portions, and when no longer, on a loop whose clock the test turns."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from g3proxyd.io.portions import FAST, PORTION, STRETCH, TICK, Portions
from loopback import tcp_pair

SLOW = STRETCH / FAST * 1.01
"""Seconds in which a stretch is not fast."""


class Call:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """The part of an event loop that portions use."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[Call] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Call:
        assert delay == TICK
        self.calls.append(Call(callback))
        return self.calls[-1]

    def tick(self) -> None:
        self.now += TICK
        (call,) = self.calls
        self.calls.clear()
        assert not call.cancelled
        call.callback()


class Read:
    """A connection of which the test says how many bytes have come."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.sock, self.other = tcp_pair()
        self.total = STRETCH
        self.reads = 0
        self.ends = False
        self.portions = Portions(cast(asyncio.AbstractEventLoop, self.loop), self.sock, self.read, self.total)

    def read(self) -> int:
        self.reads += 1
        if self.ends:
            self.portions.stop()
            self.sock.close()
        return self.total

    def stretch(self, seconds: float) -> None:
        self.total += STRETCH
        self.loop.now += seconds
        self.portions.measure(self.total)

    def least(self) -> int:
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)

    def close(self) -> None:
        self.portions.stop()
        self.sock.close()
        self.other.close()


@pytest.fixture
def source() -> Iterator[Read]:
    source = Read()
    yield source
    source.close()


def test_a_slow_source_is_read_as_it_comes(source: Read) -> None:
    source.stretch(SLOW)

    assert source.least() == 1
    assert not source.loop.calls


def test_a_fast_source_is_read_in_portions_and_each_tick(source: Read) -> None:
    source.stretch(0.01)

    assert source.least() == PORTION
    source.total += 2 * PORTION
    source.loop.tick()
    assert source.reads == 1
    assert source.least() == PORTION
    source.stretch(0.0)  # changes nothing
    assert len(source.loop.calls) == 1


def test_a_source_that_is_fast_no_longer_is_read_as_it_comes(source: Read) -> None:
    source.stretch(0.01)
    source.total += PORTION // 4
    source.loop.tick()

    assert source.least() == 1
    assert not source.loop.calls
    source.stretch(0.01)
    assert source.least() == PORTION


def test_nothing_is_read_after_the_stop(source: Read) -> None:
    source.stretch(0.01)
    source.portions.stop()

    assert source.loop.calls[0].cancelled


def test_a_tick_may_find_the_end(source: Read) -> None:
    source.stretch(0.01)
    source.ends = True
    source.loop.tick()

    assert source.reads == 1
    assert not source.loop.calls
