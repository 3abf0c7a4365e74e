"""A new connection for every request: CONNECT and SOCKS5, and plain requests to a proxy that keeps no connection."""

from bench.measure import cpu_seconds
from bench.origin import SMALL, SMALL_SIZE
from bench.workloads.base import Site, Subject, Workload, carry_out, orders_for


def measure(workload: Workload, subject: Subject, site: Site) -> float:
    """Microseconds of the proxy's CPU for one connection with one request."""
    total = site.scale.connections
    carry_out(orders_for(workload, subject, site, SMALL, SMALL_SIZE, total // 10), site.client_core)
    orders = orders_for(workload, subject, site, SMALL, SMALL_SIZE, total)
    before = cpu_seconds(subject.pid)
    carry_out(orders, site.client_core)
    return (cpu_seconds(subject.pid) - before) / total * 1e6


WORKLOADS = (
    Workload("connect", "CONNECT, new connection, one request", "us/connection", "connect", measure),
    Workload("socks", "SOCKS5, new connection, one request", "us/connection", "socks5", measure),
)
