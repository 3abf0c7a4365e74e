"""Questions over connections that are kept, in virtual time: when they are opened, shared, given up and closed."""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine, Sequence
from ipaddress import IPv4Address
from typing import Any

import pytest
from escaper.network import elapsed, network, run_virtually
from g3_dns import Failure, Server, StreamSettings, TcpClient
from g3proxyd.io.stream import Stream
from g3proxyd.resolver.hickory import kept as module
from g3proxyd.resolver.hickory.stream import StreamTransport
from g3proxyd.resolver.hickory.tcp import tcp_transport
from resolver.dns_server import Asked, addresses, record, reply, serving, silence
from resolver.hickory.servers import Parts, address_of, ask, conversing, fail, frame, question, read_query

ONE = "Addresses(addresses=(IPv4Address('192.0.2.1'),), ttl=60)"
Test = Callable[[StreamTransport], Coroutine[Any, Any, None]]


def answer(query: bytes, address: str = "192.0.2.1") -> bytes:
    """The answer to a query for an address of a name, without EDNS."""
    name_end = query.index(b"\0", 12) + 5
    header = query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    return header + query[12:name_end] + record("a.test", address)


def make(parts: Parts, server: Server, timeout: float = 5.0) -> StreamTransport:
    return tcp_transport(parts.connector(server), 10.0, timeout)


def against(converse: Any, test: Test) -> None:
    """Run the test against a server that does so with each connection."""

    async def main() -> None:
        async with conversing(converse) as server:
            with Parts() as parts:
                transport = make(parts, server)
                await test(transport)
                await transport.close()

    run_virtually(main)


def test_many_questions_share_a_connection_and_answers_come_in_any_order() -> None:
    connections = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        queries = [await read_query(reader) for _ in range(50)]
        for query in reversed(queries):
            name = query[13 : 13 + query[12]].decode()
            end = query.index(b"\0", 12) + 5
            header = query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
            writer.write(frame(header + query[12:end] + record(f"{name}.test", f"192.0.2.{name}")))
        await reader.read()

    async def test(transport: StreamTransport) -> None:
        answers = await asyncio.gather(*(ask(transport, f"{number}.test") for number in range(50)))
        for number, said in enumerate(answers):
            assert f"('192.0.2.{number}')" in said

    against(converse, test)
    assert len(connections) == 1


def test_more_questions_open_more_connections_and_the_rest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 3)
    held: list[tuple[asyncio.StreamWriter, bytes]] = []
    arrival = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            held.append((writer, await read_query(reader)))
            arrival.set()

    async def main() -> None:
        async with conversing(converse) as server:
            with Parts() as parts:
                settings = StreamSettings(max_outstanding=2)
                transport = StreamTransport(
                    parts.connector(server).connect, lambda: TcpClient(lambda below: 0, settings), 10.0
                )
                asking = [asyncio.ensure_future(ask(transport)) for _ in range(20)]
                impatient = asyncio.ensure_future(ask(transport))
                while len(held) < 6:
                    arrival.clear()
                    await arrival.wait()
                assert len(transport._connections) == 3
                assert len({writer for writer, _ in held}) == 3
                impatient.cancel()
                for served in range(20):
                    while len(held) <= served:
                        arrival.clear()
                        await arrival.wait()
                    writer, query = held[served]
                    writer.write(frame(answer(query)))
                assert await asyncio.gather(*asking) == [ONE] * 20
                assert len(transport._connections) == 3
                await transport.close()

    run_virtually(main)


def test_an_idle_connection_is_closed_after_ten_seconds() -> None:
    ends = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(frame(answer(await read_query(reader))))
        assert await reader.read() == b""
        ends.append(elapsed())

    async def test(transport: StreamTransport) -> None:
        await ask(transport)
        await asyncio.sleep(8)
        await ask(transport)
        await asyncio.sleep(9)
        assert not ends
        await asyncio.sleep(2)
        assert len(ends) == 1
        assert 18 <= ends[0] <= 18.25
        assert not transport._connections

    against(converse, test)


def test_a_kept_connection_that_the_server_has_closed_is_replaced() -> None:
    times = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        writer.write(frame(answer(await read_query(reader))))

    async def test(transport: StreamTransport) -> None:
        for _ in range(3):
            assert await ask(transport) == ONE
        assert times == 3

    against(converse, test)


def test_a_connection_that_is_closed_under_a_question() -> None:
    times = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        query = await read_query(reader)
        if times == 2:
            writer.write(frame(answer(query)))
            await reader.read()

    async def test(transport: StreamTransport) -> None:
        assert await ask(transport) == ONE
        assert times == 2

    against(converse, test)


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_query(reader)


async def closes_within_a_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(answer(await read_query(reader)))[:-3])


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_query(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(70_000))
    await reader.read()


async def answers_others(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    query = await read_query(reader)
    for _ in range(16):
        writer.write(frame(answer(query).replace(b"\1a", b"\1b")))
    await reader.read()


async def answers_what_cannot_be_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(answer(await read_query(reader))[:-2]))
    await reader.read()


@pytest.mark.parametrize(
    ("converse", "failure"),
    [
        (closes_at_once, Failure.UNREACHABLE),
        (closes_within_a_message, Failure.MALFORMED),
        (resets, Failure.UNREACHABLE),
        (speaks_http, Failure.MALFORMED),
        (answers_others, Failure.MALFORMED),
        (answers_what_cannot_be_read, Failure.MALFORMED),
    ],
)
def test_a_server_that_misbehaves_fails_at_once(converse: Any, failure: Failure) -> None:
    async def test(transport: StreamTransport) -> None:
        assert (await fail(transport))[0] is failure
        assert elapsed() == 0.0

    against(converse, test)


def test_a_server_that_closes_what_it_has_just_accepted() -> None:
    """It is not asked for ever."""
    times = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1

    async def test(transport: StreamTransport) -> None:
        assert await fail(transport) == (Failure.UNREACHABLE, "the server closes its connections without an answer")
        assert elapsed() == 0.0

    against(converse, test)
    assert times <= 2 * module.MAX_CONNECTIONS


class Ended(module.KeptConnection):
    """A connection that is over before anybody could ask."""

    def __init__(self) -> None:
        super().__init__(TcpClient(lambda below: 0), lambda: None, lambda connection: None)
        self._over = True

    async def close(self) -> None:
        raise AssertionError("it is closed")

    def _asked(self) -> None:
        raise AssertionError("it cannot be asked")


class EndsAtOnce(module.KeptTransport):
    opened = 0

    async def _connect(self) -> Ended:
        self.opened += 1
        connection = Ended()
        asyncio.get_running_loop().call_soon(self._forget, connection)
        return connection


def test_connections_that_end_before_a_question_do_not_go_on_for_ever() -> None:
    async def main() -> None:
        transport = EndsAtOnce(10.0)
        assert await fail(transport) == (Failure.UNREACHABLE, "the server closes its connections without an answer")
        assert transport.opened == module.MAX_CONNECTIONS
        await transport.close()

    run_virtually(main)


class RefusesTheSecond(module.KeptTransport):
    """One connection that is full, and no further one."""

    full: Ended | None = None

    async def _connect(self) -> Ended:
        if self.full is not None:
            raise ConnectionRefusedError("refused")
        self.full = Ended()
        return self.full


def test_who_waits_for_room_hears_that_there_will_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)

    async def main() -> None:
        transport = RefusesTheSecond(10.0)
        asking = [asyncio.ensure_future(fail(transport)) for _ in range(3)]
        while len(transport._waiters) < 3:
            await asyncio.sleep(0)
        assert transport.full is not None
        transport._forget(transport.full)
        assert await asyncio.gather(*asking) == [(Failure.UNREACHABLE, "refused")] * 3
        assert elapsed() == 0.0

    run_virtually(main)


def test_room_that_comes_with_a_cancellation_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)

    async def main() -> None:
        async with serving(silence) as server:
            with Parts() as parts:
                settings = StreamSettings(max_outstanding=1)
                transport = StreamTransport(
                    parts.connector(address_of(server)).connect, lambda: TcpClient(lambda below: 0, settings), 10.0
                )
                first, second, third = (asyncio.ensure_future(ask(transport)) for _ in range(3))
                await server.until_asked(1)
                second.add_done_callback(lambda _: None)
                transport._wake()
                second.cancel()
                assert len(transport._waiters) == 1
                await asyncio.sleep(0)
                assert not transport._waiters, "the third one was told"
                for task in (first, third):
                    task.cancel()
                await transport.close()

    run_virtually(main)


def test_a_silent_server_loses_its_connection() -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def test(transport: StreamTransport) -> None:
        assert await fail(transport) == (Failure.TIMEOUT, "")
        assert 5.0 <= elapsed() <= 5.25
        assert not transport._connections

    against(converse, test)


def test_a_server_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def test(transport: StreamTransport) -> None:
        monkeypatch.setattr(Stream, "write", lambda self, data: False)
        assert await fail(transport) == (Failure.UNREACHABLE, "the server reads nothing")

    against(converse, test)


def test_nobody_listens() -> None:
    async def main() -> None:
        async with serving(silence) as server:
            gone = address_of(server)
        with Parts() as parts:
            failure, detail = await fail(make(parts, gone))
            assert failure is Failure.UNREACHABLE
            assert "refused" in detail.lower() or "Connect call failed" in detail

    run_virtually(main)


def test_a_connection_that_does_not_come_about() -> None:
    """The connect timeout is that of the connection, however many wait for it."""

    async def main() -> None:
        with network() as net, Parts() as parts:
            net.hang("127.0.0.3")
            transport = make(parts, Server(IPv4Address("127.0.0.3"), net.port))
            early = asyncio.ensure_future(fail(transport))
            await asyncio.sleep(4)
            gone = asyncio.ensure_future(ask(transport))
            late = asyncio.ensure_future(fail(transport))
            await asyncio.sleep(1)
            gone.cancel()
            assert await early == await late == (Failure.TIMEOUT, "no connection in time")
            assert elapsed() == 10.0
            await transport.close()

    run_virtually(main)


def test_to_close_ends_a_connection_in_the_making_at_once() -> None:
    async def main() -> None:
        with network() as net, Parts() as parts:
            net.hang("127.0.0.3")
            transport = make(parts, Server(IPv4Address("127.0.0.3"), net.port))
            asking = asyncio.ensure_future(ask(transport))
            await asyncio.sleep(1)
            asking.cancel()
            await transport.close()
            assert elapsed() == 1.0

    run_virtually(main)


def test_to_close_ends_kept_connections_at_once() -> None:
    async def main() -> None:
        async with serving(silence) as server:
            with Parts() as parts:
                transport = make(parts, address_of(server))
                asking = asyncio.ensure_future(ask(transport))
                await server.until_asked(1)
                asking.cancel()
                await transport.close()
                assert elapsed() == 0.0

    run_virtually(main)


def test_an_answer_for_somebody_who_has_left_harms_nobody() -> None:
    async def test(transport: StreamTransport, server: Any) -> None:
        gone = asyncio.ensure_future(ask(transport))
        await asyncio.sleep(0)
        stays = asyncio.ensure_future(ask(transport, "b.test"))
        await server.until_asked(1)
        gone.cancel()
        assert "192.0.2.1" in await stays
        assert len(transport._connections) == 1

    async def main() -> None:
        async with serving(addresses("192.0.2.1")) as server:
            with Parts() as parts:
                transport = make(parts, address_of(server))
                await test(transport, server)
                await transport.close()

    run_virtually(main)


def test_a_refusal_is_an_answer() -> None:
    def speak(asked: Asked) -> Sequence[bytes]:
        return [reply(asked, rcode=5)]

    async def main() -> None:
        async with serving(speak) as server:
            with Parts() as parts:
                transport = make(parts, address_of(server))
                response = await transport.ask(question())
                assert response.message.rcode() == 5
                await transport.close()

    run_virtually(main)
