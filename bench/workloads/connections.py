"""A new connection for every request: CONNECT and SOCKS5, straight or through one more proxy, TLS, and plain requests
to a proxy that keeps no connection.
"""

from bench.measure import cpu_seconds
from bench.origin import SMALL, SMALL_SIZE
from bench.peers.debian import Dante, Squid
from bench.workloads.base import Site, Subject, Workload, carry_out, orders_for

_UNIT = "us/connection"


def measure(workload: Workload, subject: Subject, site: Site) -> float:
    """Microseconds of the proxy's CPU for one connection with one request."""
    total = site.scale.connections
    carry_out(orders_for(workload, subject, site, SMALL, SMALL_SIZE, total // 10), site.client_core)
    orders = orders_for(workload, subject, site, SMALL, SMALL_SIZE, total)
    before = cpu_seconds(subject.pid)
    carry_out(orders, site.client_core)
    return (cpu_seconds(subject.pid) - before) / total * 1e6


WORKLOADS = (
    Workload("connect", "CONNECT, new connection, one request", _UNIT, "http", "connect", measure),
    Workload("socks", "SOCKS5, new connection, one request", _UNIT, "socks", "socks5", measure),
    Workload(
        "next-http",
        "CONNECT through a next proxy, squid",
        _UNIT,
        "next_http",
        "connect",
        measure,
        behind=(Squid(), "http"),
    ),
    Workload(
        "next-socks",
        "SOCKS5 through a next proxy, dante",
        _UNIT,
        "next_socks",
        "socks5",
        measure,
        behind=(Dante(), "socks"),
    ),
    Workload("tls", "TLS ends here, full handshake, one request", _UNIT, "tls", "tls", measure),
)
