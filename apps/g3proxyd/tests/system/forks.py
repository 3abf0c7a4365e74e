"""Work in forked processes, told from the outside what to do and when."""

import contextlib
import os
import socket
import traceback
from collections.abc import Callable, Iterator

PATIENCE = 20.0
"""Seconds for anything to happen."""


class Child:
    """A forked process that works while the test looks on."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line

    def hear(self) -> str:
        """The next word of the child; empty when it has ended."""
        return self._line.recv(4096).decode()

    def go_on(self) -> None:
        """Let the child go on behind its last word, unless that was the end."""
        with contextlib.suppress(BrokenPipeError):
            self._line.send(b"go")


class Parent:
    """The other side, in the child."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def say(self, word: str) -> None:
        """Say something and wait to be let on."""
        self._line.send(word.encode())
        self._line.recv(4096)


@contextlib.contextmanager
def child(work: Callable[[Parent], object]) -> Iterator[Child]:
    """Fork, and do the work there; what it raises is its last word."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            try:
                work(Parent(theirs))
            except OSError as error:
                theirs.send(str(error).encode() or b"?")
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    theirs.close()
    ours.settimeout(PATIENCE)
    try:
        with ours:
            yield Child(pid, ours)
    finally:
        os.waitpid(pid, 0)


def outcome(work: Callable[[], object]) -> str:
    """What the work returns, or the text of the OSError that it raises, in a process of its own."""
    with child(lambda parent: parent.say(str(work()))) as process:
        word = process.hear()
        process.go_on()
        return word
