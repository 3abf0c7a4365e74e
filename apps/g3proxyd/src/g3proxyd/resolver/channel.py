"""A c-ares channel on the event loop.

pycares offers neither a cap for growing timeouts, nor a limit of queries per UDP port, nor a way to switch off c-ares's
own cache, which has no bound in size and would keep names for longer than the configuration says. c-ares offers all
three, and pycares's foreign function interface knows the structure that they are set in: so the channel is set up here,
and everything else is pycares's.
"""

import asyncio
import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pycares

_cares: Any = importlib.import_module("pycares._cares")

# <ares.h>; the ones that the foreign function interface does not name. They are part of c-ares's stable interface.
ARES_OPT_NOROTATE = 1 << 16
ARES_OPT_UDP_MAX_QUERIES = 1 << 19
ARES_OPT_MAXTIMEOUTMS = 1 << 20
ARES_OPT_QUERY_CACHE = 1 << 21

TIMER_STEP = 0.01
"""Seconds between two looks at c-ares's timeouts at least, so that rounding does not make the loop spin."""

Callback = Callable[[pycares.DNSResult | None, int | None], None]


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """What a channel does; 0 and None leave a choice to c-ares."""

    servers: tuple[str, ...] = ()
    """``address:port`` or ``[address]:port``; empty takes those of /etc/resolv.conf."""
    timeout: float = 2.0
    """Seconds for the first try of a server."""
    tries: int = 3
    """Tries of each server."""
    max_timeout: int = 0
    """Milliseconds that the timeout of later tries grows to at most."""
    udp_max_queries: int = 0
    """Queries that one UDP port is used for."""
    rotate: bool = False
    """Begin with another server for each query."""
    send_buffer: int | None = None
    """SO_SNDBUF in bytes."""
    receive_buffer: int | None = None
    """SO_RCVBUF in bytes."""
    local_ips: tuple[str, ...] = ()
    """Local addresses: at most one of each family."""


class Channel(pycares.Channel):
    """A channel with all of c-ares's options, which tells ``on_socket(fd, readable, writable)`` what to watch."""

    def __init__(self, options: ChannelOptions, on_socket: Callable[[int, bool, bool], None]) -> None:
        """Raises pycares.AresError when c-ares does not like the options."""
        # As pycares.Channel.__init__ does, which is not called.
        self._channel = None
        self._lock = threading.RLock()
        self._flags = pycares.ARES_FLAG_NOCHECKRESP
        self._sock_state_cb_handle = _cares.ffi.new_handle(on_socket)
        channel = _cares.ffi.new("ares_channel *")
        status = _cares.lib.ares_init_options(channel, *self._structure(options))
        if status != _cares.lib.ARES_SUCCESS:
            raise pycares.AresError(status, pycares.errno.strerror(status))
        self._channel = channel
        shutdown: Any = vars(pycares)["_shutdown_manager"]
        shutdown.start()
        if options.servers:
            self.servers = options.servers
        set_local_ip: Any = self.set_local_ip  # pycares has no types for it
        for ip in options.local_ips:
            set_local_ip(ip)

    def _structure(self, options: ChannelOptions) -> tuple[Any, int]:
        """c-ares's options, and the mask of those that are set."""
        lib: Any = _cares.lib
        structure = _cares.ffi.new("struct ares_options *")
        mask = lib.ARES_OPT_FLAGS | lib.ARES_OPT_TIMEOUTMS | lib.ARES_OPT_TRIES | lib.ARES_OPT_SOCK_STATE_CB
        mask |= ARES_OPT_UDP_MAX_QUERIES | ARES_OPT_QUERY_CACHE
        # As g3 does: an error that a server reports is the answer, and not a reason to ask the next one.
        structure.flags = self._flags
        structure.timeout = max(1, int(options.timeout * 1000))
        structure.tries = max(1, options.tries)
        structure.udp_max_queries = max(0, options.udp_max_queries)
        structure.qcache_max_ttl = 0
        structure.sock_state_cb = lib._sock_state_cb
        structure.sock_state_cb_data = self._sock_state_cb_handle
        mask |= lib.ARES_OPT_ROTATE if options.rotate else ARES_OPT_NOROTATE
        if options.max_timeout > 0:
            structure.maxtimeout = options.max_timeout
            mask |= ARES_OPT_MAXTIMEOUTMS
        if options.send_buffer is not None:
            structure.socket_send_buffer_size = options.send_buffer
            mask |= lib.ARES_OPT_SOCK_SNDBUF
        if options.receive_buffer is not None:
            structure.socket_receive_buffer_size = options.receive_buffer
            mask |= lib.ARES_OPT_SOCK_RCVBUF
        return structure, mask


class LoopChannel:
    """A channel whose sockets and timeouts are watched by an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: ChannelOptions) -> None:
        """Raises pycares.AresError when c-ares does not like the options."""
        self._loop = loop
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._pending = 0
        self._closed = False
        self._channel: Any = Channel(options, self._watch)  # pycares has no types for all of it

    @property
    def servers(self) -> list[str]:
        """The servers that are asked, ``address:port`` each."""
        return list(self._channel.servers)

    def query(self, domain: str, query_type: int, callback: Callback) -> None:
        """Send a query; the callback is called once with the result or with an error number, perhaps at once."""
        done = False

        def answered(result: pycares.DNSResult | None, code: int | None) -> None:
            nonlocal done
            if not done:
                done = True
                self._pending -= 1
                callback(result, code)

        self._pending += 1
        try:
            self._channel.query(domain, query_type, callback=answered)
        except pycares.AresError as error:
            answered(None, error.args[0])
        self._arm()

    def close(self) -> None:
        """Cancel what is pending, whose callbacks are called now, and let go; may be called again."""
        if self._closed:
            return
        # First on this thread: pycares destroys the channel on another one, where nobody may touch the loop.
        self._channel.cancel()
        self._closed = True
        for fd in self._readers:
            self._loop.remove_reader(fd)
        for fd in self._writers:
            self._loop.remove_writer(fd)
        self._readers.clear()
        self._writers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._channel.close()

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        """c-ares has opened a socket, changed its mind about one, or is about to close it (both False)."""
        if self._closed:
            return
        if readable and fd not in self._readers:
            self._readers.add(fd)
            self._loop.add_reader(fd, self._process, fd, pycares.ARES_SOCKET_BAD)
        elif not readable and fd in self._readers:
            self._readers.discard(fd)
            self._loop.remove_reader(fd)
        if writable and fd not in self._writers:
            self._writers.add(fd)
            self._loop.add_writer(fd, self._process, pycares.ARES_SOCKET_BAD, fd)
        elif not writable and fd in self._writers:
            self._writers.discard(fd)
            self._loop.remove_writer(fd)

    def _process(self, readable: int, writable: int) -> None:
        self._channel.process_fd(readable, writable)
        self._arm()

    def _arm(self) -> None:
        """Wake up for c-ares's next timeout."""
        if self._closed or self._pending == 0:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        due = self._loop.time() + max(self._channel.timeout(), TIMER_STEP)
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        self._process(pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD)
