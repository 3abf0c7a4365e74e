"""How much a peer may send, and what it may get wrong."""

from dataclasses import dataclass

MAX_EMPTY_LINES = 4
"""Empty lines that may stand before a request line (RFC 9112 section 2.2 asks for one at least)."""

MAX_METHOD_LENGTH = 64
"""The longest registered method has 18 letters (UPDATEREDIRECTREF)."""

MAX_CONTENT_LENGTH = 2**63 - 1
"""What a signed 64-bit integer holds; other recipients of the same message count in those."""

MAX_INTERIM_RESPONSES = 32
"""Interim responses to one request: 100, some 102 and 103; an endless row of them would never be an answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes that a reader accepts. Raises ValueError below 1, and below 18 for ``body_line_length``."""

    head_size: int = 65536
    """A whole head with its empty line; the defaults of other proxies lie between 8 and 64 KiB."""
    line_length: int = 0
    """One line of a head with its CRLF; 0 becomes ``head_size``. RFC 9112 section 3 asks for 8000 in a request line."""
    fields: int = 512
    """Field lines in a head; browsers send about 15, and Apache's default is 100."""
    body_line_length: int = 8192
    """One chunk-size or trailer line with its CRLF; 18 hold 16 digits, and extensions are rare and short."""
    trailer_size: int = 16384
    """All trailer lines together."""

    def __post_init__(self) -> None:
        if not self.line_length:
            object.__setattr__(self, "line_length", self.head_size)
        if min(self.head_size, self.line_length, self.fields, self.trailer_size) < 1 or self.body_line_length < 18:
            raise ValueError("a limit that leaves room for nothing")


@dataclass(frozen=True, slots=True)
class Leniency:
    """What a peer may do against the standard; nothing of it by default."""

    raw_target: bool = False
    """Let a request target hold any visible byte but ``#``: browsers send ``|``, ``{`` and lone ``%`` in queries."""
    userinfo: bool = False
    """Let an http or https target carry ``user:password@``, which RFC 9110 section 4.2.4 forbids."""
    missing_host: bool = False
    """Let an HTTP/1.1 request that names its authority in the target come without Host."""
    http10_keep_alive: bool = False
    """Keep a connection with an HTTP/1.0 client that asks for it; RFC 9112 section 9.3 forbids that to proxies."""
    bare_status_line: bool = False
    """Let a status line end after its code, without the space that RFC 9112 section 4 demands."""


DEFAULT_LIMITS = Limits()
STRICT = Leniency()
