"""Ports for the programs that tests start."""

import contextlib
import secrets
import socket
from pathlib import Path

FIRST_OF_THE_KERNEL = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""From here on any port may belong to somebody's outgoing connection a moment later."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, for TCP and UDP, and that the kernel gives to nobody of its own accord."""
    while True:
        port = secrets.choice(range(FIRST_OF_THE_KERNEL // 2, FIRST_OF_THE_KERNEL))
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
            for sock in (tcp, udp):
                sock.bind(("127.0.0.1", port))
            return port
