"""The listening sockets of all servers, one for each worker: known by address and options, kept by the supervisor."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..config import Config, ListeningServerConfig, TcpListeningServerConfig
from ..config.values.listen import TcpListen, UdpListen
from ..io.listening import hold_back, open_bound, open_udp_bound

__all__ = ["Key", "Sockets", "Staged", "Wanted", "plan", "share", "wanted"]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A listening socket: all with one identity are interchangeable."""

    identity: str
    """Address and options as text: a socket of another generation with the same identity is as good."""
    index: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The listening sockets that one server is to have."""

    server: str
    config: ListeningServerConfig
    identity: str
    count: int


@dataclass(slots=True)
class Staged:
    """The sockets of a configuration that does not serve yet."""

    servers: dict[str, tuple[Key, ...]]
    """The sockets of each server."""
    fresh: dict[Key, socket.socket] = field(default_factory=dict)
    """Those that are new: they have their addresses, and do not listen yet."""
    backlogs: dict[Key, int] = field(default_factory=dict)


def wanted(config: Config, workers: int) -> list[Wanted]:
    """What each server of a configuration listens on, with so many workers."""
    found = []
    for name, server in config.servers.items():
        if isinstance(server, ListeningServerConfig) and server.listen is not None:
            instances = 1 if server.listen_in_worker else server.listen.sockets(os.cpu_count() or 1)
            found.append(Wanted(name, server, identity_of(server), max(workers, instances)))
    return found


def identity_of(server: ListeningServerConfig) -> str:
    """What makes one listening socket as good as another: all that is set when it is opened."""
    listen = server.listen
    if listen is None:
        raise ValueError(f"server {server.name} does not listen")
    options = listen.model_dump(exclude={"address", "backlog", "instance", "scale"}, exclude_defaults=True)
    # Some have the same names for packets of the listening socket and for those of accepted ones.
    if isinstance(server, TcpListeningServerConfig):
        accepted = server.socket_options().model_dump(exclude_defaults=True)
        options |= {f"accepted {name}": value for name, value in accepted.items()}
        if server.transparent():
            options["transparent"] = True
    words = [json.dumps(options, sort_keys=True, default=str)] if options else []
    if isinstance(listen, UdpListen):
        words.append("udp")
    return " ".join([str(listen.address), *words])


def share(keys: tuple[Key, ...], number: int, workers: int) -> tuple[Key, ...]:
    """The sockets that one worker listens on; with fewer sockets than workers several share one."""
    return keys[number::workers] if len(keys) >= workers else (keys[number % len(keys)],) if keys else ()


def plan(
    servers: Mapping[str, tuple[Key, ...]], number: int, workers: int, absent: Collection[int]
) -> dict[str, tuple[Key, ...]]:
    """What one worker listens on, by server: its own share, and that of ``absent`` workers whose place it takes."""
    numbers = [number]
    if number not in absent:
        before = (number - 1) % workers
        while before in absent and before != number:
            numbers.append(before)
            before = (before - 1) % workers
    return {
        name: tuple(dict.fromkeys(key for each in numbers for key in share(keys, each, workers)))
        for name, keys in servers.items()
    }


class Sockets:
    """All listening sockets of the supervisor."""

    def __init__(self, workers: int, cpu_of: Callable[[int], int | None] = lambda _: None) -> None:
        """``cpu_of`` tells the processor of a worker by its number: servers that follow it get sockets for it."""
        self._workers = workers
        self._cpu_of = cpu_of
        self._held: dict[Key, socket.socket] = {}
        self.servers: dict[str, tuple[Key, ...]] = {}
        """The sockets of each server that serves."""

    def __getitem__(self, key: Key) -> socket.socket:
        return self._held[key]

    def __len__(self) -> int:
        return len(self._held)

    def items(self) -> Iterable[tuple[Key, socket.socket]]:
        """All that are held, with their keys."""
        return self._held.items()

    def take_over(self, sockets: Mapping[Key, socket.socket]) -> None:
        """Own sockets that listen already, from a predecessor; those that nobody wants are closed by `commit`."""
        self._held |= sockets

    def take_activated(self, sockets: Iterable[socket.socket], config: Config) -> list[socket.socket]:
        """Own those of systemd's sockets whose address a server listens on; return the others."""
        by_address: dict[tuple[str, int], list[socket.socket]] = {}
        for sock in sockets:
            by_address.setdefault(sock.getsockname()[:2], []).append(sock)
        for want in wanted(config, self._workers):
            if isinstance(want.config.listen, TcpListen):
                address = want.config.listen.address
                for index, sock in enumerate(by_address.pop((str(address.host), address.port), ())):
                    self._held[Key(want.identity, index)] = sock
        return [sock for group in by_address.values() for sock in group]

    def stage(self, config: Config) -> Staged:
        """Open what a configuration needs beside what is held.

        Raises OSError that names the server and the address; then nothing is open that was not before.
        """
        staged = Staged({})
        try:
            for want in wanted(config, self._workers):
                keys = self._keys(want)
                staged.servers[want.server] = keys
                for key in keys:
                    if isinstance(want.config.listen, TcpListen):
                        staged.backlogs[key] = want.config.listen.backlog
                    if key not in self._held:
                        staged.fresh[key] = self._open(want, key.index)
        except BaseException:
            self.abandon(staged)
            raise
        return staged

    def abandon(self, staged: Staged) -> None:
        """Close what was opened for nothing."""
        for sock in staged.fresh.values():
            sock.close()
        staged.fresh.clear()

    def listen(self, staged: Staged) -> None:
        """Let clients in. Raises OSError; the fresh sockets are to be abandoned then."""
        for key, backlog in staged.backlogs.items():
            (staged.fresh.get(key) or self._held[key]).listen(backlog)

    def commit(self, staged: Staged) -> dict[Key, socket.socket]:
        """Hold what was staged; return the sockets that nobody wants any more, for the caller to close."""
        self._held |= staged.fresh
        self.servers = staged.servers
        kept = {key for keys in staged.servers.values() for key in keys}
        return {key: self._held.pop(key) for key in list(self._held) if key not in kept}

    def hold_back(self) -> None:
        """Let no new handshakes begin: see `io.listening.hold_back`."""
        for sock in self._held.values():
            hold_back(sock)

    def close(self) -> None:
        """Close them all; those that workers have are still open there."""
        for sock in self._held.values():
            sock.close()
        self._held.clear()

    def _keys(self, want: Wanted) -> tuple[Key, ...]:
        have = sorted(key for key in self._held if key.identity == want.identity)
        served = any(key in have for keys in self.servers.values() for key in keys)
        if have and not self._held[have[0]].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
            return tuple(have)  # systemd opened it for itself alone: there can be no more
        fresh = [Key(want.identity, index) for index in range(want.count)]
        if served:
            return tuple(fresh)
        # A predecessor may have had more workers: what waits at any of its sockets has to be served.
        return tuple(sorted({*fresh, *have}))

    def _open(self, want: Wanted, index: int) -> socket.socket:
        config, listen = want.config, want.config.listen
        try:
            match listen:
                case UdpListen():
                    return open_udp_bound(listen)
                case TcpListen() if isinstance(config, TcpListeningServerConfig):
                    cpu = self._cpu_of(index % self._workers) if listen.follow_cpu_affinity else None
                    return open_bound(listen, config.socket_options(), cpu, transparent=config.transparent())
        except OSError as error:
            where = f"server {want.server} cannot listen on {listen.address if listen is not None else None}"
            raise OSError(error.errno, f"{where}: {error.strerror or error}") from None
        raise ValueError(f"server {want.server} does not listen")
