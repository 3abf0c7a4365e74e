"""Forking one worker: nothing of the supervisor but what is meant for it survives in the child."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable
from typing import NoReturn

__all__ = ["fork"]

log = logging.getLogger(__name__)

STANDARD = (0, 1, 2)
"""Standard input, output and error."""


def fork(child: Callable[[socket.socket], int], keep: Iterable[int] = ()) -> tuple[int, socket.socket]:
    """Run ``child(link)`` in a process of its own, which ends with the code that it returns.

    Return its process id and our end of the link. The child has no descriptors but standard ones, its end of the link
    and those to ``keep``; all signals are blocked in it until it says otherwise, and have their default meanings.
    Raises OSError when there is no room for another process.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    # What lives now is shared for good: the collector would touch it, and every touched page is a copy.
    gc.collect()
    gc.freeze()
    # A signal between fork and the child's own handlers would be written into our event loop's wake-up pipe.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(child, theirs, {*STANDARD, theirs.fileno(), *keep})
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return pid, ours


def _become(child: Callable[[socket.socket], int], link: socket.socket, keep: set[int]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        # By number: an event loop that is told to let go of a descriptor would take it out of the epoll set, which is
        # still the supervisor's. The objects that had them are never used or freed here.
        for fd in sorted({int(name) for name in os.listdir("/proc/self/fd")} - keep):
            with contextlib.suppress(OSError):  # the one that listed the others is closed already
                os.close(fd)
        code = child(link)
    except BaseException:
        log.exception("the worker has failed")
    finally:
        os._exit(code)  # nothing of the supervisor's is to run on the way out
