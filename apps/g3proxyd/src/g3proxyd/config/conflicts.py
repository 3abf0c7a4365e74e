"""What does not fit together between objects: two servers on one address, one that nobody could find, TLS in TLS, a
next hop that is a server of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from ..upstream import Upstream
from .errors import Kind, Problem
from .escaper import RouteFailoverConfig
from .graph import bottom_up, uses
from .module import ModuleConfig
from .nodes import Place
from .values.listen import Listen, TcpListen

__all__ = ["MAX_FAILOVERS", "check_listeners", "failovers_too_deep", "hops_to_own_servers", "tls_in_tls"]

MAX_FAILOVERS = 16
"""One behind the other: each adds a connection to those that are tried at once for one request."""


def check_listeners(listeners: Iterable[tuple[str, Listen, Place]]) -> list[Problem]:
    """Look at the servers' listening sockets, each with the server's name and the place of its `listen` key."""
    problems: list[Problem] = []
    taken: dict[tuple[object, ...], tuple[str, Place]] = {}
    for name, listen, place in listeners:
        path = f"server {name}.listen"
        if listen.address.port == 0:
            message = "port 0 would be a different port at each start"
            problems.append(Problem(Kind.CONFLICT, place, path, message, "a port from 1 to 65535"))
            continue
        others = [taken[key] for key in _claims(listen) if key in taken]
        if others:
            other, where = others[0]
            message = f"{listen.address} is taken by the server {other} at {where}"
            problems.append(Problem(Kind.CONFLICT, place, path, message, "an address of its own for each server"))
        taken.update(dict.fromkeys(_claims(listen), (name, place)))
    return problems


def tls_in_tls(servers: Mapping[str, ModuleConfig]) -> Iterator[tuple[str, str]]:
    """Each server that ends TLS, with each one behind it, perhaps behind others, that would ask for TLS again.

    Nobody means a client to speak TLS inside TLS. Names that lead nowhere are skipped.
    """
    for name, server in servers.items():
        if _ends_tls(server):
            ahead = list(_behind(server))
            seen = set(ahead)
            while ahead:
                found = ahead.pop()
                if found not in servers:
                    continue
                if _ends_tls(servers[found]):
                    yield name, found
                else:
                    ahead += (further := set(_behind(servers[found])) - seen)
                    seen |= further


def failovers_too_deep(escapers: Mapping[str, ModuleConfig]) -> Iterator[str]:
    """Each `route_failover` that has `MAX_FAILOVERS` others behind it on one way. Names must lead to an end."""
    depth: dict[str, int] = {}
    for name in bottom_up(escapers, "escaper"):
        escaper = escapers[name]
        depth[name] = max((depth[to] for kind, to in uses(escaper) if kind == "escaper"), default=0)
        if isinstance(escaper, RouteFailoverConfig):
            if depth[name] == MAX_FAILOVERS:
                yield name
            else:
                depth[name] += 1


def hops_to_own_servers(
    servers: Mapping[str, ModuleConfig], escapers: Mapping[str, ModuleConfig]
) -> Iterator[tuple[str, str]]:
    """Each escaper with a next hop at an address on which a server listens, and that server."""
    for name, escaper in escapers.items():
        for hop in getattr(escaper, "proxy_addr", ()):
            for found, server in servers.items():
                listen = getattr(server, "listen", None)
                if isinstance(listen, TcpListen) and _accepts(listen, hop.upstream):
                    yield name, found


def _accepts(listen: TcpListen, upstream: Upstream) -> bool:
    host, own = upstream.host, listen.address.host
    if isinstance(host, str) or listen.address.port != upstream.port:
        return False
    every = own == type(host)(0) or (own == IPv6Address(0) and not listen.ipv6_only)
    return host == own or (host.is_loopback and every)


def _ends_tls(server: ModuleConfig) -> bool:
    if any(getattr(server, key, None) is not None for key in ("tls_server", "quic_server")):
        return True
    return getattr(server, "enable_tls_server", False)


def _behind(server: ModuleConfig) -> Iterator[str]:
    return (name for kind, name in uses(server) if kind == "server")


def _claims(listen: Listen) -> list[tuple[object, ...]]:
    """What a socket takes for itself; `[::]` takes the IPv4 addresses as well unless it is told not to."""
    host, port = listen.address.host, listen.address.port
    transport = type(listen)  # TCP and UDP have ports of their own
    claims: list[tuple[object, ...]] = [(transport, host, port, listen.interface)]
    if host == IPv6Address(0) and not listen.ipv6_only:
        claims.append((transport, IPv4Address(0), port, listen.interface))
    return claims
