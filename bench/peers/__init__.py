"""The proxies that are measured, in the order of the table's columns."""

from collections.abc import Sequence

from bench.peers.base import Peer, Places, Setup
from bench.peers.debian import Dante, Haproxy, Nginx, Squid, Tinyproxy
from bench.peers.g3 import G3proxy, G3proxyd

PEERS: Sequence[Peer] = (G3proxyd(), G3proxy(), Squid(), Tinyproxy(), Dante(), Haproxy(), Nginx())

__all__ = ["PEERS", "Peer", "Places", "Setup"]
