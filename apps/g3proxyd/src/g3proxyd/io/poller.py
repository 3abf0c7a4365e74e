"""Watching very many sockets that come and go.

An event loop's own add_reader and add_writer cost a dozen system calls over the life of a connection and a handle for
each socket. Here all sockets of streams and relays are in one epoll set, which the loop watches as a single
descriptor: to watch a socket is one system call, and to close it ends the watch without any.
"""

import asyncio
import select
from collections.abc import Callable

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
FAILED = select.EPOLLHUP | select.EPOLLERR

EVENTS_PER_TURN = 256
"""Sockets that are served before the loop looks at its timers and other descriptors again."""

Callback = Callable[[], None]


class Poller:
    """Level-triggered watches, as those of an event loop: a callback is called again until its cause is gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        loop.add_reader(self._epoll.fileno(), self._turn)

    def __len__(self) -> int:
        """Sockets that are watched."""
        return len(self._readers.keys() | self._writers.keys())

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Call back while there is something to receive, an end or an error; replaces an earlier callback for free."""
        readers = self._readers
        if fd not in readers:
            if fd in self._writers:
                self._epoll.modify(fd, READABLE | WRITABLE)
            else:
                self._epoll.register(fd, READABLE)
        readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        """Watch for nothing to receive any more."""
        if self._readers.pop(fd, None) is not None:
            if fd in self._writers:
                self._epoll.modify(fd, WRITABLE)
            else:
                self._epoll.unregister(fd)

    def add_writer(self, fd: int, callback: Callback) -> None:
        """Call back while there is room to send, or an error; replaces an earlier callback for free."""
        writers = self._writers
        if fd not in writers:
            if fd in self._readers:
                self._epoll.modify(fd, READABLE | WRITABLE)
            else:
                self._epoll.register(fd, WRITABLE)
        writers[fd] = callback

    def remove_writer(self, fd: int) -> None:
        """Watch for no room any more."""
        if self._writers.pop(fd, None) is not None:
            if fd in self._readers:
                self._epoll.modify(fd, READABLE)
            else:
                self._epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """The socket is closed in the next moment, and with it the kernel's watch: only the callbacks are dropped.

        Nobody else may have the socket open, or the kernel would go on to report it.
        """
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)

    def close(self) -> None:
        """Watch nothing any more."""
        self.loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._readers.clear()
        self._writers.clear()

    def _turn(self) -> None:
        readers, writers = self._readers, self._writers
        # A callback may close a socket whose event is still in this list, and a new one may get its number: callbacks
        # take a false alarm for what it is, as they have to anyway.
        for fd, events in self._epoll.poll(0, EVENTS_PER_TURN):
            if events & ~WRITABLE and (callback := readers.get(fd)) is not None:
                callback()
            if events & ~READABLE and (callback := writers.get(fd)) is not None:
                callback()
