"""Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): the same in all workers, other ones after a while.

The ssl module does not let anybody choose them, and each of its contexts begins with keys of its own: a client that
comes to another worker would have to shake hands in full. Here they are derived from a secret that the supervisor has
made before it forked, from the server's settings and from the time, so that nothing has to be passed around. A ticket
ends with its key. Where OpenSSL's functions are not at hand (see `openssl`) each worker has keys of its own, which
never change.
"""

import hashlib
import secrets
import ssl
import time
from collections.abc import Callable

from . import openssl
from .settings import TicketSettings

SECRET = secrets.token_bytes(32)
"""Made when the supervisor imports this module, and inherited by its workers. A restart makes another one."""

LONGEST = 604800
"""Seconds that a ticket may be good for at most (RFC 8446 section 4.6.1)."""


def keys(identity: bytes, period: int) -> bytes:
    """The keys of one server in one period."""
    words = identity + period.to_bytes(8, "big")
    parts = (hashlib.blake2b(words, key=SECRET, salt=salt).digest() for salt in (b"1", b"2"))
    return b"".join(parts)[: openssl.TICKET_KEY_BYTES]


class Tickets:
    """The keys of one context."""

    def __init__(
        self,
        context: ssl.SSLContext,
        identity: bytes,
        settings: TicketSettings,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``identity`` is the same in all processes for contexts that may read each other's tickets."""
        self._context = context
        self._identity = identity
        self._each = max(settings.lifetime / 2, 1.0)
        self._interval = settings.check_interval
        self._now = now
        self._period = -1
        self._look_at = 0.0
        openssl.set_session_timeout(context, max(1, min(int(settings.lifetime), LONGEST)))
        self.refresh()

    def refresh(self) -> None:
        """Change the keys if it is time to; called before each handshake."""
        now = self._now()
        # A clock that has been set back is no reason to keep old keys for long.
        if self._look_at - self._interval <= now < self._look_at:
            return
        self._look_at = now + self._interval
        period = int(now / self._each)
        if period != self._period:
            self._period = period
            openssl.control(
                self._context, openssl.SET_TICKET_KEYS, openssl.TICKET_KEY_BYTES, keys(self._identity, period)
            )
