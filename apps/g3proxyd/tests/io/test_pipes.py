"""Pipes for splicing, lent and taken back."""

import fcntl
import os

import pytest
from g3proxyd.io.pipes import PipePool


def test_an_empty_pipe_is_lent_again() -> None:
    pool = PipePool(size=65536)
    first = pool.borrow()
    assert first is not None
    assert pool.out == 1
    pool.give_back(first)
    assert pool.out == 0
    assert pool.borrow() == first
    pool.give_back(first)
    pool.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(first[0])


def test_a_pipe_has_the_size_that_was_asked_for_and_blocks_nobody() -> None:
    pool = PipePool(size=1 << 17)
    pipe = pool.borrow()
    assert pipe is not None
    assert fcntl.fcntl(pipe[0], fcntl.F_GETPIPE_SZ) == 1 << 17
    assert not any(os.get_blocking(end) or os.get_inheritable(end) for end in pipe)
    pool.drop(pipe)


def test_a_pipe_that_holds_bytes_is_closed() -> None:
    pool = PipePool(size=65536)
    pipe = pool.borrow()
    assert pipe is not None
    pool.drop(pipe)
    assert pool.out == 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pipe[1])


def test_only_so_many_are_out_at_once() -> None:
    pool = PipePool(size=65536, most=2)
    lent = [pool.borrow(), pool.borrow(), pool.borrow()]
    assert lent[2] is None
    for pipe in lent[:2]:
        assert pipe is not None
        pool.give_back(pipe)
    assert pool.borrow() is not None


def test_a_kernel_that_will_not_enlarge_a_pipe_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    pool = PipePool(now=lambda: now[0])
    fds = len(os.listdir("/proc/self/fd"))

    def refuse(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("g3proxyd.io.pipes.fcntl.fcntl", refuse)
    assert pool.borrow() is None
    monkeypatch.undo()
    now[0] += 9.9
    assert pool.borrow() is None
    assert (pool.out, len(os.listdir("/proc/self/fd"))) == (0, fds)
    now[0] += 0.2
    pipe = pool.borrow()
    assert pipe is not None
    pool.drop(pipe)


def test_without_descriptors_there_is_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(flags: int) -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("g3proxyd.io.pipes.os.pipe2", refuse)
    pool = PipePool()
    assert pool.borrow() is None
    assert pool.out == 0
