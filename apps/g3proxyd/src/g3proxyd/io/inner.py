"""TLS inside of TLS: the handshake with a server behind a proxy that is itself spoken to by TLS."""

import socket

from .direction import End
from .relay import RelayHost, RelayOptions
from .stream import Stream
from .stream_relay import StreamRelay

LOOK_SECONDS = 1.0
"""So long after the inner connection has been closed the outer one may still be open."""


def for_tls(host: RelayHost, stream: Stream) -> Stream:
    """A stream that TLS may be spoken over: this one, unless it is TLS already.

    `TlsStream` works on a bare socket, so such a stream is put behind a pair of sockets, at the price of one more copy.
    The end of either side is passed on as one; a fault looks like an early end, which the inner TLS sees through.
    """
    if stream.bare:
        return stream
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    host.keep(InnerRelay(host, theirs, stream, RelayOptions(idle_interval=LOOK_SECONDS)).run())
    return host.stream(ours)


class InnerRelay(StreamRelay):
    """Between the pair of sockets and the outer TLS.

    Whoever uses the inner connection checks whether it is idle, and closes it: here only that is looked for. A FIN may
    be a half-close, behind which bytes still come, so that it is no sign.
    """

    def timed_out(self) -> None:
        """See `TwoWay.timed_out`."""
        if self._closed() and (self.up.done or not self.active):
            self._end(End.FINISHED, None)
            self._client.close()
            self._upstream.close()
            return
        self.active = False
        self.host.wheel.start(self, self.options.idle_interval)

    def _closed(self) -> bool:
        try:
            self._client.sock.send(b"")
        except OSError:
            return True
        return False
