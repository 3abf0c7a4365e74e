"""Addresses of clients, and what somebody else tells about them."""

import socket
from ipaddress import IPv4Address, IPv6Address

Peer = tuple[str, int] | tuple[str, int, int, int]
"""An address as the socket module spells it; the longer form is IPv6 with flow and scope."""

MAPPED = "::ffff:"
"""How a socket of both families spells an IPv4 address (RFC 4291 section 2.5.5.2)."""


class ToldPeer(tuple[str, int]):
    """A client's address that a PROXY header told, and with it the address that the client connected to."""

    server_addr: Peer

    def __new__(cls, client_addr: tuple[str, int], server_addr: tuple[str, int]) -> "ToldPeer":
        told = super().__new__(cls, client_addr)
        told.server_addr = server_addr
        return told


def server_address(sock: socket.socket, peer: Peer) -> Peer:
    """The address that this client connected to."""
    if type(peer) is ToldPeer:
        return peer.server_addr
    return local_address(sock)


def local_address(sock: socket.socket) -> Peer:
    """The address of our end of a connection."""
    address: Peer = sock.getsockname()
    return (address[0][len(MAPPED) :], address[1]) if address[0].startswith(MAPPED) else address


def is_local(host: IPv4Address | IPv6Address) -> bool:
    """Whether this machine has the address."""
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((str(host), 0))
        except OSError:
            return False
    return True
