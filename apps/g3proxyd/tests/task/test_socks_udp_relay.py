"""The relay's own rules; what it does between real sockets is tested with the server."""

from typing import Any

import pytest
from g3proxyd.io.udp_socket import UdpSocket
from g3proxyd.task.socks_udp_header import header_size
from g3proxyd.task.socks_udp_relay import RelaySizes, UdpRelay
from g3proxyd.task.socks_udp_remote import Remote
from udp import bound


class Poller:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int]] = []

    def add_reader(self, fd: int, callback: Any) -> None:
        self.said.append(("add", fd))

    def remove_reader(self, fd: int) -> None:
        self.said.append(("remove", fd))

    def forget(self, fd: int) -> None:
        self.said.append(("forget", fd))


class Host:
    def __init__(self) -> None:
        self.poller = Poller()


def test_a_closed_relay_leaves_the_numbers_of_its_sockets_alone() -> None:
    host = Host()
    with bound() as client, bound() as out:
        relay = UdpRelay(host, UdpSocket(client), ("127.0.0.1", 9), RelaySizes())  # type: ignore[arg-type]  # as far as it is used
        relay.add(Remote(out))
        fd = out.fileno()
        relay.close()
        assert out.fileno() == -1
        assert client.fileno() >= 0
        said = list(host.poller.said)
        assert ("forget", fd) in said
        relay.close()
        assert host.poller.said == said


@pytest.mark.parametrize(
    ("start", "size"),
    [
        (b"\0\0\0\1\0", 10),
        (b"\0\0\0\4\0", 22),
        (b"\0\0\0\3\0", 7),
        (b"\0\0\0\3\xff", 262),
        (b"\0\0\0\2\0", 0),
        (b"\0\0\0\0\0", 0),
        (b"\0\0\0\1", 0),
        (b"", 0),
    ],
)
def test_sizes_of_headers(start: bytes, size: int) -> None:
    assert header_size(start) == size
