"""Connections that hold an association, over real sockets."""

import asyncio
import socket
import struct

import pytest
from g3proxyd.io.poller import Poller
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from g3proxyd.task.socks_udp_control import ControlWatch
from loopback import run, tcp_pair


class Scene:
    """A watched connection, its peer, and what was heard."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.peer, sock = tcp_pair()
        self.stream = Stream(Poller(loop), sock, Wheel(loop))
        self.heard: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self.watch = ControlWatch(self.stream, self.heard.put_nowait)

    def close(self) -> None:
        self.watch.cancel()
        self.stream.close()
        self.peer.close()


def test_an_orderly_end() -> None:
    async def main() -> None:
        scene = Scene()
        scene.peer.close()
        assert await scene.heard.get() == b""
        scene.close()

    run(main())


def test_a_byte_against_the_protocol() -> None:
    async def main() -> None:
        scene = Scene()
        scene.peer.send(b"xyz")
        assert await scene.heard.get() == b"x"
        scene.close()

    run(main())


def test_a_reset() -> None:
    async def main() -> None:
        scene = Scene()
        scene.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        scene.peer.close()
        assert isinstance(await scene.heard.get(), ConnectionResetError)
        scene.close()

    run(main())


def test_what_is_nothing_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session ticket of TLS wakes the stream up, and there is nothing to read."""

    async def main() -> None:
        scene = Scene()
        reads: list[bytes | None] = [None, b"y"]
        monkeypatch.setattr(Stream, "read", lambda stream, size: reads.pop(0))
        scene.peer.send(b"x")
        assert await scene.heard.get() == b"y"
        scene.close()

    run(main())


def test_nothing_is_heard_after_the_end() -> None:
    async def main() -> None:
        scene = Scene()
        scene.watch.cancel()
        scene.watch.cancel()
        scene.peer.send(b"x")
        assert await scene.stream.receive(5) == b"x"
        assert scene.heard.empty()
        scene.close()

    run(main())
