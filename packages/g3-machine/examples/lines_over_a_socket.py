"""Run a machine over a blocking socket: greet a peer by its name, and keep what it sent too early."""

import socket

from g3_machine import Machine
from g3_machine.drivers import handshake


class NameReader(Machine[bytes]):
    """Reads one line, the name."""

    def __init__(self) -> None:
        super().__init__(NameReader._read_name)

    def greet(self, name: bytes) -> None:
        """Answer the name."""
        self._outbox += b"hello " + name

    def _read_name(self) -> bytes | None:
        end = self._inbox.find(b"\n")
        return self._take(end + 1) if end >= 0 else None


def main() -> None:
    """Both ends in one process."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"Ada\nand more")
        machine = NameReader()

        def answer(name: bytes) -> str:
            machine.greet(name)
            return name.decode().strip()

        name, early = handshake(machine, here, answer)
        print(f"{name} was greeted with {there.recv(99)!r}; behind the handshake came {early!r}")


if __name__ == "__main__":
    main()
