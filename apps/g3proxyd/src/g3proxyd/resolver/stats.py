"""What a resolver counts."""

from .base import Source
from .errors import ResolveError


class ResolverStats:
    """Counters of one address family since the start, by the names of g3's metrics."""

    __slots__ = (
        "cached",
        "driver_malformed",
        "driver_refused",
        "driver_timeout",
        "driver_total",
        "server_malformed",
        "server_not_found",
        "server_refused",
        "server_serv_fail",
        "total",
        "trashed",
    )

    def __init__(self) -> None:
        self.total = 0
        """Queries of callers."""
        self.cached = 0
        """Those that the cache answered."""
        self.trashed = 0
        """Those that were answered by what had expired."""
        self.driver_total = 0
        """Queries that were sent to name servers."""
        self.driver_timeout = 0
        self.driver_refused = 0
        self.driver_malformed = 0
        self.server_refused = 0
        self.server_malformed = 0
        self.server_not_found = 0
        self.server_serv_fail = 0

    def known(self, source: Source) -> None:
        """A caller was answered at once."""
        self.total += 1
        if source is Source.TRASH:
            self.trashed += 1
        else:
            self.cached += 1

    def failed(self, error: ResolveError) -> None:
        """A query that was sent came to nothing."""
        counter = _COUNTERS.get(error.subtype)
        if counter is not None:
            setattr(self, counter, getattr(self, counter) + 1)


_COUNTERS = {
    "DriverTimedOut": "driver_timeout",
    "Timeout": "driver_timeout",
    "ConnRefused": "driver_refused",
    "BadResp": "driver_malformed",
    "REFUSED": "server_refused",
    "FORMERR": "server_malformed",
    "NOTFOUND": "server_not_found",
    "SERVFAIL": "server_serv_fail",
}
