"""Services that answer over UDP as a test tells them, on the test's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Reply = Callable[[Any], "list[bytes] | bytes"]
"""What to answer to a question that was read as MessagePack."""


class Service:
    """One service; ``questions`` are those that it was asked."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.questions: list[Any] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        self.clients: set[tuple[str, int]] = set()

    def readable(self) -> None:
        data, client = self.sock.recvfrom(65536)
        self.clients.add(client)
        question = msgspec.msgpack.decode(data)
        self.questions.append(question)
        replies = self.reply(question)
        for reply in [replies] if isinstance(replies, bytes) else replies:
            self.sock.sendto(reply, client)

    def say(self, *data: bytes) -> None:
        """Send to whoever has asked, without being asked."""
        for each in data:
            for client in self.clients:
                self.sock.sendto(each, client)


@contextlib.contextmanager
def service(reply: Reply) -> Iterator[Service]:
    """A service for the length of the block."""
    made = Service(reply)
    loop = asyncio.get_running_loop()
    loop.add_reader(made.sock, made.readable)
    try:
        yield made
    finally:
        loop.remove_reader(made.sock)
        made.sock.close()


def packed(**fields: Any) -> bytes:
    """A map in MessagePack."""
    return msgspec.msgpack.encode(fields)
