"""Memory of tunnels that have carried one request and then lie still: CONNECT, SOCKS5 and TLS."""

import select
import subprocess
import time
from dataclasses import replace

from bench.measure import memory
from bench.origin import SMALL, SMALL_SIZE
from bench.workloads.base import (
    Site,
    Subject,
    Workload,
    WrongResultError,
    carry_out,
    judged,
    load_command,
    orders_for,
)

# Time for buffers that are given back a moment after use.
_SETTLE_SECONDS = 1.0


def _measure(workload: Workload, subject: Subject, site: Site) -> float:
    """KiB of proportional set size for one tunnel, in a process that has served a few short ones before."""
    total = site.scale.idle_tunnels
    carry_out(orders_for(workload, subject, site, SMALL, SMALL_SIZE, 50), site.client_core)
    time.sleep(_SETTLE_SECONDS)
    before = memory(subject.pid)
    orders = replace(orders_for(workload, subject, site, SMALL, SMALL_SIZE, total), hold=True)
    holder = subprocess.Popen(
        load_command(orders, site.client_core), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        if not select.select([holder.stdout], [], [], orders.seconds + 30)[0]:
            raise WrongResultError("the load generator does not report")
        judged(holder.stdout.readline(), orders)
        time.sleep(_SETTLE_SECONDS)
        after = memory(subject.pid)
    finally:
        holder.kill()
        holder.communicate()
    return (after.pss - before.pss) / total / 1024


WORKLOADS = (
    Workload("idle", "CONNECT, memory of an idle tunnel", "KiB/tunnel", "http", "connect", _measure, fresh=True),
    Workload("socks-idle", "SOCKS5, memory of an idle tunnel", "KiB/tunnel", "socks", "socks5", _measure, fresh=True),
    Workload(
        "tls-idle", "TLS ends here, memory of an idle connection", "KiB/tunnel", "tls", "tls", _measure, fresh=True
    ),
)
