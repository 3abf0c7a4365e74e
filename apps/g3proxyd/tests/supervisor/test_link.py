"""The link: requests, answers, descriptors, and what becomes of both when the other side goes."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from types import MappingProxyType
from typing import Any

import pytest
from g3proxyd.supervisor import descriptors
from g3proxyd.supervisor.link import Link, LinkError, RefusedError
from loopback import run

Handler = Callable[[Any, list[int]], Awaitable[Any]]


class Ends:
    """Both ends of a link."""

    def __init__(self, handler: Handler) -> None:
        one, other = socket.socketpair()
        self.gone: list[str] = []
        self.asking = Link(one, no_requests, lambda: self.gone.append("asking"))
        self.answering = Link(other, handler, lambda: self.gone.append("answering"))


async def no_requests(request: Any, fds: list[int]) -> Any:
    raise AssertionError(request)


async def same(request: Any, fds: list[int]) -> Any:
    """Answers with the request."""
    return request


@contextlib.asynccontextmanager
async def link(handler: Handler) -> AsyncIterator[Ends]:
    ends = Ends(handler)
    try:
        yield ends
    finally:
        ends.asking.close()
        ends.answering.close()
        ends.asking.close()


@pytest.mark.parametrize("content", ["x", None, b"y" * 3_000_000, MappingProxyType({"a": (1, 2)})], ids=type)
def test_an_answer(content: Any) -> None:
    async def main() -> None:
        async with link(same) as ends:
            assert await ends.asking.ask(content) == content

    run(main())


def test_answers_find_their_requests_in_any_order() -> None:
    async def main() -> None:
        turns: dict[int, asyncio.Event] = {number: asyncio.Event() for number in range(3)}

        async def in_turn(request: int, fds: list[int]) -> int:
            await turns[request].wait()
            return request * 10

        async with link(in_turn) as ends:
            asked = [asyncio.ensure_future(ends.asking.ask(number)) for number in turns]
            for number in (2, 0, 1):
                turns[number].set()
                assert await asked[number] == number * 10

    run(main())


def test_descriptors_arrive_with_their_request() -> None:
    """More than fit into one message of the kernel's, and another request right behind."""

    async def inodes(request: Any, fds: list[int]) -> list[int]:
        try:
            return [os.fstat(fd).st_ino for fd in fds]
        finally:
            for fd in fds:
                assert not os.get_inheritable(fd)
                os.close(fd)

    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))
        pipes = [os.pipe() for _ in range(220)]
        fds = [fd for pair in pipes for fd in pair]
        try:
            async with link(inodes) as ends:
                first, second = await asyncio.gather(ends.asking.ask("x" * 100_000, fds), ends.asking.ask("", fds[:3]))
            assert first == [os.fstat(fd).st_ino for fd in fds]
            assert second == first[:3]
        finally:
            for fd in fds:
                os.close(fd)
        assert len(os.listdir("/proc/self/fd")) == before

    run(main())


def test_a_refusal_says_why() -> None:
    async def refuse(request: Any, fds: list[int]) -> Any:
        raise ValueError("not like this")

    async def main() -> None:
        async with link(refuse) as ends:
            with pytest.raises(RefusedError, match="not like this"):
                await ends.asking.ask("x")

    run(main())


def test_the_other_end_goes() -> None:
    async def never(request: Any, fds: list[int]) -> Any:
        await asyncio.Event().wait()

    async def main() -> None:
        async with link(never) as ends:
            asked = asyncio.ensure_future(ends.asking.ask("x"))
            await asyncio.sleep(0.01)
            ends.answering.close()
            with pytest.raises(LinkError):
                await asked
            assert ends.gone == ["asking"]
            with pytest.raises(LinkError):
                await ends.asking.ask("y")

    run(main())


def test_the_other_end_goes_while_a_long_message_waits_for_room() -> None:
    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))
        one, other = socket.socketpair()
        gone: list[bool] = []
        asking = Link(one, no_requests, lambda: gone.append(True))
        asked = asyncio.ensure_future(asking.ask(b"x" * 10_000_000, [0]))
        queued = asyncio.ensure_future(asking.ask(b"y", [0, 1]))
        await asyncio.sleep(0.01)
        other.close()
        for future in (asked, queued):
            with pytest.raises(LinkError):
                await future
        assert gone == [True]
        assert len(os.listdir("/proc/self/fd")) == before

    run(main())


def test_groups_of_descriptors() -> None:
    parts = descriptors.share_out(b"message", list(range(450)))
    assert [(bytes(data), len(fds)) for data, fds in parts] == [(b"m", 200), (b"e", 200), (b"ssage", 50)]
    assert [(bytes(data), fds) for data, fds in descriptors.share_out(b"message", [])] == [(b"message", [])]
