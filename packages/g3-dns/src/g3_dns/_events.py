"""What the clients of every transport say."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from dns.message import Message


class Failure(Enum):
    """Why a query, or a whole lookup, has no answer; the values are stable and meant for logs."""

    FORMAT_ERROR = "FORMERR"
    """The server calls the query malformed."""
    SERVER_FAILURE = "SERVFAIL"
    NOT_IMPLEMENTED = "NOTIMP"
    REFUSED = "REFUSED"
    OTHER_CODE = "OTHERRCODE"
    """The server answered with a response code that no query of ours deserves."""
    LAME = "LAME"
    """The server told us to ask others: it does not resolve for us."""
    MALFORMED = "MALFORMED"
    """The answer is no valid message, or makes no sense."""
    ALIASES = "ALIASES"
    """The aliases of the name go in circles, or are too many."""
    HTTPS = "HTTPS"
    """The HTTP response was no success, or held no DNS message."""
    UNREACHABLE = "UNREACHABLE"
    """No connection to the server came about, or it was closed."""
    TIMEOUT = "TIMEOUT"


class Cause(Enum):
    """Why a query is to be repeated over TCP."""

    TRUNCATED = "truncated"
    FORGED = "forged"
    """So many answers were none that somebody is guessing."""
    UNVERIFIED = "unverified"
    """What came did not repeat our case or cookie: a forger, or a server that can't."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a name server listens."""

    host: IPv4Address | IPv6Address
    port: int = 53


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a query: it came from the server that was asked and repeats the question. Look at its code."""

    query: int
    """The number that the client gave the query: its id, or its stream."""
    message: Message
    age: int = 0
    """Seconds that the answer has spent in HTTP caches; its TTLs are so much shorter."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The query has no answer."""

    query: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class UseTcp:
    """The query is to be repeated over TCP."""

    query: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over: close it. These queries may be repeated over another one."""

    unanswered: tuple[int, ...] = ()


UdpEvent = Response | UseTcp | Lost
StreamEvent = Response | Lost | Closed
