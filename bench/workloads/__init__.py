"""The workloads, in the order of the table's rows."""

from collections.abc import Sequence

from bench.workloads import bulk, connections, datagrams, forward, idle
from bench.workloads.base import FULL, QUICK, Scale, Site, Subject, Workload, WrongResultError, missing_clients

WORKLOADS: Sequence[Workload] = (
    *forward.WORKLOADS,
    *connections.WORKLOADS,
    *bulk.WORKLOADS,
    *datagrams.WORKLOADS,
    *idle.WORKLOADS,
)

__all__ = ["FULL", "QUICK", "WORKLOADS", "Scale", "Site", "Subject", "Workload", "WrongResultError", "missing_clients"]
