"""Batches between real sockets, with what the kernel offers and without it."""

import ctypes
import errno
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from g3proxyd.io.mmsg import NAME, SLOT, SLOTS, Batch, shared_batch
from g3proxyd.io.udp_socket import SOL_UDP, UDP_SEGMENT, UdpSocket
from udp import bound

HOSTS = ("127.0.0.1", "::1")


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch()


@pytest.fixture(params=["mmsg", "singly"])
def either(request: pytest.FixtureRequest) -> Batch:
    """A batch, and one on a kernel that knows neither recvmmsg nor sendmmsg."""
    batch = Batch()
    if request.param == "singly":
        missing(batch, "_recvmmsg")
        missing(batch, "_sendmmsg")
    return batch


@pytest.fixture
def pair() -> Iterator[tuple[UdpSocket, UdpSocket]]:
    """Two connected sockets."""
    with bound() as one, bound() as other:
        one.connect(other.getsockname())
        other.connect(one.getsockname())
        yield UdpSocket(one), UdpSocket(other)


def failing(code: int) -> Callable[..., int]:
    def fail(*arguments: Any) -> int:
        ctypes.set_errno(code)
        return -1

    return fail


def missing(batch: Batch, call: str) -> None:
    setattr(batch, call, failing(errno.ENOSYS))


def fill(batch: Batch, payloads: list[bytes], at: int = 0, first: int = 0) -> list[int]:
    for slot, payload in enumerate(payloads, start=first):
        batch.memory[slot * SLOT + at : slot * SLOT + at + len(payload)] = payload
    return [len(payload) for payload in payloads]


def taken(batch: Batch, sizes: list[int]) -> list[bytes]:
    return [batch.memory[slot * SLOT : slot * SLOT + size] for slot, size in enumerate(sizes)]


def all_of(sock: UdpSocket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.sock.recv(1 << 16))
        except BlockingIOError:
            return found


def sockaddr(sock: socket.socket) -> Any:
    """The name of an IPv4 socket as the kernel takes it."""
    host, port = sock.getsockname()
    raw = bytes(ctypes.c_uint16(socket.AF_INET)) + port.to_bytes(2, "big") + socket.inet_aton(host)
    return ctypes.create_string_buffer(raw, NAME)


@pytest.mark.parametrize("host", HOSTS)
def test_what_comes_is_received_with_its_sources(either: Batch, host: str) -> None:
    with bound(host) as target, bound(host) as one, bound(host) as other:
        sock = UdpSocket(target)
        payloads = [random.Random(n).randbytes(n * 700) for n in range(10)]
        for number, payload in enumerate(payloads):
            (one, other)[number % 2].sendto(payload, target.getsockname())
        assert either.receive(sock, 4, named=True) == ([0, 700, 1400, 2100], None)
        ports = [int.from_bytes(either.sources[slot * NAME + 2 : slot * NAME + 4], "big") for slot in range(4)]
        assert ports == [one.getsockname()[1], other.getsockname()[1]] * 2
        assert taken(either, [0, 700, 1400, 2100]) == payloads[:4]
        sizes, _ = either.receive(sock, SLOTS, named=False)
        assert taken(either, sizes) == payloads[4:]
        assert either.receive(sock, SLOTS, named=True) == ([], None)
        assert (sock.received, sock.received_bytes) == (10, sum(map(len, payloads)))


SHAPES = [
    [100] * 64,
    [100] * 63 + [1],
    [100] * 63 + [0],
    [100] * 30 + [99] + [100] * 30,
    [100] * 10 + [101],
    [99, 100, 100],
    [0] * 5,
    [0],
    [1472] * 64,
    [1473] * 5,
    [1000, 1000, 500, 500],
    [9000, 9000],
    [65507],
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("first", [0, 3])
def test_datagrams_of_any_sizes_are_sent_as_they_are(
    either: Batch, shape: list[int], first: int, pair: tuple[UdpSocket, UdpSocket]
) -> None:
    sender, receiver = pair
    shape = shape[: SLOTS - first]
    payloads = [random.Random(n).randbytes(size) for n, size in enumerate(shape)]
    fill(either, payloads, at=5, first=first)
    either.send(sender, first, shape, 5, 0)
    assert all_of(receiver) == payloads
    assert (sender.sent, sender.sent_bytes, sender.error) == (len(shape), sum(shape), 0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_headers_are_put_in_front(either: Batch, shape: list[int], pair: tuple[UdpSocket, UdpSocket]) -> None:
    sender, receiver = pair
    buffers = [ctypes.create_string_buffer(b"head%02d" % (n % 3), 6) for n in range(3)]
    payloads = [random.Random(n).randbytes(min(size, 65000)) for n, size in enumerate(shape)]
    sizes = fill(either, payloads)
    places = [ctypes.addressof(buffers[n % 3]) for n in range(len(shape))]
    either.send_headed(sender, 0, sizes, places, 6)
    assert all_of(receiver) == [b"head%02d" % (n % 3) + payload for n, payload in enumerate(payloads)]
    assert (sender.sent, sender.sent_bytes) == (len(shape), sum(sizes) + 6 * len(sizes))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_headers_are_exchanged(either: Batch, shape: list[int], pair: tuple[UdpSocket, UdpSocket]) -> None:
    sender, receiver = pair
    header = ctypes.create_string_buffer(b"head", 4)
    payloads = [random.Random(n).randbytes(min(size, 65000)) for n, size in enumerate(shape)]
    for skip in (10, 22):
        sizes = fill(either, payloads, at=skip)
        either.send_exchanged(sender, 0, sizes, skip, ctypes.addressof(header), 4)
        assert all_of(receiver) == [b"head" + payload for payload in payloads]
    # What has headers of its own, and nothing to skip, is not disturbed by it.
    sizes = fill(either, payloads[:1])
    either.send_headed(sender, 0, sizes, [ctypes.addressof(header)], 4)
    assert all_of(receiver) == [b"head" + payloads[0]]


@pytest.mark.parametrize("length", [10, 22, 7 + 11])
def test_headers_in_front_of_all_are_seen(length: int) -> None:
    batch = Batch()
    header = random.Random(3).randbytes(length)
    fill(batch, [header + b"payload"] * SLOTS)
    assert batch.all_begin(SLOTS, header)
    for spoiled in range(length):
        place = 40 * SLOT + spoiled
        batch.memory[place] ^= 1
        assert not batch.all_begin(SLOTS, header)
        assert not batch.all_begin(41, header)
        assert batch.all_begin(40, header)
        batch.memory[place] ^= 1


def test_room_for_names_and_trains_is_there_again(pair: tuple[UdpSocket, UdpSocket]) -> None:
    """After sources of IPv4, which are shorter, those of IPv6 come whole; after none, a train has its size."""
    batch = Batch()
    sender, receiver = pair
    receiver.join_trains()
    for _ in range(2):
        sender.sock.send(b"single")
        assert batch.receive(receiver, SLOTS, named=True) == ([6], None)
        with bound("::1") as one, bound("::1") as other:
            one.sendto(b"six", other.getsockname())
            assert batch.receive(UdpSocket(other), SLOTS, named=True) == ([3], None)
            assert batch.sources[8:24] == socket.inet_pton(socket.AF_INET6, "::1")
        sender.sock.setsockopt(SOL_UDP, UDP_SEGMENT, 4)
        sender.sock.send(b"in a train, that")
        sender.sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
        assert batch.receive(receiver, SLOTS, named=True) == ([16], [4])


def test_a_name_holds_for_its_own_messages_only(batch: Batch, pair: tuple[UdpSocket, UdpSocket]) -> None:
    sender, receiver = pair
    with bound() as other, bound() as open_sender:
        name = sockaddr(other)
        sizes = fill(batch, [b"a", b"bb"])
        batch.send(UdpSocket(open_sender), 0, sizes, 0, ctypes.addressof(name))
        batch.send(sender, 0, sizes, 0, 0)
        batch.send(UdpSocket(open_sender), 0, [2, 2, 1], 0, ctypes.addressof(name))
        assert all_of(UdpSocket(other)) == [b"a", b"bb", b"a\0", b"bb", batch.memory[2 * SLOT : 2 * SLOT + 1]]
        assert all_of(receiver) == [b"a", b"bb"]


@pytest.mark.parametrize("last", [1200, 700, 12, 11])
def test_trains_arrive_in_one_piece_and_leave_as_datagrams(batch: Batch, last: int) -> None:
    """A sender's train of segments, of which each begins with 11 bytes that are left out on the way."""
    with bound() as origin, bound() as entrance, bound() as out, bound() as target:
        origin.connect(entrance.getsockname())
        out.connect(target.getsockname())
        incoming, outgoing = UdpSocket(entrance), UdpSocket(out)
        incoming.join_trains()
        segments = [(b"%02d skipped " % n) + bytes([n]) * (1200 - 11) for n in range(39)]
        segments.append(b"39 skipped " + b"z" * (last - 11))
        origin.setsockopt(SOL_UDP, UDP_SEGMENT, 1200)
        origin.send(b"".join(segments))
        sizes, found = batch.receive(incoming, SLOTS, named=False)
        assert (sizes, found) == ([39 * 1200 + last], [1200])
        assert incoming.received == 40
        batch.send_train(outgoing, 0, 0, sizes[0], 1200, 11, 0, 0, 0)
        assert all_of(UdpSocket(target)) == [segment[11:] for segment in segments]
        assert (outgoing.sent, outgoing.sent_bytes) == (40, sum(map(len, segments)) - 40 * 11)
        # A part of it, with something else in front.
        header = ctypes.create_string_buffer(b"new", 3)
        batch.send_train(outgoing, 0, 1200, 4 * 1200, 1200, 11, ctypes.addressof(header), 3, 0)
        assert all_of(UdpSocket(target)) == [b"new" + segment[11:] for segment in segments[1:4]]


def test_a_train_that_does_not_fit_goes_in_parts(batch: Batch, pair: tuple[UdpSocket, UdpSocket]) -> None:
    """64 KiB of tiny segments are more than the kernel cuts at once."""
    sender, receiver = pair
    data = random.Random(5).randbytes(300 * 100)
    batch.memory[: len(data)] = data
    batch.send_train(sender, 0, 0, len(data), 100, 0, 0, 0, 0)
    assert all_of(receiver) == [data[n : n + 100] for n in range(0, len(data), 100)]


def test_a_train_of_headers_only_makes_empty_datagrams(batch: Batch, pair: tuple[UdpSocket, UdpSocket]) -> None:
    sender, receiver = pair
    batch.send_train(sender, 0, 0, 50, 10, 10, 0, 0, 0)
    assert all_of(receiver) == [b""] * 5


@pytest.mark.parametrize(
    ("code", "left"), [(errno.EMSGSIZE, 99), (errno.EINVAL, 99), (errno.EIO, 0), (errno.EOPNOTSUPP, 0)]
)
def test_where_the_kernel_cannot_cut_datagrams_go_one_by_one(
    pair: tuple[UdpSocket, UdpSocket], code: int, left: int
) -> None:
    batch = Batch()
    real = batch._sendmsg
    cuts = []

    def sendmsg(fd: int, message: int, flags: int) -> int:
        if ctypes.c_uint64.from_address(message + 40).value:  # msg_controllen: a train
            cuts.append(1)
            return failing(code)()
        result: int = real(fd, message, flags)
        return result

    batch._sendmsg = sendmsg  # type: ignore[assignment]  # stands in for a function of the C library
    sender, receiver = pair
    payloads = [bytes([n]) * 100 for n in range(10)]
    sizes = fill(batch, payloads)
    for _ in range(2):
        batch.send(sender, 0, sizes, 0, 0)
        assert all_of(receiver) == payloads
    batch.memory[:1000] = b"".join(payloads)
    batch.send_train(sender, 0, 0, 1000, 100, 0, 0, 0, 0)
    assert all_of(receiver) == payloads
    assert cuts == [1]
    assert (sender.train_segment, sender.sent, sender.error) == (left, 30, 0)


def test_the_error_of_an_earlier_datagram_costs_no_later_one(either: Batch) -> None:
    """ECONNREFUSED tells that some datagram before met a closed port (ICMP)."""
    with bound() as sock, bound() as gone:
        address = gone.getsockname()
        sock.connect(address)
        gone.close()
        sender = UdpSocket(sock)
        for payloads in ([b"a"], [b"b", b"bb"], [b"c", b"c"]):
            sizes = fill(either, payloads)
            sock.send(b"provokes the error")
            with bound(*address) as back:
                either.send(sender, 0, sizes, 0, 0)
                assert all_of(UdpSocket(back)) == payloads
        sock.send(b"provokes the error")
        assert either.receive(sender, SLOTS, named=False) == ([], None)
        assert sender.error == 0


def test_what_cannot_go_is_skipped_and_told(either: Batch, pair: tuple[UdpSocket, UdpSocket]) -> None:
    sender, receiver = pair
    fill(either, [b"x" * 65535, b"good"])
    either.send(sender, 0, [65535, 4], 0, 0)
    assert all_of(receiver) == [b"good"]
    assert (sender.sent, sender.sent_bytes, sender.error) == (1, 4, errno.EMSGSIZE)


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOBUFS])
def test_a_full_line_drops_the_rest(pair: tuple[UdpSocket, UdpSocket], code: int) -> None:
    batch = Batch()
    batch._sendmsg = batch._sendmmsg = failing(code)  # type: ignore[assignment]  # as above
    sender, receiver = pair
    for sizes in ([5, 5, 5], [5, 6, 7]):
        batch.send(sender, 0, sizes, 0, 0)
    batch.send_train(sender, 0, 0, 500, 100, 0, 0, 0, 0)
    assert all_of(receiver) == []
    assert (sender.sent, sender.error) == (0, 0)


def test_one_batch_for_all() -> None:
    assert shared_batch() is shared_batch()
