"""The poller: one watch or both, replaced, removed, forgotten; failures of the socket."""

import asyncio
import socket
import struct
from collections.abc import Callable

from g3proxyd.io.poller import Poller
from loopback import run, tcp_pair


def once(poller: Poller, sock: socket.socket, seen: list[str], word: str) -> Callable[[], None]:
    """A writer's callback that is called once."""

    def callback() -> None:
        seen.append(word)
        poller.remove_writer(sock.fileno())

    return callback


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0.002)


def test_readers_and_writers_of_one_socket() -> None:
    async def main() -> None:
        poller = Poller(asyncio.get_running_loop())
        a, b = tcp_pair()
        seen: list[str] = []
        poller.add_writer(a.fileno(), once(poller, a, seen, "w"))
        poller.add_reader(a.fileno(), lambda: seen.append("r" + a.recv(9).decode()))
        await turns()
        assert seen == ["w"]
        b.send(b"1")
        await turns()
        poller.add_writer(a.fileno(), once(poller, a, seen, "W"))
        poller.add_reader(a.fileno(), lambda: seen.append("R" + a.recv(9).decode()))
        await turns()
        b.send(b"2")
        await turns()
        assert seen == ["w", "r1", "W", "R2"]
        poller.remove_reader(a.fileno())
        poller.remove_reader(a.fileno())
        poller.remove_writer(a.fileno())
        b.send(b"3")
        await turns()
        assert len(seen) == 4
        assert len(poller) == 0
        a.close()
        b.close()
        poller.close()

    run(main())


def test_a_reader_may_go_while_a_writer_stays() -> None:
    async def main() -> None:
        poller = Poller(asyncio.get_running_loop())
        a, b = tcp_pair()
        seen: list[str] = []
        poller.add_reader(a.fileno(), lambda: seen.append("r"))
        poller.add_writer(a.fileno(), once(poller, a, seen, "w"))
        poller.remove_reader(a.fileno())
        b.send(b"1")
        await turns()
        assert seen == ["w"]
        a.close()
        b.close()
        poller.close()

    run(main())


def test_a_watch_is_level_triggered() -> None:
    async def main() -> None:
        poller = Poller(asyncio.get_running_loop())
        a, b = tcp_pair()
        calls = 0

        def count() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                a.recv(9)

        poller.add_reader(a.fileno(), count)
        b.send(b"1")
        await turns(10)
        assert calls == 3
        a.close()
        b.close()
        poller.close()

    run(main())


def test_a_failure_wakes_whoever_waits() -> None:
    async def main() -> None:
        for kind in ("reader", "writer"):
            poller = Poller(asyncio.get_running_loop())
            a, b = tcp_pair()
            seen: list[str] = []

            def woken(kind: str = kind, fd: int = a.fileno(), poller: Poller = poller, seen: list[str] = seen) -> None:
                seen.append(kind)
                poller.remove_reader(fd)
                poller.remove_writer(fd)

            if kind == "writer":
                while True:
                    try:
                        a.send(bytes(65536))
                    except BlockingIOError:
                        break
                poller.add_writer(a.fileno(), woken)
            else:
                poller.add_reader(a.fileno(), woken)
            b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            b.close()
            await turns()
            assert seen == [kind]
            a.close()
            poller.close()

    run(main())


def test_a_number_that_is_used_again_has_no_ghosts() -> None:
    async def main() -> None:
        poller = Poller(asyncio.get_running_loop())
        a, b = tcp_pair()
        seen: list[str] = []
        number = a.fileno()
        poller.add_reader(number, lambda: seen.append("ghost"))
        poller.forget(number)
        a.close()
        c, d = tcp_pair()
        taken = next(sock for sock in (c, d) if sock.fileno() == number)
        poller.add_reader(number, lambda: seen.append(taken.recv(9).decode()))
        (d if taken is c else c).send(b"new")
        b.send(b"old")
        await turns()
        assert seen == ["new"]
        for sock in (b, c, d):
            sock.close()
        poller.close()

    run(main())


def test_a_callback_may_close_another_socket_of_the_same_turn() -> None:
    async def main() -> None:
        poller = Poller(asyncio.get_running_loop())
        one, far1 = tcp_pair()
        two, far2 = tcp_pair()
        seen: list[int] = []

        def close_both() -> None:
            seen.append(1)
            for sock in (one, two):
                poller.forget(sock.fileno())
                sock.close()

        poller.add_reader(one.fileno(), close_both)
        poller.add_reader(two.fileno(), close_both)
        far1.send(b"x")
        far2.send(b"x")
        await turns()
        assert seen == [1]
        far1.close()
        far2.close()
        poller.close()

    run(main())
