"""From the checked configuration to the objects that do the work, with what a reload need not touch."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..config import (
    Config,
    DummyCloseConfig,
    HttpProxyConfig,
    HttpRproxyConfig,
    IntelliProxyConfig,
    NativeTlsPortConfig,
    PlainQuicPortConfig,
    PlainTcpPortConfig,
    PlainTlsPortConfig,
    ServerConfig,
    SniProxyConfig,
    SocksProxyConfig,
    TaskServerConfig,
    TcpStreamConfig,
    TcpTproxyConfig,
    TlsStreamConfig,
)
from ..config.escaper.floating import Publication
from ..config.graph import bottom_up, names, uses
from ..config.module import ModuleConfig
from ..config.values.sockopts import TcpMiscSockOpts
from ..escaper import Escaper, Surroundings
from ..escaper.dummy_deny import DummyDenyEscaper
from ..escaper.make import make_escaper
from ..io.poller import Poller
from ..io.relay import RelayHost, RelayOptions
from ..io.timers import Wheel
from ..log import Loggers
from ..resolver import Resolver, make_resolver
from ..resolver import Surroundings as ResolverSurroundings
from ..server.base import Server
from ..server.context import ServerContext, ServerStats
from ..server.dummy_close import DummyCloseServer
from ..server.http_proxy import HttpProxyServer
from ..server.http_rproxy import HttpRproxyServer
from ..server.https_proxy import HttpsProxyServer
from ..server.https_rproxy import HttpsRproxyServer
from ..server.intelli_proxy import IntelliProxyServer
from ..server.plain_tcp_port import PlainTcpPortServer
from ..server.plain_tls_port import NativeTlsPortServer, PlainTlsPortServer
from ..server.sni_proxy import SniProxyServer
from ..server.socks_proxy import SocksProxyServer
from ..server.tcp_stream import TcpStreamServer
from ..server.tcp_tproxy import TcpTproxyServer
from ..server.tls_stream import TlsStreamServer
from ..shared.memory import Row

Helper = Resolver | Escaper
"""What a server uses, and what is closed once no server does."""


class Base:
    """What all objects of one worker share, whatever is reloaded."""

    def __init__(
        self,
        loggers: Loggers,
        loop: asyncio.AbstractEventLoop,
        row: Row | None = None,
        published: Mapping[str, Publication] | None = None,
    ) -> None:
        """``row`` is where to count; without one, counters are private. ``published`` may grow later."""
        self.published = {} if published is None else published
        self.loggers = loggers
        self.loop = loop
        self.wheel = Wheel(loop)
        self.poller = Poller(loop)
        self.relays = RelayHost(self.poller, self.wheel)
        self._row = row
        self._stats: dict[str, ServerStats] = {}

    def server_stats(self, name: str, columns: Mapping[str, int]) -> ServerStats:
        """The counters of all servers that ever had this name."""
        if name not in self._stats:
            column = columns.get(f"server {name}")
            if self._row is not None and column is not None:
                self._stats[name] = self._row.group(ServerStats, column)
            else:
                self._stats[name] = ServerStats()
        return self._stats[name]

    def close(self) -> None:
        """Release what the event loop does not."""
        self.relays.pipes.close()
        self.poller.close()


class Modules:
    """Everything that a configuration names, by kind and name. It is built whole, and never changes."""

    def __init__(
        self, config: Config, base: Base, before: "Modules | None" = None, columns: Mapping[str, int] | None = None
    ) -> None:
        """Build it all; nothing listens yet, and nothing has been sent.

        An object of ``before`` stays what it is if its own configuration and everything that it uses do. ``columns``
        tells where in the row the counters of an object begin, by kind and name. Raises ValueError for what a library
        does not take.
        """
        self.config = config
        self._base = base
        self.resolvers: dict[str, Resolver] = {}
        self.escapers: dict[str, Escaper] = {}
        self.servers: dict[str, Server] = {}
        resolver_base = ResolverSurroundings(base.poller, base.wheel, base.loggers.resolve, self.resolvers)
        for name in bottom_up(config.resolvers, "resolver"):
            resolver = config.resolvers[name]
            if (
                before is not None
                and before.config.resolvers.get(name) == resolver
                and self._uses_same(before, resolver)
            ):
                self.resolvers[name] = before.resolvers[name]
            else:
                self.resolvers[name] = make_resolver(resolver, resolver_base)
        around = Surroundings(base.relays, self.resolvers, base.loggers.escape, self.escapers, base.published)
        for name in bottom_up(config.escapers, "escaper"):
            escaper = config.escapers[name]
            if before is not None and before.config.escapers.get(name) == escaper and self._uses_same(before, escaper):
                self.escapers[name] = before.escapers[name]
            else:
                self.escapers[name] = make_escaper(escaper, around)
        for name in bottom_up(config.servers, "server"):
            server = config.servers[name]
            if before is not None and before.config.servers.get(name) == server and self._uses_same(before, server):
                self.servers[name] = before.servers[name]
            else:
                self.servers[name] = self._server(server, base.server_stats(name, columns or {}))

    @property
    def helpers(self) -> set[Helper]:
        """All resolvers and escapers."""
        return {*self.resolvers.values(), *self.escapers.values()}

    def helpers_of(self, server: Server) -> set[Helper]:
        """The resolvers and escapers that this server, which is one of these or was made with them, leads to."""
        found: set[Helper] = set()
        ahead: list[ModuleConfig] = [self.config.servers[server.name]]
        seen = {("server", server.name)}
        while ahead:
            fresh = set(uses(ahead.pop())) - seen
            seen |= fresh
            for kind, name in fresh:
                if kind == "resolver":
                    found.add(self.resolvers[name])
                    ahead.append(self.config.resolvers[name])
                elif kind == "escaper":
                    found.add(self.escapers[name])
                    ahead.append(self.config.escapers[name])
                elif kind == "server":
                    ahead.append(self.config.servers[name])
        return found

    def _uses_same(self, before: "Modules", config: ModuleConfig) -> bool:
        """Whether the objects that this one names are those that it has used before."""
        return all(
            getattr(self, f"{kind}s").get(name) is getattr(before, f"{kind}s").get(name) for kind, name in uses(config)
        )

    def _server(self, config: ServerConfig, stats: ServerStats) -> Server:
        made = class_of(config)
        following = [self.servers[name] for kind, name in names(config) if kind == "server"]
        server: Server = made(self._context(made.type_name, config, stats), config, *following)
        if isinstance(config, TaskServerConfig) and config.tcp_misc_opts != TcpMiscSockOpts():
            server.socket_options = config.tcp_misc_opts
        return server

    def _context(self, type_name: str, config: ServerConfig, stats: ServerStats) -> ServerContext:
        base = self._base
        make = partial(
            ServerContext,
            type_name=type_name,
            name=config.name,
            loop=base.loop,
            wheel=base.wheel,
            relays=base.relays,
            escapers=self.escapers,
            task_log=base.loggers.task,
            escape_log=base.loggers.escape,
            stats=stats,
        )
        if not isinstance(config, TaskServerConfig):
            return make(escaper=DummyDenyEscaper("deny"), relay_options=RelayOptions())
        return make(
            escaper=self.escapers[config.escaper],
            relay_options=RelayOptions(
                copy_size=config.tcp_copy_buffer_size,
                yield_size=config.tcp_copy_yield_size,
                idle_interval=config.task_idle_check_interval,
                idle_count=max(config.task_idle_max_count, 1),
            ),
            speed_limit=config.tcp_sock_speed_limit,
            log_created=config.flush_task_log_on_created,
            log_connected=config.flush_task_log_on_connected,
            log_interval=config.task_log_flush_interval,
        )


SERVERS: Mapping[type[ServerConfig], Any] = {
    DummyCloseConfig: DummyCloseServer,
    HttpProxyConfig: HttpProxyServer,
    HttpRproxyConfig: HttpRproxyServer,
    IntelliProxyConfig: IntelliProxyServer,
    NativeTlsPortConfig: NativeTlsPortServer,
    PlainTcpPortConfig: PlainTcpPortServer,
    PlainTlsPortConfig: PlainTlsPortServer,
    SniProxyConfig: SniProxyServer,
    SocksProxyConfig: SocksProxyServer,
    TcpStreamConfig: TcpStreamServer,
    TcpTproxyConfig: TcpTproxyServer,
    TlsStreamConfig: TlsStreamServer,
}
"""The classes of servers. They are made with their context, their configuration and the servers that this one names."""


def class_of(config: ServerConfig) -> Any:
    """The server's class: what costs something that not everybody wants is a class of its own."""
    match config:
        case HttpProxyConfig() if config.tls_server is not None:
            return HttpsProxyServer
        case HttpRproxyConfig() if config.enable_tls_server:
            return HttpsRproxyServer
        case PlainQuicPortConfig():
            from ..server.plain_quic_port import PlainQuicPortServer  # a big library, for those who want it

            return PlainQuicPortServer
    return SERVERS[type(config)]
