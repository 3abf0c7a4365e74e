"""The TCP connection that holds an association: our client's, or ours at the next proxy (RFC 1928 section 6)."""

import asyncio
from collections.abc import Callable

from ..io.stream import Stream
from ..io.wake import Wake

FOREVER = 1e9
"""Seconds: the connection is silent as long as it likes."""


class ControlWatch:
    """Listens to a connection on which nothing is left to say: whatever comes is an end, or against the protocol."""

    def __init__(self, control: Stream, ended: Callable[[bytes | OSError], None]) -> None:
        """``ended`` hears, once, of a byte against the protocol, of b"" for an orderly end, or of the error."""
        self._control = control
        self._ended = ended
        self._heard: Wake | None = None
        self._listen()

    def cancel(self) -> None:
        """Listen no more; may be called again."""
        heard, self._heard = self._heard, None  # a wait is used again, by whoever receives next
        if heard is not None:
            heard.cancel()

    def _listen(self) -> None:
        self._heard = self._control.readable(FOREVER)
        self._heard.add_done_callback(self._readable)

    def _readable(self, heard: Wake) -> None:
        try:
            heard.result()
            data = self._control.read(1)
        except asyncio.CancelledError:
            return
        except OSError as error:
            self._heard = None
            self._ended(error)
            return
        if data is None:  # a session ticket of TLS, for instance
            self._listen()
        else:
            self._heard = None
            self._ended(data)
