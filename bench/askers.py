"""The resolvers that are measured: g3proxyd's two, dnspython's of coroutines, and aiodns."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from importlib import import_module
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 300
NAMES = 3_000
FEWER_NAMES = 200
"""For who opens a connection for each of them."""

Ask = Callable[[str], Awaitable[object]]


class Asker(ABC):
    """A resolver that asks over one transport."""

    names = NAMES
    """How many it is asked for."""

    def __init__(self, transport: str, port: int, authority: Path) -> None:
        self.transport = transport
        self.port = port
        self.authority = authority

    @abstractmethod
    def start(self) -> Ask:
        """What asks for the IPv4 addresses of a name."""

    async def recall(self, ask: Ask, name: str, times: int) -> None:
        """Ask for a name that it remembers."""
        for _ in range(times):
            await ask(name)

    @abstractmethod
    async def stop(self) -> None:
        """Release everything."""


class Ours(Asker):
    """What g3proxyd's resolvers have in common: what they remember they say at once, to who asks with `query`."""

    resolver: Any

    async def recall(self, ask: Ask, name: str, times: int) -> None:
        from g3_escape import Family

        query = self.resolver.query
        for _ in range(times):
            query(name, Family.IPV4, print)

    async def stop(self) -> None:
        await self.resolver.close()

    def _ask(self) -> Ask:
        from g3_escape import Family

        return lambda name: self.resolver.resolve(name, Family.IPV4)


class Hickory(Ours):
    """The one that speaks for itself. Over TCP it asks only what does not fit into a datagram; here it asks all."""

    def start(self) -> Ask:
        from g3_dns import LookupSettings, Server
        from g3proxyd.config.resolver import HickoryConfig
        from g3proxyd.io.poller import Poller
        from g3proxyd.io.timers import Wheel
        from g3proxyd.log.discard import DiscardSink
        from g3proxyd.log.logger import Logger
        from g3proxyd.resolver.hickory.resolver import HickoryResolver
        from g3proxyd.resolver.hickory.servers import Servers
        from g3proxyd.resolver.hickory.sockets import ServerSockets
        from g3proxyd.resolver.hickory.tcp import TcpConnector, tcp_transport

        keys: dict[str, Any] = {"name": "dns", "server": HOST, "server_port": self.port}
        if self.transport not in ("udp", "tcp"):
            tls = {"ca_certificate": str(self.authority), "no_default_ca_certificate": True}
            keys["encryption"] = {"tls_name": HOST, "protocol": self.transport, "tls_client": tls}
        loop = asyncio.get_running_loop()
        poller, wheel = Poller(loop), Wheel(loop)
        config = HickoryConfig.model_validate(keys)
        self.resolver = HickoryResolver(config, Logger("Resolve", DiscardSink()), poller, wheel)
        if self.transport == "tcp":
            connector = TcpConnector(
                poller, wheel, Server(IPv4Address(HOST), self.port), ServerSockets(None, None, {}, {})
            )
            self.resolver._servers = Servers([tcp_transport(connector, 10.0, 5.0)], LookupSettings(), 1.0)
        return self._ask()


class CAres(Ours):
    """The one that has c-ares ask."""

    def start(self) -> Ask:
        from g3proxyd.config.resolver import CAresConfig
        from g3proxyd.log.discard import DiscardSink
        from g3proxyd.log.logger import Logger
        from g3proxyd.resolver.c_ares import CAresResolver

        config = CAresConfig.model_validate({"name": "dns", "server": f"{HOST}:{self.port}"})
        self.resolver = CAresResolver(config, Logger("Resolve", DiscardSink()))
        return self._ask()


class Dnspython(Asker):
    """Its resolver of coroutines with its cache; but for UDP each question has a connection of its own."""

    def __init__(self, transport: str, port: int, authority: Path) -> None:
        super().__init__(transport, port, authority)
        if transport != "udp":
            self.names = FEWER_NAMES

    def start(self) -> Ask:
        import dns.asyncresolver
        import dns.resolver

        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [self._nameserver()]
        resolver.lifetime = PATIENCE
        resolver.cache = dns.resolver.LRUCache(2 * NAMES)
        tcp = self.transport == "tcp"
        return lambda name: resolver.resolve(name, "A", tcp=tcp, search=False)

    def _nameserver(self) -> Any:
        from dns.nameserver import Do53Nameserver, DoHNameserver, DoQNameserver, DoTNameserver
        from dns.query import HTTPVersion

        verify, url = str(self.authority), f"https://{HOST}:{self.port}/dns-query"
        match self.transport:
            case "tls":
                return DoTNameserver(HOST, self.port, HOST, verify)
            case "https":
                context: Any = ssl.create_default_context(
                    cafile=verify
                )  # of a path httpx2 makes one each time, and warns
                return DoHNameserver(url, HOST, context, http_version=HTTPVersion.H2)
            case "h3":
                return DoHNameserver(url, HOST, verify, http_version=HTTPVersion.H3)
            case "quic":
                return DoQNameserver(HOST, self.port, verify, HOST)
            case _:
                return Do53Nameserver(HOST, self.port)

    async def stop(self) -> None:
        pass


class Aiodns(Asker):
    """Its resolver, with the cache of c-ares."""

    def start(self) -> Ask:
        aiodns: Any = import_module("aiodns")  # of a group that few need
        from pycares import ARES_FLAG_USEVC

        flags = ARES_FLAG_USEVC if self.transport == "tcp" else 0
        self._resolver = aiodns.DNSResolver([HOST], udp_port=self.port, tcp_port=self.port, flags=flags)
        return lambda name: self._resolver.query_dns(name, "A")

    async def stop(self) -> None:
        await self._resolver.close()


ASKERS: dict[str, tuple[type[Asker], tuple[str, ...]]] = {
    "hickory": (Hickory, ("udp", "tcp", "tls", "https", "h3", "quic")),
    "c_ares": (CAres, ("udp",)),
    "dnspython": (Dnspython, ("udp", "tcp", "tls", "https", "h3", "quic")),
    "aiodns": (Aiodns, ("udp", "tcp")),
}
