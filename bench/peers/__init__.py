"""The proxies that are measured, in the order of the table's columns."""

from collections.abc import Sequence

from bench.peers.base import Dialect, Peer, Port, port_of
from bench.peers.debian import Dante, Squid, Tinyproxy
from bench.peers.g3 import G3proxy, G3proxyd

PEERS: Sequence[Peer] = (G3proxyd(), G3proxy(), Squid(), Tinyproxy(), Dante())

__all__ = ["PEERS", "Dialect", "Peer", "Port", "port_of"]
