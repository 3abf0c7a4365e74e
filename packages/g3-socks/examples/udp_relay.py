"""A UDP relay for one client: the header is read and written, the payload is passed on where it lies."""

import socket

from g3_machine import RemoteProtocolError
from g3_socks import MAX_HEADER_SIZE, pack_header, parse_datagram

LARGEST_PAYLOAD = 1472


def relay_out(inside: socket.socket, outside: socket.socket, buffer: bytearray, client: tuple[str, int]) -> None:
    """Pass one datagram of the client on to its target; drop what is not the client's or no datagram."""
    size, source = inside.recvfrom_into(buffer)
    if source != client:
        return
    try:
        datagram = parse_datagram(memoryview(buffer)[:size])
    except RemoteProtocolError as fault:
        print("dropped:", fault)
        return
    outside.sendto(datagram.payload, (str(datagram.host), datagram.port))


def relay_back(outside: socket.socket, inside: socket.socket, buffer: bytearray, client: tuple[str, int]) -> None:
    """Pass one answer back, with a header that says who sent it."""
    size, (host, port) = outside.recvfrom_into(buffer)
    inside.sendmsg([pack_header(host, port), memoryview(buffer)[:size]], [], 0, client)


def bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(10)
    return sock


def main() -> None:
    buffer = bytearray(MAX_HEADER_SIZE + LARGEST_PAYLOAD)
    with bound() as client, bound() as inside, bound() as outside, bound() as target:
        me = client.getsockname()
        client.sendto(b"\x00\x00\x01 a fragment", inside.getsockname())
        relay_out(inside, outside, buffer, me)
        query = pack_header(*target.getsockname()) + b"what time is it?"
        client.sendto(query, inside.getsockname())
        relay_out(inside, outside, buffer, me)
        payload, source = target.recvfrom(99)
        target.sendto(payload.upper(), source)
        relay_back(outside, inside, buffer, me)
        answer = parse_datagram(client.recv(2048))
        print(f"{answer.host} says {bytes(answer.payload)!r}")


if __name__ == "__main__":
    main()
