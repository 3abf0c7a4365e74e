"""From the checked configuration to the objects that do the work."""

import asyncio

from ..config import Config, DummyCloseConfig, HttpProxyConfig, ServerConfig, SocksProxyConfig, TcpServerConfig
from ..escaper import Escaper, make_escaper
from ..escaper.dummy_deny import DummyDenyEscaper
from ..io.poller import Poller
from ..io.relay import RelayHost, RelayOptions
from ..io.timers import Wheel
from ..log import Loggers
from ..resolver import Resolver, make_resolver
from ..server.base import Server
from ..server.context import ServerContext
from ..server.destination import DestinationFilter
from ..server.dummy_close import DummyCloseServer
from ..server.http_proxy import HttpProxyServer
from ..server.socks_proxy import SocksProxyServer


class Modules:
    """Everything that runs on one event loop, by kind and name."""

    def __init__(self, config: Config, loggers: Loggers, loop: asyncio.AbstractEventLoop) -> None:
        """Build it all. Nothing listens yet, and nothing has been sent."""
        self._loggers = loggers
        self._loop = loop
        self._wheel = Wheel(loop)
        self._poller = Poller(loop)
        self._relays = RelayHost(self._poller, self._wheel)
        self.resolvers: dict[str, Resolver] = {
            name: make_resolver(resolver, loggers.resolve) for name, resolver in config.resolvers.items()
        }
        self.escapers: dict[str, Escaper] = {
            name: make_escaper(escaper, self.resolvers, loggers.escape) for name, escaper in config.escapers.items()
        }
        self.servers: dict[str, Server] = {name: self._server(server) for name, server in config.servers.items()}

    def close(self) -> None:
        """Release what the event loop does not."""
        self._relays.pipes.close()
        self._poller.close()

    def _server(self, config: ServerConfig) -> Server:
        match config:
            case HttpProxyConfig():
                return HttpProxyServer(self._tcp_context(HttpProxyServer.type_name, config), config)
            case SocksProxyConfig():
                destinations = DestinationFilter(config.name, config.dst_host_filter_set, config.dst_port_filter)
                context = self._tcp_context(SocksProxyServer.type_name, config)
                return SocksProxyServer(
                    context, destinations, config.ingress_network_filter, config.negotiation_timeout
                )
            case DummyCloseConfig():
                return DummyCloseServer(self._context(DummyCloseServer.type_name, config.name))
        raise TypeError(f"there is no server for {type(config).__name__}")

    def _context(self, type_name: str, name: str) -> ServerContext:
        return ServerContext(
            type_name=type_name,
            name=name,
            loop=self._loop,
            wheel=self._wheel,
            relays=self._relays,
            escaper=DummyDenyEscaper("deny"),
            task_log=self._loggers.task,
            relay_options=RelayOptions(),
        )

    def _tcp_context(self, type_name: str, config: TcpServerConfig) -> ServerContext:
        return ServerContext(
            type_name=type_name,
            name=config.name,
            loop=self._loop,
            wheel=self._wheel,
            relays=self._relays,
            escaper=self.escapers[config.escaper],
            task_log=self._loggers.task,
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
