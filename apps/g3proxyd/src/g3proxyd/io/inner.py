"""TLS inside of TLS: the handshake with a server behind a proxy that is itself spoken to by TLS."""

import socket

from .relay import RelayHost, RelayOptions
from .stream import Stream
from .stream_relay import StreamRelay
from .tls import TlsStream

FOREVER = RelayOptions(idle_interval=365 * 86400.0)
"""Whoever uses the inner connection checks whether it is idle."""


def for_tls(host: RelayHost, stream: Stream) -> Stream:
    """A stream that TLS may be spoken over: this one, unless it is TLS already.

    `TlsStream` works on a socket, so such a stream is put behind a pair of sockets, at the price of one more copy. The
    end, or a fault, of either side ends the other; a fault looks like an early end, which the inner TLS sees through.
    """
    if not isinstance(stream, TlsStream):
        return stream
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    relay = StreamRelay(host, theirs, stream, FOREVER)
    host.keep(relay.run())
    return host.stream(ours)
