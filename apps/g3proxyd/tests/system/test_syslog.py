"""The process log in the background, with a syslog of the test's own."""

import logging
import os
import socket
from pathlib import Path

import pytest
from g3proxyd.system.syslog import Syslog

PATIENCE = 10.0


def listening(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.bind(str(path))
    return sock


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, __file__, 1, text, None, None)


def test_a_line(tmp_path: Path) -> None:
    with listening(tmp_path / "log") as log:
        handler = Syslog(tmp_path / "log")
        handler.handle(record("one"))
        assert log.recv(100) == b"<28>g3proxyd: one"  # facility daemon (3), severity warning (4)
        handler.close()


def test_no_syslog(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Syslog(tmp_path / "log")


def test_a_syslog_that_has_gone_or_takes_nothing_disturbs_nobody(tmp_path: Path) -> None:
    with listening(tmp_path / "log") as log:
        handler = Syslog(tmp_path / "log")
        for _ in range(1000):  # more than the queue of a datagram socket
            handler.handle(record("x"))
        assert log.recv(100) == b"<28>g3proxyd: x"
    (tmp_path / "log").unlink()
    handler.handle(record("y"))
    with listening(tmp_path / "log") as log:  # it was started anew
        handler.handle(record("z"))
        assert log.recv(100) == b"<28>g3proxyd: z"
    handler.close()


def test_a_child_writes_to_a_socket_of_its_own_and_closes_none(tmp_path: Path) -> None:
    with listening(tmp_path / "log") as log:
        handler = Syslog(tmp_path / "log")
        # What a worker does with all descriptors that are not meant for it; another takes the number.
        number = handler.fileno()
        os.close(number)
        other = os.open(os.devnull, os.O_RDONLY)
        assert other == number
        handler.after_fork()
        handler.handle(record("two"))
        assert log.recv(100) == b"<28>g3proxyd: two"
        os.fstat(other)
        os.close(other)
        handler.close()


def test_a_child_without_a_syslog_goes_on(tmp_path: Path) -> None:
    with listening(tmp_path / "log"):
        handler = Syslog(tmp_path / "log")
    (tmp_path / "log").unlink()
    root = logging.getLogger()
    root.addHandler(handler)
    os.close(handler.fileno())
    handler.after_fork()
    assert handler not in root.handlers
    handler.close()
