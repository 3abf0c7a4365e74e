"""The client's half of reading HTTP/1: response heads as a proxy needs them (RFC 9112 section 4)."""

import re
from collections import deque
from dataclasses import dataclass

from g3_machine import LocalProtocolError

from ._errors import HttpError, ResponseError
from ._fields import Block, Fields, drop_named, sort_fields, split_response
from ._framing import CHUNKED, CLOSE, LENGTH, NONE, Control, Framing, read_framing, read_options
from ._grammar import FIELD_VALUE, TIDY_FIELD_LINE
from ._head import HeadReader
from ._limits import DEFAULT_LIMITS, MAX_INTERIM_RESPONSES, STRICT, Leniency, Limits


@dataclass(slots=True, repr=False)
class ResponseHead(Fields):
    """One response without its body; not frozen, because a frozen one takes a microsecond longer to make.

    Its repr names no field values: they may hold secrets.
    """

    status: int
    """100 to 999."""
    reason: bytes
    """The reason phrase as received; may be empty."""
    minor: int
    """The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0."""
    block: Block
    """See `fields`; the lines themselves, with one space in front of each value."""
    end_to_end_block: Block
    """See `end_to_end`."""
    control: Control
    """Framing and hop-by-hop fields: lower-case names, values (of repeated fields joined with a comma)."""
    framing: Framing
    """What ends the body on this connection; NONE for every response to HEAD."""
    content_length: int | None
    """The value of Content-Length; for HEAD and 304 what the length would have been."""
    keep_alive: bool
    """Whether the upstream's connection may serve another request after this response."""
    size: int
    """Bytes of the head on the wire."""

    @property
    def interim(self) -> bool:
        """Whether a further response to the same request follows (RFC 9110 section 15.2)."""
        return self.status < 200 and self.status != 101

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} HTTP/1.{self.minor}, {len(self.fields)} fields, body {self.framing.value}>"


_STATUS_LINE = rb"HTTP/1\.([01]) ([1-9][0-9]{2})((?>(?: " + FIELD_VALUE + rb")?))\r"
_match_any_version = re.compile(rb"HTTP/([0-9]\.[0-9]) [0-9]{3}(?>(?: " + FIELD_VALUE + rb")?)\r\n").fullmatch


class ResponseReader(HeadReader[ResponseHead]):
    """Reads an upstream's responses: one `ResponseHead` per event, its body by the verbs of `BodyReader`.

    Each request that is sent has to be told by `expect`, for the method decides what its response looks like.
    After 101 (Switching Protocols) and a 2xx to CONNECT the reader stops: ``take_unread()`` gives what came early.
    """

    __slots__ = ("_expected", "_interim_count", "leniency")

    _error = ResponseError
    _tidy_head = re.compile(_STATUS_LINE + rb"(\n(?>(?:" + TIDY_FIELD_LINE + rb")*))\r\n")
    _first_line = re.compile(_STATUS_LINE + rb"\n")

    def __init__(self, limits: Limits = DEFAULT_LIMITS, leniency: Leniency = STRICT) -> None:
        super().__init__(ResponseReader._read_response, limits)
        self.leniency = leniency
        self._expected: deque[tuple[bytes, bool]] = deque()
        self._interim_count = 0

    def expect(self, method: bytes, *, upgrade: bool = False) -> None:
        """Note that a request with this method has been sent, and whether it asked for an upgrade.

        Requests are answered in the order in which they are told.
        """
        self._expected.append((method, upgrade))

    @property
    def reusable(self) -> bool:
        """Whether the connection is idle and fit for another request.

        False while a response is owed or its body not taken, after a response that closes, and as soon as the upstream
        has sent a byte that nobody asked for, or closed.
        """
        return (
            self._keep_alive
            and not self._expected
            and self._framing is NONE
            and not self._inbox
            and not self._eof
            and self._fault is None
        )

    def _read_response(self) -> ResponseHead | None:
        """RFC 9112 section 9.2: data on a connection without an outstanding request is not a response."""
        if self._framing is not NONE:
            self._check_body_ended()
        if not self._expected:
            if self._inbox:
                raise ResponseError("unasked", "bytes that answer no request")
            return None
        if not self._keep_alive:
            raise ResponseError("no_response", "the response before was the last on this connection")
        return self._read_head()

    def _build(self, one: bytes, two: bytes, three: bytes, block: Block, size: int) -> ResponseHead:
        """RFC 9112 section 4: HTTP-version SP status-code SP [ reason-phrase ], and what the fields make of them."""
        if not three and not self.leniency.bare_status_line:
            raise ResponseError("status_line", "a status line without a space behind its code")
        minor = 1 if one == b"1" else 0
        status = int(two)
        method, upgrade = self._expected[0]
        end_to_end, control = sort_fields(block, split_response)
        options = read_options(control.get(b"connection"), ResponseError)
        if options:
            end_to_end = drop_named(end_to_end, control, options, ResponseError)
        if b"proxy-connection" in control:
            heard = options | read_options(control[b"proxy-connection"], ResponseError)
        else:
            heard = options
        framing, length = self._read_body(status, method, control, minor)
        switch = status == 101 or (method == b"CONNECT" and 200 <= status < 300)
        head = ResponseHead(
            status,
            three[1:],
            minor,
            block,
            end_to_end,
            control,
            framing,
            length,
            not switch and framing is not CLOSE and b"close" not in heard and (minor == 1 or b"keep-alive" in heard),
            size,
        )
        if status < 200:
            self._count_interim(status, upgrade)
            if status != 101:
                return head
        self._expected.popleft()
        self._interim_count = 0
        self._keep_alive = head.keep_alive
        self._begin_body(framing, length if framing is LENGTH else None)
        if switch:
            self._state = ResponseReader._switched
        return head

    def _read_body(self, status: int, method: bytes, control: Control, minor: int) -> tuple[Framing, int | None]:
        """RFC 9112 section 6.3: the method and the status come before the fields."""
        if method == b"CONNECT" and 200 <= status < 300:
            # RFC 9110 section 9.3.6: a client MUST ignore Content-Length and Transfer-Encoding here.
            return NONE, None
        framing, length = read_framing(control, minor, ResponseError)
        if status < 200 or status == 204:
            if length or framing is CHUNKED:
                raise ResponseError("content", "content in a response whose status has none")
            # RFC 9110 section 8.6: a server MUST NOT send Content-Length here, but "0" changes nothing.
            return NONE, None
        if method == b"HEAD" or status == 304:
            return NONE, length
        return (CLOSE if framing is NONE else framing), length

    def _count_interim(self, status: int, upgrade: bool) -> None:
        if status == 101 and not upgrade:
            raise ResponseError("switch", "a switch of protocols that nobody asked for")
        self._interim_count += 1
        if self._interim_count > MAX_INTERIM_RESPONSES:
            raise ResponseError("interim", "too many interim responses")

    def _switched(self) -> ResponseHead | None:
        raise LocalProtocolError("the connection speaks another protocol now")

    def _read_eof(self) -> ResponseHead | None:
        if not self._expected:
            return None
        if self._inbox:
            raise ResponseError("closed", "the peer closed in the middle of a head")
        raise ResponseError("no_response", "the peer closed instead of answering")

    def _first_line_error(self, line: bytes) -> HttpError:
        found = _match_any_version(line)
        if found is not None and found[1] not in (b"1.0", b"1.1"):
            return ResponseError("version", "a version other than HTTP/1.0 and HTTP/1.1")
        return ResponseError("status_line", "not a status line")
