"""The sink that writes lines to standard output.

Standard output may be a terminal that somebody stopped, a pipe that nobody reads, or a full disk; none of this may
hold up traffic. So a thread writes, and what it cannot take in time is dropped and counted.
"""

import logging
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .lines import json_line, text_line
from .logger import Sink

log = logging.getLogger(__name__)

GATHER = 0.02
"""Seconds that the writer lets records gather: one wake-up then serves all of them, however busy the daemon is."""

REPORT_INTERVAL = 10.0
"""Seconds between two complaints about lost records."""

BATCH = 256
"""Lines that are taken from the queue at once: what is lost with a broken pipe."""

PIECE = 65536
"""Bytes that are written at once. Other workers write to the same file: a piece holds whole lines, and what the kernel
takes in one piece stays one. It does so for files and sockets; for a pipe only up to PIPE_BUF (pipe(7)), so that there
a line that is longer than that may be torn apart while the reader is slow."""

STDOUT = 1


class StdoutSink(Sink):
    """A bounded queue of lines, and the thread that writes them.

    The thread starts with the first record; threads do not survive a fork, so log nothing before it.
    """

    def __init__(
        self,
        capacity: int,
        fd: int = STDOUT,
        *,
        turn: "threading.Lock | None" = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``capacity`` is the number of lines that may wait. Sinks that share a file take ``turn`` for each batch."""
        super().__init__()
        self._fd = fd
        self._piece = select.PIPE_BUF if is_pipe(fd) else PIECE
        self._line = text_line if os.isatty(fd) else json_line
        self._capacity = capacity
        self._queue: deque[bytes] = deque()
        self._turn = turn or threading.Lock()
        self._now = now
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._asleep = True
        self._closed = threading.Event()
        self._reported = 0
        self._report_at = 0.0

    def write(self, record: dict[str, Any]) -> None:
        """See `Sink.write`."""
        stats = self.stats
        stats.total += 1
        if self._closed.is_set():
            stats.channel_closed += 1
            return
        if len(self._queue) >= self._capacity:
            stats.channel_overflow += 1
            return
        try:
            line = self._line(record, time.time())
        except Exception:  # a value without a text form: one record is lost, and the task that wrote it goes on
            stats.format_failed += 1
            return
        self._queue.append(line)
        if self._asleep:
            self._asleep = False
            self._start()

    def close(self, patience: float) -> None:
        """See `Sink.close`."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(patience)
        if self._queue:
            self.stats.unreachable += len(self._queue)
            self._queue.clear()
        self._report()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-stdout", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                self._closed.wait(GATHER)
                self._write_out()
                self._report()
            self._asleep = True
            # A record may have come since the queue was empty, and not have seen that we sleep.
            if self._queue:
                self._asleep = False
                self._wake.set()
            elif self._closed.is_set():
                return

    def _write_out(self) -> None:
        while self._queue:
            lines = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
            try:
                with self._turn:
                    for piece in pieces(lines, self._piece):
                        self._write_all(memoryview(piece))
            except OSError as error:
                if self.stats.unreachable == 0:
                    log.error("standard output takes no log records: %s", error.strerror)
                self.stats.unreachable += len(lines)
            else:
                self.stats.passed += len(lines)
                self.stats.bytes_passed += sum(map(len, lines))

    def _write_all(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # somebody else made the file non-blocking
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll(1000)

    def _report(self) -> None:
        """Complain about lost records, now and then."""
        lost = self.stats.dropped
        if lost > self._reported and (self._now() >= self._report_at or self._closed.is_set()):
            log.warning("%d log records were lost: standard output is too slow or gone", lost - self._reported)
            self._reported = lost
            self._report_at = self._now() + REPORT_INTERVAL


def is_pipe(fd: int) -> bool:
    """Whether the descriptor is open and a pipe."""
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def pieces(lines: list[bytes], size: int) -> Iterator[bytes]:
    """Join whole lines to pieces of at most ``size`` bytes; a longer line is a piece of its own."""
    piece: list[bytes] = []
    length = 0
    for line in lines:
        if piece and length + len(line) > size:
            yield b"".join(piece)
            piece, length = [], 0
        piece.append(line)
        length += len(line)
    yield b"".join(piece)
