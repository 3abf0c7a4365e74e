"""Standard output that is read, slow, full, closed, or a terminal."""

import array
import fcntl
import json
import logging
import os
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from g3proxyd.log import stdout
from g3proxyd.log.stdout import StdoutSink

PATIENCE = 10.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            assert fd == reader, "only the reading end is closed by a test"


def records(reader: int, count: int) -> list[dict[str, Any]]:
    """Read so many lines of JSON."""
    data = b""
    while data.count(b"\n") < count:
        data += os.read(reader, 1 << 16)
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def fill(fd: int) -> None:
    """Write to a pipe until it takes no more."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)


def test_lines_come_in_order(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    sink = StdoutSink(1000, writer)
    for number in range(600):
        sink.write({"number": number})
    assert [record["number"] for record in records(reader, 600)] == list(range(600))
    sink.close(PATIENCE)
    assert (sink.stats.total, sink.stats.passed, sink.stats.dropped) == (600, 600, 0)


def test_the_writer_sleeps_and_wakes(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    sink = StdoutSink(10, writer)
    for number in range(3):
        sink.write({"number": number})
        (record,) = records(reader, 1)
        assert record["number"] == number
    sink.close(PATIENCE)


def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        sink = StdoutSink(10, file.fileno())
        sink.write({"a": 1})
        sink.write({"a": 2})
        sink.close(PATIENCE)
        sink.close(PATIENCE)
        assert sink.stats.bytes_passed == path.stat().st_size
    assert [json.loads(line)["a"] for line in path.read_bytes().splitlines()] == [1, 2]


def test_closing_without_a_record(pipe: tuple[int, int]) -> None:
    before = threading.active_count()
    StdoutSink(10, pipe[1]).close(PATIENCE)
    assert threading.active_count() == before


def test_after_the_end(pipe: tuple[int, int]) -> None:
    sink = StdoutSink(10, pipe[1])
    sink.close(PATIENCE)
    sink.write({"a": 1})
    assert (sink.stats.total, sink.stats.channel_closed) == (1, 1)


def test_a_reader_that_does_not_read(pipe: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    """The caller is not held up; what does not fit is counted and reported; then all goes on."""
    reader, writer = pipe
    fill(writer)
    sink = StdoutSink(5, writer)
    for number in range(500):
        sink.write({"number": number})
    assert sink.stats.channel_overflow >= 500 - 5 - stdout.BATCH
    assert len(sink._queue) <= 5
    lost = sink.stats.channel_overflow
    data = b""
    while data.count(b"\n") < 500 - lost:
        data += os.read(reader, 1 << 16)
    sink.close(PATIENCE)
    assert sink.stats.passed == 500 - lost
    assert [entry.getMessage() for entry in caplog.records] == [
        f"{lost} log records were lost: standard output is too slow or gone"
    ]


def test_closing_does_not_wait_for_ever(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    fill(writer)
    sink = StdoutSink(1000, writer)
    for _ in range(stdout.BATCH + 50):
        sink.write({"a": 1})
    while len(sink._queue) > 50:
        time.sleep(0)
    sink.close(0.05)
    assert sink.stats.unreachable == 50
    assert sink._thread is not None
    while sink._thread.is_alive():
        os.read(reader, 1 << 16)
    assert sink.stats.passed == stdout.BATCH


def test_a_closed_pipe(pipe: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = pipe
    os.close(reader)
    sink = StdoutSink(10, writer)
    sink.write({"a": 1})
    sink.write({"a": 2})
    sink.close(PATIENCE)
    assert (sink.stats.unreachable, sink.stats.passed) == (2, 0)
    assert [(entry.levelno, entry.getMessage()) for entry in caplog.records] == [
        (logging.ERROR, "standard output takes no log records: Broken pipe"),
        (logging.WARNING, "2 log records were lost: standard output is too slow or gone"),
    ]


def test_complaints_are_rare(pipe: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    sink = StdoutSink(10, pipe[1], now=lambda: now[0])
    for at, lost in ((100.0, 3), (109.9, 4), (110.0, 5), (111.0, 5), (125.0, 5)):
        now[0] = at
        sink.stats.format_failed = lost
        sink._report()
    assert [entry.getMessage().split(":")[0] for entry in caplog.records] == [
        "3 log records were lost",
        "2 log records were lost",
    ]


def test_a_pipe_that_somebody_made_non_blocking(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    sink = StdoutSink(100, writer)
    for _ in range(100):
        sink.write({"text": "x" * 200})
    assert len(records(reader, 100)) == 100
    sink.close(PATIENCE)
    assert sink.stats.passed == 100


def test_a_terminal_gets_text() -> None:
    master, terminal = os.openpty()
    try:
        sink = StdoutSink(10, terminal)
        sink.write({"log_type": "Task", "user": "ada"})
        sink.close(PATIENCE)
        assert os.read(master, 4096).endswith(b"Z Task user=ada\r\n")
    finally:
        os.close(master)
        os.close(terminal)


def test_a_value_that_cannot_be_written(pipe: tuple[int, int]) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    reader, writer = pipe
    sink = StdoutSink(10, writer)
    sink.write({"a": Broken()})
    sink.write({"a": 1})
    assert [record["a"] for record in records(reader, 1)] == [1]
    assert sink.stats.format_failed == 1
    sink.close(PATIENCE)


def test_sinks_take_turns(pipe: tuple[int, int]) -> None:
    """Lines of two sinks on one pipe, written in small pieces, stay whole."""
    reader, writer = pipe
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    turn = threading.Lock()
    sinks = [StdoutSink(1000, writer, turn=turn) for _ in range(2)]
    for number in range(200):
        for name, sink in zip("ab", sinks, strict=True):
            sink.write({"sink": name, "number": number, "text": name * 300})
    found = records(reader, 400)
    for name in "ab":
        assert [record["number"] for record in found if record["sink"] == name] == list(range(200))
    for sink in sinks:
        sink.close(PATIENCE)


def test_lines_of_several_processes_stay_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    children = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            sink = StdoutSink(1000, writer)
            for number in range(300):
                sink.write({"child": child, "number": number, "text": "x" * (number * 7 % 900)})
            sink.close(PATIENCE)
            os._exit(sink.stats.dropped)
        children.append(pid)
    held = array.array("i", [0])
    # All of them wait for room in the pipe, which holds an eighth of the lines, and less where pieces leave gaps.
    while held[0] < fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) // 2:
        fcntl.ioctl(reader, termios.FIONREAD, held)
    data = b""
    while data.count(b"\n") < 900:
        data += os.read(reader, 1000)
    found = [json.loads(line) for line in data.splitlines()]
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    for child in range(3):
        assert [record["number"] for record in found if record["child"] == child] == list(range(300))


def test_pieces() -> None:
    lines = [b"aa\n", b"b\n", b"c\n", b"a long line\n", b"d\n"]
    assert list(stdout.pieces(lines, 5)) == [b"aa\nb\n", b"c\n", b"a long line\n", b"d\n"]
    assert list(stdout.pieces(lines, 100)) == [b"".join(lines)]
