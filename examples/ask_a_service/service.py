"""A service for route_query: hosts below some domains lead nowhere, all others go out directly.

usage: service.py ADDRESS:PORT DOMAIN...
"""

import socket
import sys

import msgspec


def answer(datagram: bytes, domains: list[str]) -> bytes | None:
    """The answer to one question; None for what is no question."""
    try:
        question = msgspec.msgpack.decode(datagram)
        host = question["host"]
        found = any(host == domain or host.endswith(f".{domain}") for domain in domains)
        return msgspec.msgpack.encode({"id": question["id"], "nodes": "nowhere" if found else "direct", "ttl": 60})
    except (msgspec.DecodeError, TypeError, KeyError, AttributeError):
        return None


def main(address: str, *domains: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, int(port)))
        while True:
            datagram, client = sock.recvfrom(65536)
            reply = answer(datagram, list(domains))
            if reply is not None:
                sock.sendto(reply, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
