"""Questions over UDP, in virtual time, against servers that answer, lie, lag and keep silent."""

import asyncio
import errno
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

import pytest
from dns.rdatatype import AAAA
from escaper.network import elapsed, run_virtually
from g3_dns import CookieJar, Failure, Server
from g3proxyd.resolver.hickory.sockets import ServerSockets
from g3proxyd.resolver.hickory.tcp import tcp_transport
from g3proxyd.resolver.hickory.transport import Transport
from g3proxyd.resolver.hickory.udp import UdpTransport
from resolver.dns_server import Asked, Speak, addresses, record, reply, serving, silence
from resolver.hickory.servers import Parts, address_of, ask, fail

ONE = "Addresses(addresses=(IPv4Address('192.0.2.1'),), ttl=60)"


def make(parts: Parts, server: Server, sockets: ServerSockets | None = None, timeout: float = 5.0) -> UdpTransport:
    sockets = sockets or ServerSockets()
    tcp = tcp_transport(parts.connector(server, sockets), 10.0, timeout)
    return UdpTransport(parts.poller, server, sockets, CookieJar(lambda below: below - 1), timeout, tcp)


def play(speak: Speak, test: Any, **options: Any) -> None:
    """Run ``await test(transport, server)``, and look whether anything is left behind."""

    async def main() -> None:
        async with serving(speak) as server:
            with Parts() as parts:
                transport = make(parts, address_of(server), **options)
                await test(transport, server)
                await transport.close()

    run_virtually(main)


@contextmanager
def only_port(monkeypatch: pytest.MonkeyPatch, *ports: int) -> Any:
    """The random ports are these, one after the other."""
    left = list(ports)
    monkeypatch.setattr(secrets, "randbelow", lambda below: left.pop(0) - 1024 if below == 64512 and left else 7)
    yield
    assert not left


def test_both_families() -> None:
    async def test(transport: Transport, server: Any) -> None:
        assert await ask(transport) == ONE
        assert "2001:db8::1" in await ask(transport, type_=AAAA)

    play(addresses("192.0.2.1", "2001:db8::1"), test)


def test_every_question_has_an_id_and_a_port_of_its_own() -> None:
    async def test(transport: Transport, server: Any) -> None:
        for number in range(8):
            await ask(transport, f"{number}.test")
        assert len({asked.source for asked in server.asked}) > 1
        assert len({asked.id for asked in server.asked}) > 1

    play(addresses("192.0.2.1"), test)


def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    def speak(asked: Asked) -> Sequence[bytes]:
        return [reply(asked, record("a.test", "192.0.2.1")) if asked.tcp else reply(asked, truncated=True)]

    async def test(transport: Transport, server: Any) -> None:
        assert await ask(transport) == ONE
        assert [asked.tcp for asked in server.asked] == [False, True]

    play(speak, test)


def test_a_flood_of_forgeries_leads_to_tcp() -> None:
    def speak(asked: Asked) -> Sequence[bytes]:
        if asked.tcp:
            return [reply(asked, record("a.test", "192.0.2.1"))]
        return [reply(asked, record("a.test", "192.0.2.66"), message_id=asked.id ^ number) for number in range(1, 20)]

    async def test(transport: Transport, server: Any) -> None:
        assert await ask(transport) == ONE

    play(speak, test)


def test_what_is_lost_is_sent_again_from_the_same_port_with_the_same_id() -> None:
    async def test(transport: Transport, server: Any) -> None:
        times = []

        def speak(asked: Asked) -> Sequence[bytes]:
            times.append(elapsed())
            return addresses("192.0.2.1")(asked) if len(times) == 3 else []

        server.speak = speak
        assert await ask(transport) == ONE
        assert times == [0.0, 1.0, 3.0]
        assert len({(asked.id, asked.source) for asked in server.asked}) == 1

    play(silence, test)


def wrong_id(asked: Asked) -> Sequence[bytes]:
    return [reply(asked, record("a.test", "192.0.2.66"), message_id=asked.id ^ 1)]


def wrong_name(asked: Asked) -> Sequence[bytes]:
    question = asked.question.replace(b"\1a", b"\1b")
    return [reply(asked, record("b.test", "192.0.2.66"), question=question)]


def wrong_type(asked: Asked) -> Sequence[bytes]:
    return [reply(asked, record("a.test", "192.0.2.66"), question=asked.question[:-3] + b"\x1c\0\1")]


def garbage(asked: Asked) -> Sequence[bytes]:
    return [b"", b"\0", b"\xff" * 40]


@pytest.mark.parametrize("speak", [silence, wrong_id, wrong_name, wrong_type, garbage])
@pytest.mark.parametrize("timeout", [0.5, 5.0])
def test_what_is_no_answer_is_none(speak: Speak, timeout: float) -> None:
    async def test(transport: Transport, server: Any) -> None:
        assert await fail(transport) == (Failure.TIMEOUT, "")
        assert elapsed() == timeout

    play(speak, test, timeout=timeout)


def test_an_answer_that_cannot_be_read() -> None:
    def speak(asked: Asked) -> Sequence[bytes]:
        return [reply(asked, b"\xc0\xff\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1")]

    async def test(transport: Transport, server: Any) -> None:
        assert await fail(transport) == (Failure.MALFORMED, "")

    play(speak, test)


def test_nobody_else_is_heard() -> None:
    """A forger knows the id and the port, and still has the wrong address."""

    async def test(transport: Transport, server: Any) -> None:
        answer = asyncio.ensure_future(ask(transport))
        await server.until_asked(1)
        asked = server.asked[0]
        with socket.socket(type=socket.SOCK_DGRAM) as forger:
            forger.bind(("127.0.0.66", 0))
            forger.sendto(reply(asked, record("a.test", "192.0.2.66")), asked.source)
        server.udp.sendto(reply(asked, record("a.test", "192.0.2.1")), asked.source)
        assert await answer == ONE

    play(silence, test)


def test_nobody_listens() -> None:
    async def main() -> None:
        async with serving(silence) as server:
            gone = address_of(server)
        with Parts() as parts:
            failure, _ = await fail(make(parts, gone))
            assert failure is Failure.UNREACHABLE
            assert elapsed() == 0.0

    run_virtually(main)


def test_a_port_that_is_taken_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(transport: Transport, server: Any) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as other, socket.socket(type=socket.SOCK_DGRAM) as free:
            other.bind(("0.0.0.0", 0))
            free.bind(("0.0.0.0", 0))
            taken, wanted = other.getsockname()[1], free.getsockname()[1]
            free.close()
            with only_port(monkeypatch, taken, wanted):
                assert await ask(transport) == ONE
            with only_port(monkeypatch, *[taken] * 9):
                assert await ask(transport) == ONE
        assert server.asked[0].source[1] == wanted
        assert server.asked[1].source[1] not in (taken, wanted)

    play(addresses("192.0.2.1"), test)


def test_there_are_no_sockets_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(transport: Transport, server: Any) -> None:
        def refuse(*_: object) -> socket.socket:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        monkeypatch.setattr(ServerSockets, "open_udp", refuse)
        failure, detail = await fail(transport)
        assert failure is Failure.UNREACHABLE
        assert "Too many open files" in detail

    play(silence, test)


def test_a_local_address() -> None:
    async def test(transport: Transport, server: Any) -> None:
        assert await ask(transport) == ONE
        assert server.asked[0].source[0] == "127.0.0.9"

    play(addresses("192.0.2.1"), test, sockets=ServerSockets(bind_ip=IPv4Address("127.0.0.9")))


def test_an_ipv6_server() -> None:
    async def main() -> None:
        async with serving(addresses("192.0.2.1"), "::1") as server:
            with Parts() as parts:
                transport = make(parts, address_of(server))
                assert await ask(transport) == ONE
                await transport.close()

    run_virtually(main)


def test_to_cancel_leaves_nothing() -> None:
    async def test(transport: Transport, server: Any) -> None:
        asking = asyncio.ensure_future(ask(transport))
        await server.until_asked(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(silence, test)


class Fussy(ServerSockets):
    """Makes sockets that send nothing."""

    error: type[OSError] = BlockingIOError

    def open_udp(self, server: Server, port: int = 0) -> socket.socket:
        sock = FussySocket(type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.error = self.error
        return sock


class FussySocket(socket.socket):
    error: type[OSError]

    def send(self, *_: object) -> int:
        raise self.error


def test_a_full_buffer_is_a_lost_datagram() -> None:
    async def test(transport: Transport, server: Any) -> None:
        assert await fail(transport) == (Failure.TIMEOUT, "")

    play(silence, test, sockets=Fussy())


def test_a_network_that_does_not_take_it() -> None:
    class Forbidden(Fussy):
        error = PermissionError

    async def test(transport: Transport, server: Any) -> None:
        assert (await fail(transport))[0] is Failure.UNREACHABLE
        assert elapsed() == 0.0

    play(silence, test, sockets=Forbidden())
