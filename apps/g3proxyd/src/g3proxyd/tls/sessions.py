"""What a client remembers of servers, to resume where it left off: bounded by names and by sessions for each."""

import ssl
import time
from collections import OrderedDict, deque
from collections.abc import Callable


class Sessions:
    """Sessions by the name and port of the server; the names that were used longest ago are forgotten first."""

    def __init__(self, sites: int, each: int, now: Callable[[], float] = time.time) -> None:
        self._most = sites
        self._each = each
        self._now = now
        self._sites: OrderedDict[object, deque[tuple[ssl.SSLSession, float]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._sites.values()))

    def take(self, site: object) -> ssl.SSLSession | None:
        """The newest session for this server. It is forgotten: whoever sees a ticket twice can link the two."""
        sessions = self._sites.get(site)
        while sessions:
            session, until = sessions.pop()
            if not sessions:
                del self._sites[site]
            if self._now() < min(session.time + self._lifetime(session), until):
                return session
        return None

    def keep(self, site: object, session: ssl.SSLSession, until: float) -> None:
        """Remember a session, until its server's certificate expires (in seconds of the epoch) at most.

        What is resumed is not verified again, and may be remembered anew each time.
        """
        if not self._most or not self._each:
            return
        sessions = self._sites.setdefault(site, deque(maxlen=self._each))
        self._sites.move_to_end(site)
        sessions.append((session, until))
        if len(self._sites) > self._most:
            self._sites.popitem(last=False)

    @staticmethod
    def _lifetime(session: ssl.SSLSession) -> int:
        hint = session.ticket_lifetime_hint
        return min(session.timeout, hint) if session.has_ticket and hint else session.timeout
