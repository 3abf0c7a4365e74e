"""Streams over real sockets."""

import asyncio
import socket

import pytest
from g3proxyd.io.poller import Poller
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from loopback import arrived, read_exactly, read_to_end, run, tcp_pair


def make(tick: float = 0.01) -> tuple[Stream, socket.socket, Wheel]:
    """A stream, the socket of its peer, and the wheel."""
    loop = asyncio.get_running_loop()
    peer, sock = tcp_pair()
    wheel = Wheel(loop, tick)
    return Stream(Poller(loop), sock, wheel), peer, wheel


def test_bytes_come_as_they_are_asked_for() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        peer.send(b"abcdef")
        assert await stream.receive(5, size=4) == b"abcd"
        assert await stream.receive(5) == b"ef"
        peer.close()
        assert await stream.receive(5) == b""
        assert await stream.receive(5) == b""
        assert stream.received == 6
        stream.close()

    run(main())


def test_what_is_put_back_comes_first_and_counts_once() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        peer.send(b"abc")
        assert await stream.receive(5) == b"abc"
        stream.unread(b"bc")
        stream.unread(b"a")
        assert await stream.receive(5, size=2) == b"ab"
        assert await stream.receive(5) == b"c"
        assert stream.received == 3
        stream.close()
        peer.close()

    run(main())


def test_bytes_are_lent() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        assert stream.borrow() is None
        peer.send(b"abcdef")
        await stream.readable(5)
        lent = stream.borrow(4)
        assert isinstance(lent, memoryview)
        assert bytes(lent) == b"abcd"
        stream.unread(bytes(lent))
        assert stream.borrow(3) == b"abc"
        assert stream.borrow() == b"d"
        assert stream.borrow() == b"ef"
        peer.close()
        await stream.readable(5)
        assert stream.borrow() == b""
        assert stream.received == 6
        stream.close()

    run(main())


def test_a_silent_peer_times_out_and_may_be_waited_for_again() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        with pytest.raises(TimeoutError):
            await stream.receive(0.02)
        peer.send(b"late")
        assert await stream.receive(5) == b"late"
        assert stream.deadline is None
        stream.close()
        peer.close()

    run(main())


def test_a_reset_is_an_error() -> None:
    async def main() -> None:
        stream, peer, wheel = make()
        other = Stream(Poller(asyncio.get_running_loop()), peer, wheel)
        other.abort()
        with pytest.raises(ConnectionResetError):
            await stream.receive(5)
        stream.close()

    run(main())


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream, peer, _ = make()
        task = loop.create_task(stream.receive(5))
        await asyncio.sleep(0)
        peer.send(b"abc")
        await arrived(stream.sock)
        # The loop reads now and resolves the wait; the task is cancelled before it runs again.
        while stream.received == 0:
            await asyncio.sleep(0)
            if stream.received:
                break
        task.cancel()
        try:
            got = await task
        except asyncio.CancelledError:
            got = b""
        if not got:
            got = await stream.receive(5)
        assert got == b"abc"
        task = loop.create_task(stream.receive(5))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        peer.send(b"def")
        assert await stream.receive(5) == b"def"
        stream.close()
        peer.close()

    run(main())


def test_bytes_that_nobody_waits_for_stay_in_the_kernel_and_are_noticed() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        peer.send(b"1")
        assert await stream.receive(5) == b"1"
        assert not stream.surprised
        stream.watch()
        peer.send(b"2")
        while not stream.surprised:
            await asyncio.sleep(0)
        assert stream.received == 1
        assert await stream.receive(5) == b"2"
        assert not stream.surprised
        stream.close()
        peer.close()

    run(main())


def test_sending_waits_for_a_slow_peer() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        data = bytes(range(256)) * 40_000
        got, _ = await asyncio.gather(read_exactly(peer, len(data)), stream.send(data, 5))
        assert got == data
        assert stream.sent == len(data)
        assert stream.write(b"x")
        stream.send_eof()
        assert await read_to_end(peer) == (b"x", None)
        stream.close()
        peer.close()

    run(main())


def test_a_peer_that_never_reads_times_out() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        with pytest.raises(TimeoutError):
            await stream.send(bytes(50_000_000), 0.05)
        stream.close()
        peer.close()

    run(main())


def test_sending_to_a_peer_that_is_gone_fails() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        peer.close()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            await stream.send(bytes(50_000_000), 5)
        stream.close()

    run(main())


def test_detached_the_socket_lives_on() -> None:
    async def main() -> None:
        stream, peer, wheel = make()
        peer.send(b"abc")
        assert await stream.receive(5, size=2) == b"ab"
        stream.unread(b"b")
        sock, unread = stream.detach()
        assert unread == b"b"
        stream.close()
        assert await read_exactly(sock, 1) == b"c"
        assert len(wheel) == 0
        sock.close()
        peer.close()

    run(main())


def test_closing_twice_is_closing_once() -> None:
    async def main() -> None:
        stream, peer, wheel = make()
        with pytest.raises(TimeoutError):
            await stream.receive(0.01)
        stream.close()
        stream.close()
        stream.abort()
        assert await read_to_end(peer) == (b"", None)
        assert len(wheel) == 0
        peer.close()

    run(main())


def test_closing_ends_the_waits_of_other_tasks() -> None:
    """Descriptor numbers are used again at once: no wait may outlive its socket."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream, peer, wheel = make()
        sending = loop.create_task(stream.send(bytes(50_000_000), 5))
        receiving = loop.create_task(stream.receive(5))
        await asyncio.sleep(0)
        stream.close()
        for task in (sending, receiving):
            with pytest.raises(ConnectionAbortedError):
                await task
        assert len(wheel) == 0
        peer.close()

    run(main())


def test_a_wait_may_be_interrupted_or_given_more_time() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream, peer, _ = make()
        stream.interrupt(ConnectionAbortedError())  # nobody waits
        stream.extend(5)
        task = loop.create_task(stream.receive(0.02))
        await asyncio.sleep(0)
        stream.extend(5)
        await asyncio.sleep(0.1)
        assert not task.done()
        stream.interrupt(ConnectionAbortedError())
        with pytest.raises(ConnectionAbortedError):
            await task
        peer.send(b"x")
        assert await stream.receive(5) == b"x"
        stream.close()
        peer.close()

    run(main())


def test_a_last_word_is_not_overtaken_by_a_reset() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream, peer, _ = make()
        peer.send(bytes(100_000))
        await stream.send(b"no", 5)
        lingering = loop.create_task(stream.linger())
        assert await read_to_end(peer) == (b"no", None)
        peer.close()
        await lingering
        assert stream.received == 100_000
        stream.close()

    run(main())


def test_lingering_has_an_end() -> None:
    async def main() -> None:
        stream, peer, _ = make()
        peer.send(bytes(50_000))
        await stream.linger(seconds=5, most=20_000)
        assert 20_000 <= stream.received < 50_000
        await stream.linger(seconds=0.02)
        stream.close()
        await stream.linger()
        peer.close()

    run(main())
