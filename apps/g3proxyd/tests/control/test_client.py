"""The blocking client, against the real server and against strange ones."""

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from control.fake import PATIENCE, FakeOperations, serving
from g3proxyd.control import client as module
from g3proxyd.control.client import ControlClient, NoAnswerError, RefusedError
from g3proxyd.control.connection import Limits
from g3proxyd.control.operations import Kind, OperationError, Reason


@contextlib.contextmanager
def strange(path: Path, answer: bytes, *, close: bool = True) -> Iterator[ControlClient]:
    """A client of a server that answers any request like this, and closes then."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            sock, _ = listening.accept()
            with sock:
                sock.settimeout(PATIENCE)
                if sock.recv(65536):
                    sock.sendall(answer)
                if not close:
                    done.wait(PATIENCE)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with ControlClient(path, timeout=PATIENCE) as client:
                yield client
        finally:
            done.set()
            thread.join(PATIENCE)


def ok(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def test_many_questions_on_one_connection(folder: Path) -> None:
    operations = FakeOperations()
    with serving(folder / "a.sock", operations), ControlClient(folder / "a.sock") as client:
        assert client.get("version")["version"] == "1.2.3"
        parameters: dict[str, str | int] = {"domain": "é.test", "resolution_delay": 7}
        assert client.get("resolver", "dns", "query", parameters=parameters)["addresses"][0] == "192.0.2.1"
        assert client.post("server", "a/b é?", "reload")["warnings"] == ["main.yml:1:2: server: odd"]
        assert client.post("escaper", "e", "publish", body=b"{}") == {"ok": True}
        with pytest.raises(RefusedError) as caught:
            client.get("server", "htp", "status")
        assert (caught.value.status, caught.value.reason) == (404, "not_found")
        assert caught.value.text == str(caught.value) == "there is no server named 'htp'; did you mean 'http'?"
        operations.failure = OperationError(Reason.CONFIGURATION, "1 problem", ["a.yml:1:2: x"])
        with pytest.raises(RefusedError) as caught:
            client.post("reload")
        assert (caught.value.text, caught.value.details) == ("1 problem", ("a.yml:1:2: x",))
    assert operations.calls[2] == ("reload", Kind.SERVER, "a/b é?")


def test_a_long_answer(folder: Path) -> None:
    operations = FakeOperations()
    operations.objects[Kind.SERVER] = tuple(f"server-{number}" for number in range(50_000))
    with serving(folder / "a.sock", operations), ControlClient(folder / "a.sock") as client:
        assert client.get("server")["names"] == list(operations.objects[Kind.SERVER])


def test_names_that_are_not_utf8_are_refused_by_the_daemon(folder: Path) -> None:
    with serving(folder / "a.sock"), ControlClient(folder / "a.sock") as client:
        with pytest.raises(RefusedError, match="the path is not UTF-8"):
            client.get("server", "\udcff", "status")
        with pytest.raises(RefusedError, match="the query is not UTF-8"):
            client.get("resolver", "a", "query", parameters={"domain": "\udcff"})


def test_an_empty_body_is_a_body(folder: Path) -> None:
    with serving(folder / "a.sock"), ControlClient(folder / "a.sock") as client:
        client.get("version")
        with pytest.raises(RefusedError, match="the data is not JSON"):
            client.post("escaper", "e", "publish", body=b"")


def test_a_body_that_is_too_large_is_said_so(folder: Path) -> None:
    with serving(folder / "a.sock", limits=Limits(body=10)), ControlClient(folder / "a.sock") as client:
        client.get("version")
        with pytest.raises(RefusedError, match="at most 10 bytes"):
            client.post("escaper", "e", "publish", body=b"[" + b" " * 5_000_000 + b"]")


def test_nobody_is_there(folder: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        ControlClient(folder / "a.sock")
    assert caught.value.filename == str(folder / "a.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "a.sock"))
    with pytest.raises(ConnectionRefusedError):
        ControlClient(folder / "a.sock")
    with pytest.raises(OSError, match="too long") as too_long:
        ControlClient(folder / ("x" * 200))
    assert too_long.value.errno == errno.EIO


@pytest.mark.parametrize(
    "answer",
    [
        ok(b""),
        ok(b"{"),
        ok(b"\xff"),
        ok(b"[" * 100_000),
        ok(b"[]", b"404 Not Found"),
        ok(b"{}", b"404 Not Found"),
        ok(b'{"error": 1}', b"404 Not Found"),
        ok(b'{"error": []}', b"404 Not Found"),
        ok(b'{"error": {"reason": "a"}}', b"404 Not Found"),
        ok(b'{"error": {"reason": "a", "message": "b", "details": 1}}', b"404 Not Found"),
    ],
)
def test_who_does_not_answer_as_a_daemon_does(folder: Path, answer: bytes) -> None:
    with strange(folder / "a.sock", answer) as client, pytest.raises(NoAnswerError, match="as a daemon does"):
        client.get("version")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", b"SSH-2.0-x\r\n\r\n", ok(b"{}")[:9]]
)
def test_broken_answers(folder: Path, answer: bytes) -> None:
    with strange(folder / "a.sock", answer) as client, pytest.raises(NoAnswerError, match="the connection broke"):
        client.get("version")


def test_the_limit_of_an_answer() -> None:
    assert module.MAX_ANSWER == 2**26


def test_an_endless_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER", 3)
    with strange(folder / "a.sock", ok(b"1234")) as client, pytest.raises(NoAnswerError, match="longer than 3 bytes"):
        client.get("version")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_no_answer_in_time(folder: Path, answer: bytes) -> None:
    with strange(folder / "a.sock", answer, close=False) as client:
        client._timeout = 0.05
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.05 seconds"):
            client.get("version")


def test_time_is_for_the_whole_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with strange(folder / "a.sock", ok(b"{}")[:9], close=False) as client:
        times = iter([0.0, 1.0, 2.0, PATIENCE, PATIENCE])
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(times)))
        with pytest.raises(NoAnswerError, match="no answer within"):
            client.get("version")


def test_a_handover(folder: Path) -> None:
    taken: list[bytes] = []

    def handover(sock: socket.socket, early: bytes) -> None:
        with sock:
            sock.send(b"hello")
            taken.append(early)

    with serving(folder / "a.sock", handover=handover), ControlClient(folder / "a.sock", 7.5) as client:
        assert client.get("version")["version"] == "1.2.3"
        sock, early = client.handover()
        client.close()
        with sock:
            assert sock.gettimeout() == 7.5
            sock.settimeout(PATIENCE)
            while data := sock.recv(100):
                early += data
        assert early == b"hello"
    assert taken == [b""]


def test_early_bytes_of_a_handover(folder: Path) -> None:
    answer = b"HTTP/1.1 101 Switching\r\nUpgrade: g3-handover\r\nConnection: upgrade\r\n\r\nearly"
    with strange(folder / "a.sock", answer) as client:
        sock, early = client.handover()
        with sock:
            assert early == b"early"


def test_handovers_that_fail(folder: Path) -> None:
    with serving(folder / "a.sock"), ControlClient(folder / "a.sock") as client:
        client.get("version")
        with pytest.raises(RefusedError, match="gives its sockets to nobody"):
            client.handover()
    with (
        strange(folder / "b.sock", ok(b"{}")) as client,
        pytest.raises(NoAnswerError, match="no daemon that hands over"),
    ):
        client.handover()
    with strange(folder / "c.sock", b"") as client, pytest.raises(NoAnswerError, match="the connection broke"):
        client.handover()
