"""The supervisor and its workers, with faults put into the workers before they are forked."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import free_port
from g3proxyd.config import Config
from g3proxyd.resolver import make_resolver
from g3proxyd.supervisor import slot as slots
from g3proxyd.supervisor.errors import ApplyError, StartError
from g3proxyd.supervisor.messages import ForceQuit
from g3proxyd.supervisor.sockets import Sockets
from g3proxyd.supervisor.supervisor import Supervisor
from g3proxyd.worker import build, process
from g3proxyd.worker.worker import Quit
from proxy import configuration

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """The collector of the tests' own process gets its objects back."""
    yield
    gc.unfreeze()


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(limited())


def config(port: int, **http: Any) -> Config:
    return configuration(http={"listen": f"127.0.0.1:{port}", **http})


@contextlib.asynccontextmanager
async def supervised(first: Config, workers: int = 2) -> AsyncIterator[Supervisor]:
    """A supervisor that serves."""
    sockets = Sockets(workers)
    supervisor = Supervisor(first, workers, sockets, sockets.stage(first))
    try:
        await supervisor.start()
        await supervisor.go()
        yield supervisor
    finally:
        supervisor.quit(Quit.AT_ONCE)
        await supervisor.ended()


async def status_of(port: int) -> bytes:
    """What a proxy answers that is asked for nothing it has: it is alive."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


ALIVE = b"HTTP/1.1 501 Not Implemented\r\n"


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_all_workers_serve_and_are_counted_together(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()

    async def main() -> None:
        async with supervised(config(port)) as supervisor:
            assert {await status_of(port) for _ in range(20)} == {ALIVE}
            stats = supervisor.counters.column(supervisor.layout.columns["server http"])
            assert sum(stats) == 20
            assert len({slot.process.pid for slot in supervisor.slots if slot.process}) == 2

    with caplog.at_level(logging.INFO):
        run(main())
    assert [record.message for record in caplog.records if "listens" in record.message] == [
        f"server http listens on 127.0.0.1 port {port}"
    ]


def test_what_is_asked_before_the_workers_serve_is_answered_when_they_do() -> None:
    async def main() -> None:
        first = config(free_port())
        sockets = Sockets(2)
        supervisor = Supervisor(first, 2, sockets, sockets.stage(first))
        try:
            await supervisor.start()
            asked = asyncio.create_task(supervisor.ask_all(ForceQuit("none")))
            await asyncio.sleep(0)
            assert not asked.done()
            await supervisor.go()
            assert len(await asked) == 2
        finally:
            supervisor.quit(Quit.AT_ONCE)
            await supervisor.ended()

    run(main())


def test_what_waits_for_a_killed_worker_is_served_by_the_next() -> None:
    port = free_port()

    async def main() -> None:
        async with supervised(config(port), workers=1) as supervisor:
            before = supervisor.slots[0].process
            assert before is not None
            os.kill(before.pid, signal.SIGSTOP)
            waiting = [asyncio.create_task(status_of(port)) for _ in range(20)]
            await asyncio.sleep(0)
            before.kill()
            assert set(await asyncio.gather(*waiting)) == {ALIVE}
            assert supervisor.slots[0].process is not before

    run(main())


def dying(monkeypatch: pytest.MonkeyPatch, allowed: Path, numbers: tuple[int, ...]) -> None:
    """Let these workers die at the start as long as the file is not there."""
    real = process.main

    def main(inheritance: process.Inheritance, link: socket.socket) -> int:
        if inheritance.number in numbers and not allowed.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return real(inheritance, link)

    monkeypatch.setattr(process, "main", main)


def test_a_worker_that_dies_at_the_start_is_stood_in_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    dying(monkeypatch, tmp_path / "allowed", (1,))

    async def main() -> None:
        async with supervised(config(port)) as supervisor:
            await until(lambda: supervisor.slots[1].state == "waiting")
            assert {await status_of(port) for _ in range(20)} == {ALIVE}
            (tmp_path / "allowed").touch()
            await until(lambda: supervisor.slots[1].serving)
            # Each has its own socket again.
            await until(lambda: [len(slot.plan["http"]) for slot in supervisor.slots] == [1, 1])
            assert {await status_of(port) for _ in range(20)} == {ALIVE}

    run(main())
    alarms = [record.message for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "worker 2" in alarms[0]
    assert "ended with signal 9" in alarms[0]


def test_pauses_between_deaths(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        slot = slots.Slot(0)
        assert [slot.pause_after(0.1) for _ in range(6)] == [0, 0, 0, 0.1, 0.2, 0.4]
        assert slot.pause_after(100.0) == 0
        assert [slot.pause_after(0.1) for _ in range(40)][-1] == slots.LONGEST_PAUSE

    run(main())


def test_no_worker_can_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying(monkeypatch, tmp_path / "never", (0, 1))

    async def main() -> None:
        with pytest.raises(StartError, match=r"worker 1 \(pid \d+\) ended with signal 9"):
            async with supervised(config(free_port())):
                pass

    run(main())


def test_a_worker_says_why_it_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("this resolver will not do")

    monkeypatch.setattr(build, "make_resolver", refuse)

    async def main() -> None:
        with pytest.raises(StartError, match="this resolver will not do"):
            async with supervised(config(free_port())):
                pass

    run(main())


def test_a_reload_that_one_worker_refuses_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    real = make_resolver
    first_pid = tmp_path / "pid"

    def only_one(*arguments: Any) -> Any:
        """The first worker that builds again may, the other may not."""
        resolver = real(*arguments)
        if arguments[0].type == "c_ares":
            try:
                first_pid.touch(exist_ok=False)
            except FileExistsError:
                raise ValueError("not twice") from None
        return resolver

    monkeypatch.setattr(build, "make_resolver", only_one)

    async def main() -> None:
        async with supervised(config(port)) as supervisor:
            changed = configuration(http={"listen": f"127.0.0.1:{other}"}, resolver={"type": "c_ares"})
            with pytest.raises(ApplyError, match=r"worker \d: not twice"):
                await supervisor.apply(changed)
            assert {await status_of(port) for _ in range(10)} == {ALIVE}
            with pytest.raises(ConnectionRefusedError):
                await status_of(other)
            assert [slot.version for slot in supervisor.slots] == [1, 1]

    run(main())


def test_a_server_moves_to_another_address() -> None:
    port, other = free_port(), free_port()

    async def main() -> None:
        async with supervised(config(port)) as supervisor:
            await supervisor.apply(config(other))
            assert {await status_of(other) for _ in range(10)} == {ALIVE}
            with pytest.raises(ConnectionRefusedError):
                await status_of(port)

    run(main())


def test_an_address_in_use_refuses_a_reload() -> None:
    port = free_port()

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            async with supervised(config(port)) as supervisor:
                with pytest.raises(ApplyError, match=r"server http cannot listen on .*: Address already in use"):
                    await supervisor.apply(config(taken.getsockname()[1]))
                assert await status_of(port) == ALIVE

    run(main())


def test_a_replacement_has_the_configuration_of_the_last_reload() -> None:
    port, other = free_port(), free_port()

    async def main() -> None:
        async with supervised(config(port)) as supervisor:
            await supervisor.apply(config(other))
            for slot in supervisor.slots:
                before = slot.process
                assert before is not None
                before.kill()
                await until(lambda slot=slot, before=before: slot.process is not before and slot.serving)
            assert {await status_of(other) for _ in range(10)} == {ALIVE}

    run(main())


def test_staying_after_all() -> None:
    port = free_port()

    async def main() -> None:
        first = configuration(http={"listen": f"127.0.0.1:{port}"}, runtime={"server_offline_delay": "1h"})
        async with supervised(first) as supervisor:
            assert not supervisor.stay()
            assert supervisor.leave()
            assert not supervisor.leave()
            assert await status_of(port) == ALIVE
            assert supervisor.stay()
            assert await status_of(port) == ALIVE
            assert supervisor.leave()

    run(main())


def test_who_waits_at_the_end_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is stopped while clients connect, so that they wait in the queue when the end begins."""
    port = free_port()

    async def main() -> None:
        async with supervised(config(port), workers=1) as supervisor:
            worker = supervisor.slots[0].process
            assert worker is not None
            os.kill(worker.pid, signal.SIGSTOP)
            streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
            for _, writer in streams:
                writer.write(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n")
            supervisor.leave()
            await until(lambda: supervisor.closed)
            os.kill(worker.pid, signal.SIGCONT)
            answers = {(await reader.readline()).split()[1] for reader, _ in streams}
            assert answers == {b"521"}  # nobody listens on port 1, and that is what they are told
            for _, writer in streams:
                writer.close()
                await writer.wait_closed()
            await supervisor.ended()

    run(main())
