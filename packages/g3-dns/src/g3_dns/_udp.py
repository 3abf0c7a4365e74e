"""One question to one name server over UDP (RFC 1035 section 4.2.1, RFC 5452, RFC 6891, RFC 7873).

What a forger has to guess: the id, the source port, on request the case of every letter, on request a cookie. All
tries have the same id and port: different ones would only give him more chances (RFC 5452 section 5).
"""

from dataclasses import dataclass

import dns.rcode
from dns.message import Message

from ._cookies import CookieJar
from ._errors import MessageError
from ._events import Cause, Failure, Lost, Response, Server, UdpEvent, UseTcp
from ._message import PAYLOAD_SIZE, Mismatch, is_truncated, mismatch_of, pack_query, parse_message
from ._question import Question, RandBelow, mix_case, pack_question

MAX_MISMATCHES = 16
"""Answers that are none before a query goes to TCP: a forger needs thousands, an honest network sends hardly one."""
FIRST_PORT = 1024
PORTS = 65_536 - FIRST_PORT


@dataclass(frozen=True, slots=True)
class UdpSettings:
    """How to ask over UDP. Times are in seconds."""

    timeout: float = 2.0
    """How long the first try waits; each later one waits twice as long as the one before."""
    max_timeout: float = 10.0
    """The longest that a try waits."""
    tries: int = 3
    payload_size: int = PAYLOAD_SIZE
    """The largest datagram that we say we take: 512 to 65,535 bytes; 0 sends no EDNS."""
    mixed_case: bool = False
    """Whether the letters of the name are of random case. Some servers don't repeat it: they are asked over TCP."""

    def __post_init__(self) -> None:
        """Raise ValueError for times of zero or less, no try, and sizes out of range."""
        if min(self.timeout, self.max_timeout) <= 0 or self.tries < 1:
            raise ValueError("times are more than zero, and there is at least one try")
        if self.payload_size and not 512 <= self.payload_size <= 65_535:
            raise ValueError("payload_size is 0, or 512 to 65535")


class UdpClient:
    """Asks one question, from a port of its own.

    The driver binds a socket to ``port``, or calls `change_port` while it cannot, sends `datagrams_to_send` to
    ``server``, hands in whatever comes, and arms a timer for `next_timeout`, until there is an event.
    """

    __slots__ = (
        "_asked",
        "_bad_cookie",
        "_cookies",
        "_deadline",
        "_edns",
        "_event",
        "_id",
        "_outbox",
        "_over",
        "_port",
        "_randbelow",
        "_settings",
        "_spelling",
        "_tries",
        "ignored",
        "question",
        "server",
    )

    def __init__(
        self,
        question: Question,
        server: Server,
        randbelow: RandBelow,
        now: float,
        settings: UdpSettings | None = None,
        cookies: CookieJar | None = None,
    ) -> None:
        """``cookies`` makes the query carry one; it needs EDNS."""
        self.question = question
        self.server = server
        self.ignored: dict[Mismatch, int] = {}
        """How many datagrams were no answer, by reason."""
        self._settings = settings or UdpSettings()
        self._randbelow = randbelow
        self._cookies = cookies if self._settings.payload_size else None
        self._edns = self._settings.payload_size > 0
        self._id = randbelow(0x10000)
        self._spelling = mix_case(question.name, randbelow) if self._settings.mixed_case else question.name
        self._asked = pack_question(self._spelling, question.type)
        self._port = FIRST_PORT + randbelow(PORTS)
        self._outbox: list[bytes] = []
        self._event: UdpEvent | None = None
        self._over = False
        self._bad_cookie = False
        self._tries = 0
        self._deadline: float
        self._try(now)

    @property
    def port(self) -> int:
        """The local port to send from: 1024 to 65535."""
        return self._port

    def change_port(self) -> int:
        """The port is taken by somebody else: return another one."""
        self._port = FIRST_PORT + self._randbelow(PORTS)
        return self._port

    def datagrams_to_send(self) -> list[bytes]:
        """Return, once, what is due to the server."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def receive_datagram(self, data: bytes, source: Server) -> None:
        """Look at a datagram: the answer becomes an event, anything else is counted in ``ignored``."""
        if self._over:
            return
        if source != self.server:
            self._ignore(Mismatch.SERVER)
            return
        mismatch = mismatch_of(data, self._id, self._asked)
        if mismatch is not None:
            self._ignore(mismatch)
        elif is_truncated(data):
            self._end(UseTcp(self._id, Cause.TRUNCATED))
        else:
            self._read(data)

    def unreachable(self) -> None:
        """The network refuses the datagram, or says that nobody listens there."""
        self._end(Lost(self._id, Failure.UNREACHABLE))

    def next_event(self) -> UdpEvent | None:
        """Return, once, how the query ended; None while it runs, and afterwards."""
        event, self._event = self._event, None
        return event

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None when the query is over."""
        return None if self._over else self._deadline

    def handle_timeout(self, now: float) -> None:
        """Ask again, or give up, when the try is over time."""
        if self._over or now < self._deadline:
            return
        if self._unverified():
            self._end(UseTcp(self._id, Cause.UNVERIFIED))
        elif self._tries < self._settings.tries:
            self._try(now)
        else:
            self._end(Lost(self._id, Failure.TIMEOUT))

    def _try(self, now: float) -> None:
        settings = self._settings
        self._deadline = now + min(settings.timeout * 2**self._tries, settings.max_timeout)
        self._tries += 1
        self._send()

    def _send(self) -> None:
        options = [] if self._cookies is None else [self._cookies.option(self.server)]
        self._outbox.append(
            pack_query(
                self.question,
                self._id,
                spelling=self._spelling,
                edns=self._edns,
                payload_size=self._settings.payload_size,
                options=options,
            )
        )

    def _read(self, data: bytes) -> None:
        """Read what is the answer by its id, its question and its source."""
        try:
            message = parse_message(data)
        except MessageError:
            self._end(Lost(self._id, Failure.MALFORMED))
            return
        if self._cookies is not None and not self._cookies.accept(self.server, message):
            self._ignore(Mismatch.COOKIE)
        elif self._cookies is not None and message.rcode() == dns.rcode.BADCOOKIE:
            self._show_new_cookie()
        elif self._edns and _knows_no_edns(message):
            self._edns = False  # RFC 6891 section 7: a server of old
            self._send()
        else:
            self._end(Response(self._id, message))

    def _show_new_cookie(self) -> None:
        """RFC 7873 section 5.3: once more with the cookie that came, then over TCP."""
        if self._bad_cookie:
            self._end(UseTcp(self._id, Cause.UNVERIFIED))
        else:
            self._bad_cookie = True
            self._send()

    def _unverified(self) -> bool:
        """Whether everything but the case or the cookie of some answer was right."""
        if self._cookies is not None and Mismatch.COOKIE in self.ignored:
            self._cookies.forget(self.server)
            return True
        return Mismatch.CASE in self.ignored

    def _ignore(self, mismatch: Mismatch) -> None:
        self.ignored[mismatch] = self.ignored.get(mismatch, 0) + 1
        if sum(self.ignored.values()) >= MAX_MISMATCHES:
            self._end(UseTcp(self._id, Cause.FORGED))

    def _end(self, event: UdpEvent) -> None:
        if not self._over:
            self._over = True
            self._event = event
            self._outbox.clear()


def _knows_no_edns(message: Message) -> bool:
    return message.edns < 0 and message.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP)
