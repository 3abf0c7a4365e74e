"""Who may connect, how many at once, and what is left at the end."""

import asyncio
import errno
import json
import os
import socket
import stat
import struct
from pathlib import Path

import pytest
from control.fake import PATIENCE, FakeOperations, Serving, serving, to_end
from g3proxyd.control import server as module
from g3proxyd.control.connection import Limits
from g3proxyd.control.server import ControlServer, peer_uid

VERSION = b"GET /v1/version HTTP/1.1\r\nHost: g3\r\n\r\n"
LAST_VERSION = b"GET /v1/version HTTP/1.1\r\nHost: g3\r\nConnection: close\r\n\r\n"


def serves(daemon: Serving) -> bool:
    return b'"1.2.3"' in daemon.say(LAST_VERSION)


def test_the_file(folder: Path) -> None:
    with serving(folder / "a.sock") as daemon:
        assert serves(daemon)
        assert stat.S_IMODE(daemon.path.lstat().st_mode) == 0o600
    assert os.listdir(folder) == []


def test_more_than_one_path(folder: Path) -> None:
    async def main() -> None:
        server = ControlServer(FakeOperations(), [folder / "a.sock"])
        await server.start()
        server.listen(folder / "b.sock")
        for name in ("a.sock", "b.sock"):
            reader, writer = await asyncio.open_unix_connection(folder / name)
            writer.write(LAST_VERSION)
            assert b'"1.2.3"' in await reader.read()
            writer.close()
        await server.close()
        await server.close()

    asyncio.run(main())
    assert os.listdir(folder) == []


def test_a_successor_keeps_its_file(folder: Path) -> None:
    path = folder / "a.sock"
    with serving(path) as new:
        with serving(path) as old:
            new.call(_listen_again(new))
            assert serves(new)
            assert old.operations.calls == []
        assert serves(new)
    assert os.listdir(folder) == []


async def _listen_again(daemon: Serving) -> None:
    daemon.server.listen(daemon.path)


def test_nothing_is_left_of_a_failed_start(folder: Path) -> None:
    (folder / "b.sock").write_text("no socket")

    async def main() -> None:
        with pytest.raises(FileExistsError):
            await ControlServer(FakeOperations(), [folder / "a.sock", folder / "b.sock"]).start()

    asyncio.run(main())
    assert os.listdir(folder) == ["b.sock"]


def test_a_file_that_cannot_be_removed_is_no_reason_to_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: Path) -> None:
        raise PermissionError(errno.EACCES, "denied", str(path))

    with serving(folder / "a.sock"), monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
    assert "cannot remove the socket: [Errno 13] denied" not in caplog.text  # it was put back before the end
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        with serving(folder / "b.sock"):
            pass
    assert "cannot remove the socket: [Errno 13] denied" in caplog.text


@pytest.mark.parametrize(("uid", "may"), [(os.geteuid(), True), (0, True), (os.geteuid() + 1, False)])
def test_who_may_connect(folder: Path, caplog: pytest.LogCaptureFixture, uid: int, may: bool) -> None:
    with serving(folder / "a.sock", uid_of=lambda sock: uid) as daemon:
        for _ in range(3):
            assert serves(daemon) == may
        assert bool(daemon.operations.calls) == may
    assert caplog.text.count(f"the user {uid} may not connect") == (0 if may else 1)


def test_the_peer_is_the_one_of_the_kernel() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.geteuid()
        credentials = ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        assert struct.unpack("3i", credentials) == (os.getpid(), os.geteuid(), os.getegid())


def test_too_many_connections(folder: Path) -> None:
    running = serving(folder / "a.sock", limits=Limits(connections=2))
    with running as daemon, daemon.connect() as first, daemon.connect() as second:
        for sock in (first, second):
            sock.sendall(VERSION)
            assert sock.recv(65536)
        head, _, body = daemon.say(VERSION).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert b"Content-Type: application/json\r\nConnection: close" in head.replace(
            f"Content-Length: {len(body)}\r\n".encode(), b""
        )
        assert json.loads(body) == {"error": {"reason": "busy", "message": "2 connections are there already"}}
        first.sendall(LAST_VERSION)
        assert to_end(first)
        assert daemon.call(_count(daemon)) == 1
        assert serves(daemon)


async def _count(daemon: Serving) -> int:
    return len(daemon.server._connections)


def test_a_client_too_many_that_is_gone(folder: Path) -> None:
    with serving(folder / "a.sock", limits=Limits(connections=0)) as daemon:
        daemon.call(_accept_a_dead_one(daemon))
        assert daemon.say(b"").startswith(b"HTTP/1.1 503")


async def _accept_a_dead_one(daemon: Serving) -> None:
    daemon.connect().close()  # the loop is busy here, so that it is closed before it is accepted


def test_requests_at_once(folder: Path) -> None:
    with serving(folder / "a.sock") as daemon:
        sockets = [daemon.connect() for _ in range(30)]
        for sock in sockets:
            sock.sendall(LAST_VERSION)
        for sock in sockets:
            with sock:
                assert b'"1.2.3"' in to_end(sock)


def test_when_the_system_has_run_out_of_descriptors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    failures = [OSError(errno.EMFILE, "too many"), OSError(errno.ECONNABORTED, "aborted")]
    with serving(folder / "a.sock") as daemon:
        break_accept(monkeypatch, failures)
        assert serves(daemon)
    assert failures == []
    assert caplog.text.count("cannot accept on") == 1
    assert "aborted" not in caplog.text


def break_accept(monkeypatch: pytest.MonkeyPatch, failures: list[OSError]) -> None:
    """Make the next calls of accept() fail."""
    accept = socket.socket.accept

    def broken(self: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop(0)
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", broken)


def test_the_end_while_accepting_rests(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(folder / "a.sock") as daemon:
        break_accept(monkeypatch, [OSError(errno.EMFILE, "too many")])
        with daemon.connect():
            while not daemon.call(_rests(daemon)):
                pass
            daemon.call(daemon.server.close())
            assert not daemon.call(_rests(daemon))


async def _rests(daemon: Serving) -> bool:
    return bool(daemon.server._resting)


def test_closing_cuts_off_who_waits_and_lets_answer_who_works(folder: Path) -> None:
    with serving(folder / "a.sock", limits=Limits(close_timeout=10 * PATIENCE)) as daemon:
        with daemon.connect() as idle, daemon.connect() as partial, daemon.connect() as busy:
            idle.sendall(VERSION)
            assert b"1.2.3" in idle.recv(65536)
            daemon.operations.began.clear()
            daemon.operations.gate = daemon.call(_event())
            partial.sendall(VERSION[:-1])
            busy.sendall(VERSION + VERSION)
            assert daemon.operations.began.wait(PATIENCE)
            closing = asyncio.run_coroutine_threadsafe(daemon.server.close(), daemon.loop)
            assert to_end(idle) == b""
            assert to_end(partial) == b""
            daemon.loop.call_soon_threadsafe(daemon.operations.gate.set)
            answer = to_end(busy)
            assert answer.count(b"HTTP/1.1 200") == 1
            assert b"Connection: close" in answer
            closing.result(PATIENCE)
        assert os.listdir(folder) == []


async def _event() -> asyncio.Event:
    return asyncio.Event()


def test_closing_does_not_wait_for_ever(folder: Path) -> None:
    with serving(folder / "a.sock", limits=Limits(close_timeout=0.02)) as daemon:
        daemon.operations.gate = daemon.call(_event())
        with daemon.connect() as busy:
            busy.sendall(VERSION)
            assert daemon.operations.began.wait(PATIENCE)
            daemon.call(daemon.server.close())
            assert to_end(busy) == b""


def test_closing_before_a_connection_has_begun(folder: Path) -> None:
    async def main() -> None:
        server = ControlServer(FakeOperations(), [folder / "a.sock"])
        await server.start()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(folder / "a.sock"))
            (listening,) = server._listening
            server._acceptable(listening)
            await server.close()
            assert sock.recv(1) == b""

    asyncio.run(main())


def test_an_operation_may_close_the_server(folder: Path) -> None:
    with serving(folder / "a.sock") as daemon:
        daemon.operations.offline = daemon.server.close  # type: ignore[method-assign] # what the supervisor may do
        answer = daemon.say(b"POST /v1/offline HTTP/1.1\r\nHost: g3\r\n\r\n" + VERSION)
        assert answer.count(b"HTTP/1.1 200 OK") == 1
        assert b"Connection: close" in answer
        assert os.listdir(folder) == []
