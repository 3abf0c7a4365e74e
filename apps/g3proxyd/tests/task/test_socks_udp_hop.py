"""Datagrams that come from a SOCKS5 proxy on the way, between real sockets: what goes on to the client."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

import pytest
from g3_socks import pack_header
from g3proxyd.escaper.base import UdpHop
from g3proxyd.io.mmsg import SLOTS, Batch
from g3proxyd.io.stream import Stream
from g3proxyd.io.udp_socket import UDP_SEGMENT, UdpSocket
from g3proxyd.task import socks_udp_hop as module
from g3proxyd.task.socks_udp_hop import HopRemote
from udp import bound

A, B = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")
NAME = pack_header("a.test", 53)


class Control:
    closed = False

    def close(self) -> None:
        self.closed = True


class Scene:
    """A proxy that says things, a hop towards it, and the client."""

    def __init__(self, stack: ExitStack, header: bytes | None) -> None:
        self.proxy, sock = stack.enter_context(bound()), stack.enter_context(bound())
        sock.connect(self.proxy.getsockname())
        self.proxy.connect(sock.getsockname())
        self.client, inside = stack.enter_context(bound()), stack.enter_context(bound())
        inside.connect(self.client.getsockname())
        self.control = Control()
        self.hop = HopRemote(UdpHop(sock, cast(Stream, self.control)), header)
        self.hop.join_trains()
        self.inside = UdpSocket(inside)
        self.batch = Batch()

    def say(self, *datagrams: bytes) -> None:
        for data in datagrams:
            self.proxy.send(data)

    def say_train(self, *datagrams: bytes) -> None:
        """All of one size but the last, glued together as the kernel glues them."""
        segment = (socket.IPPROTO_UDP, UDP_SEGMENT, len(datagrams[0]).to_bytes(2, "little"))
        self.proxy.sendmsg(datagrams, [segment])

    def passed(self, most: int = 60000) -> list[bytes]:
        """What the client gets of all that has been said."""
        while True:
            sizes, segments = self.batch.receive(self.hop, SLOTS, named=False)
            if not sizes:
                break
            self.hop.pass_on(self.batch, self.inside, most, sizes, segments)
        found = []
        while True:
            try:
                found.append(self.client.recv(1 << 16))
            except BlockingIOError:
                return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def payloads(*sizes: int) -> list[bytes]:
    return [random.Random(number).randbytes(size) for number, size in enumerate(sizes)]


SIZES = [(0,), (5, 0, 3), (100,) * 40, (100,) * 20 + (7,), (1400, 1400, 20, 1400), (9000, 1), (1,) * 64]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("sources", [(A,), (A, B, "b.test"), ("c.test", "d.test")])
def test_all_sources_go_on_as_they_are(stack: ExitStack, sizes: tuple[int, ...], sources: tuple[Any, ...]) -> None:
    scene = Scene(stack, None)
    said = [pack_header(sources[n % len(sources)], 53) + data for n, data in enumerate(payloads(*sizes))]
    scene.say(*said)
    assert scene.passed() == said


@pytest.mark.parametrize("sizes", SIZES)
def test_one_target_keeps_the_name_that_the_client_gave_it(stack: ExitStack, sizes: tuple[int, ...]) -> None:
    scene = Scene(stack, NAME)
    wanted = payloads(*sizes)
    scene.say(*(pack_header(A, 53) + data for data in wanted))
    assert scene.passed() == [NAME + data for data in wanted]


def test_addresses_of_a_name_may_change_but_not_its_port(stack: ExitStack) -> None:
    scene = Scene(stack, NAME)
    heads = [pack_header(host, port) for host in (A, B, "a.test", "A.Test.", "b.test") for port in (53, 54)]
    scene.say(*(head + b"%d" % number for number, head in enumerate(heads)))
    assert scene.passed() == [NAME + b"%d" % number for number in (0, 2, 4, 6, 8)]


def test_only_the_address_itself_answers_for_an_address(stack: ExitStack) -> None:
    own = pack_header(A, 53)
    scene = Scene(stack, own)
    mapped = b"\0\0\0\4" + IPv6Address("::ffff:192.0.2.1").packed + b"\0\x35"
    strange = [pack_header(host, port) for host, port in ((A, 54), (B, 53), ("a.test", 53), (IPv4Address(1), 53))]
    scene.say(own + b"1", *(head + b"x" for head in strange), mapped + b"2", pack_header("192.0.2.1", 53) + b"3")
    assert scene.passed() == [own + b"1", own + b"2", own + b"3"]


GARBAGE = [
    b"",
    b"\0\0\0\1",
    pack_header(A, 53)[:-1],
    b"\0\0\1" + pack_header(A, 53)[3:] + b"fragment",
    b"\0\1\0" + pack_header(A, 53)[3:] + b"reserved",
    b"\0\0\0\2" + bytes(20),
    b"\0\0\0\3\0\0\x35" + b"no name",
    b"\0\0\0\3\3a b\0\x35",
    b"\0\0\0\3\xffa.test",
    b"\xff" * 500,
]


@pytest.mark.parametrize("header", [None, NAME])
def test_garbage_is_dropped(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    good = pack_header(A, 53)
    said = [part for number, bad in enumerate(GARBAGE) for part in (bad, bad, good + b"%d" % number)]
    scene.say(*said)
    assert scene.passed() == [(header or good) + b"%d" % number for number in range(len(GARBAGE))]


@pytest.mark.parametrize("header", [None, NAME])
def test_a_train_goes_on_as_a_train(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    head = pack_header(A, 53)
    wanted = payloads(*(1000,) * 20, 7)
    scene.say_train(*(head + data for data in wanted))
    assert scene.passed() == [(header or head) + data for data in wanted]
    assert (scene.hop.received, scene.inside.sent) == (21, 21)


@pytest.mark.parametrize("header", [None, NAME])
def test_garbage_in_a_train_is_dropped(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    good = [pack_header(A, 53) + data for data in payloads(*(90,) * 30)]
    bad = b"\0\0\1" + bytes(97)
    scene.say_train(*(part for data in good for part in (data, bad)), b"\0\0\0\1")
    assert scene.passed() == [data if header is None else header + data[10:] for data in good]


@pytest.mark.parametrize("header", [None, NAME])
def test_a_train_of_several_sources(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    heads = [pack_header(A, 53), pack_header(B, 53), pack_header("abcdefghijklm.test", 53)]
    said = [head.ljust(200, b"%d" % number) for number, head in enumerate(heads) for _ in range(5)]
    said[7] = pack_header(A, 99) + bytes(190)
    scene.say_train(*said, heads[0] + b"the short end")
    got = scene.passed()
    if header is None:
        assert got == [*said, heads[0] + b"the short end"]
    else:
        wanted = [data[len(heads[number // 5]) :] for number, data in enumerate(said) if number != 7]
        assert got == [NAME + data for data in (*wanted, b"the short end")]


@pytest.mark.parametrize("header", [None, NAME])
def test_large_segments_are_dropped(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    head = pack_header(A, 53)
    scene.say_train(*(head + bytes(101) for _ in range(5)), head + bytes(100))
    assert [len(data) - len(header or head) for data in scene.passed(100)] == [100]


@pytest.mark.parametrize("header", [None, NAME])
def test_large_payloads_are_dropped_whole(stack: ExitStack, header: bytes | None) -> None:
    scene = Scene(stack, header)
    good = pack_header(A, 53)
    said = [good + bytes(size) for size in (101, 100, 101, 101, 101, 99, 200, 200, 50)]
    scene.say(*said)
    assert [len(data) - len(header or good) for data in scene.passed(100)] == [100, 99, 50]


def test_many_sources_are_not_kept(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOURCES_MAX", 3)
    scene = Scene(stack, None)
    said = [pack_header(A, port) + b"x" for port in range(1, 20)]
    scene.say(*said)
    assert scene.passed() == said
    assert len(scene.hop._sources) <= 3


def test_the_association_ends_with_its_socket(stack: ExitStack) -> None:
    scene = Scene(stack, None)
    scene.hop.close()
    assert scene.control.closed
    assert scene.hop.sock.fileno() == -1
    scene.hop.close()


def test_no_foreign_datagram_comes_through_a_connected_socket(stack: ExitStack) -> None:
    scene = Scene(stack, None)
    with bound() as stranger:
        stranger.sendto(pack_header(A, 53) + b"intrusion", scene.hop.sock.getsockname())
        scene.say(pack_header(A, 53) + b"right")
        assert scene.passed() == [pack_header(A, 53) + b"right"]
