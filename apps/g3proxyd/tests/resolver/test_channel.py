"""c-ares on the event loop: what the resolver's own tests cannot see."""

import asyncio
import os
import socket

import pycares
import pytest
from g3proxyd.resolver.channel import ChannelOptions, LoopChannel
from loopback import run
from resolver.dns_server import addresses, serving, silence

Outcome = tuple[pycares.DNSResult | None, int | None]


def ask(channel: LoopChannel, name: str = "a.test") -> "asyncio.Future[Outcome]":
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    channel.query(name, pycares.QUERY_TYPE_A, lambda result, code: future.set_result((result, code)))
    return future


def test_sockets_get_their_buffers() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(silence) as server:
            channel = LoopChannel(
                loop, ChannelOptions((server.address,), timeout=5.0, send_buffer=20000, receive_buffer=30000)
            )
            outcome = ask(channel)
            await server.until_asked(1)
            (fd,) = channel._readers
            with socket.socket(fileno=os.dup(fd)) as sock:
                # Linux doubles what it is asked for.
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40000
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 60000
            channel.close()
            assert (await outcome)[1] == pycares.errno.ARES_ECANCELLED

    run(main())


def test_nothing_is_watched_between_queries() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(addresses("192.0.2.1")) as server:
            channel = LoopChannel(loop, ChannelOptions((server.address,)))
            for _ in range(2):
                result, code = await ask(channel)
                assert code is None
                assert result is not None
                assert len(result.answer) == 1
                assert (channel._readers, channel._writers, channel._pending, channel._timer) == (set(), set(), 0, None)
            assert len({asked.source for asked in server.asked}) == 2, "a port of its own for each query"
            assert len(server.asked) == 2, "c-ares has no cache"
            channel.close()

    run(main())


def test_the_timer_follows_the_next_timeout() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(silence) as server:
            channel = LoopChannel(loop, ChannelOptions((server.address,), timeout=1.0, tries=1))
            first = ask(channel)
            assert channel._timer is not None
            due = channel._timer.when() - loop.time()
            assert 0.5 < due <= 1.01
            second = ask(channel, "b.test")
            assert channel._timer.when() - loop.time() <= 1.01
            channel.close()
            assert channel._timer is None
            assert [(await outcome)[1] for outcome in (first, second)] == [pycares.errno.ARES_ECANCELLED] * 2

    run(main())


def test_closing_twice() -> None:
    async def main() -> None:
        channel = LoopChannel(asyncio.get_running_loop(), ChannelOptions(("127.0.0.1:5353",)))
        assert channel.servers == ["127.0.0.1:5353"]
        channel.close()
        channel.close()

    run(main())


def test_an_error_at_once_is_reported_once() -> None:
    async def main() -> None:
        channel = LoopChannel(asyncio.get_running_loop(), ChannelOptions(("127.0.0.1:5353",)))
        codes: list[int | None] = []
        channel.query("a..test", pycares.QUERY_TYPE_A, lambda result, code: codes.append(code))
        assert codes == [pycares.errno.ARES_EBADNAME]
        assert channel._pending == 0
        channel.close()

    run(main())


def test_bad_options() -> None:
    async def main() -> None:
        with pytest.raises(pycares.AresError):
            LoopChannel(asyncio.get_running_loop(), ChannelOptions(("nonsense",)))

    run(main())


def test_all_options_reach_c_ares() -> None:
    async def main() -> None:
        channel = LoopChannel(asyncio.get_running_loop(), ChannelOptions(("127.0.0.1:5353",)))
        options = ChannelOptions((), 1.5, 4, 4000, 7, True, 10000, 20000)
        structure, mask = channel._channel._structure(options)
        assert (structure.timeout, structure.tries, structure.maxtimeout, structure.udp_max_queries) == (
            1500,
            4,
            4000,
            7,
        )
        assert (structure.socket_send_buffer_size, structure.socket_receive_buffer_size) == (10000, 20000)
        assert structure.qcache_max_ttl == 0
        # <ares.h>: flags, timeout in ms, tries, socket callback, rotate, buffers, queries per port, maximum, cache.
        bits = (0, 13, 2, 9, 14, 11, 12, 19, 20, 21)
        assert mask == sum(1 << bit for bit in bits)
        _, mask = channel._channel._structure(ChannelOptions())
        assert mask == sum(1 << bit for bit in (0, 13, 2, 9, 16, 19, 21))
        channel.close()

    run(main())


def test_nothing_is_watched_after_the_end() -> None:
    async def main() -> None:
        channel = LoopChannel(asyncio.get_running_loop(), ChannelOptions(("127.0.0.1:5353",)))
        channel.close()
        channel._watch(0, True, True)
        assert (channel._readers, channel._writers) == (set(), set())

    run(main())


def test_it_is_as_pycares_was_when_this_was_written() -> None:
    """The channel sets itself up without pycares: what it relies on must still be there."""
    plain = pycares.Channel()
    own = {"_channel", "_lock", "_flags", "_sock_state_cb_handle"}
    assert set(vars(plain)) == own
    plain.close()
