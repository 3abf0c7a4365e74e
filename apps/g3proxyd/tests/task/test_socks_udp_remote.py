"""Sockets towards the remote side, and the headers for what comes from there."""

import ctypes
import errno
import socket
from ipaddress import ip_address

import pytest
from g3_socks import pack_header
from g3proxyd.io.mmsg import SLOTS, Batch
from g3proxyd.task import socks_udp_remote as module
from g3proxyd.task.socks_udp_remote import Remote
from udp import bound


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_headers_name_the_true_sources(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOURCES_MAX", 1)
    batch = Batch()
    with bound(host) as sock, bound(host) as one, bound(host) as other:
        remote = Remote(sock)
        expected = {peer: pack_header(ip_address(host), peer.getsockname()[1]) for peer in (one, other)}
        for order in ([one, other, other, one], [one], [other, other, other], [one, one, other]) * 2:
            for peer in order:
                peer.sendto(b"x", sock.getsockname())
            sizes, _segments = batch.receive(remote, SLOTS, named=remote.named)
            places = remote.headers(batch.sources, len(sizes))
            assert [ctypes.string_at(place, remote.header_size) for place in places] == [expected[p] for p in order]
            assert len(set(places)) == len(set(order))


def test_a_connected_socket_has_one_header() -> None:
    with bound() as sock:
        header = pack_header("a.test", 53)
        remote = Remote(sock, header)
        assert not remote.named
        places = remote.headers(Batch().sources, 3)
        assert [ctypes.string_at(place, remote.header_size) for place in places] == [header] * 3


def test_an_error_of_an_earlier_datagram_costs_no_later_one() -> None:
    with bound() as sock, bound() as gone:
        address = gone.getsockname()
        sock.connect(address)
        gone.close()
        remote = Remote(sock)
        sock.send(b"provokes the error")
        with bound(*address) as back:
            remote.send(b"x", None)
            assert back.recv(9) == b"x"
        assert (remote.sent, remote.sent_bytes, remote.error) == (1, 1, 0)


def test_what_cannot_go_is_noted() -> None:
    with bound() as sock:
        remote = Remote(sock)
        remote.send(b"x", ("127.0.0.1", 0))
        assert (remote.sent, remote.error) == (0, errno.EINVAL)


def test_a_full_line_is_no_error() -> None:
    class Full:
        family = socket.AF_INET

        def fileno(self) -> int:
            return 0

        def send(self, payload: bytes) -> int:
            raise BlockingIOError

    remote = Remote(Full())  # type: ignore[arg-type]  # a part of a socket
    remote.send(b"x", None)
    assert (remote.sent, remote.error) == (0, 0)
