"""The server's half of reading HTTP/1: request heads as a proxy needs them (RFC 9112 section 3)."""

import re
from dataclasses import dataclass

from g3_machine import LocalProtocolError

from ._errors import HttpError, RequestError
from ._fields import Block, Fields, drop_named, field_value, field_values, sort_fields, split_block, split_request
from ._framing import NONE, Control, Framing, read_framing, read_options, split_list
from ._grammar import TIDY_FIELD_LINE
from ._head import HeadReader
from ._limits import DEFAULT_LIMITS, MAX_EMPTY_LINES, MAX_METHOD_LENGTH, STRICT, Leniency, Limits
from ._target import ABSOLUTE, AUTHORITY, Target, parse_authority, parse_target


@dataclass(slots=True, repr=False)
class RequestHead(Fields):
    """One request without its body; not frozen, because a frozen one takes a microsecond longer to make.

    Its repr names no field values, userinfo or path: they may hold secrets.
    """

    method: bytes
    target: Target
    minor: int
    """The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0."""
    block: Block
    """See `fields`; the lines themselves, with one space in front of each value."""
    end_to_end_block: Block
    """See `end_to_end`."""
    control: Control
    """Host, framing, Expect and hop-by-hop fields: lower-case names, values (of repeated fields joined)."""
    framing: Framing
    content_length: int | None
    keep_alive: bool
    """Whether the client's connection may serve another request after this one."""
    expect_continue: bool
    """Whether the client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1)."""
    upgrade: tuple[bytes, ...]
    """The protocols that the client would switch to (RFC 9110 section 7.8), or nothing."""
    host_matches: bool
    """Whether Host, if present, names the host of the target, and no other port."""
    size: int
    """Bytes of the head on the wire."""

    @property
    def host(self) -> bytes | None:
        """The value of Host, or None."""
        return self.control.get(b"host")

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards of a TRACE or OPTIONS request (RFC 9110 section 7.6.2), else None."""
        if self.method not in (b"OPTIONS", b"TRACE"):
            return None
        value = field_value(self.end_to_end, b"max-forwards")
        return None if value is None else int(value)

    def __repr__(self) -> str:
        return (
            f"<RequestHead {self.method.decode('ascii')} {self.target.form.value} {self.target.host}:"
            f"{self.target.port} HTTP/1.{self.minor}, {len(self.fields)} fields, body {self.framing.value}>"
        )


_METHOD = rb"[!#$%%&'*+\-.^_`|~0-9A-Za-z]{1,%d}+" % MAX_METHOD_LENGTH
_REQUEST_LINE = rb"(" + _METHOD + rb") ([\x21-\x7e\x80-\xff]++) HTTP/1\.([01])\r"
_match_any_version = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++) ([\x21-\x7e\x80-\xff]++) HTTP/([0-9]\.[0-9])\r\n"
).fullmatch
_is_count = re.compile(rb"[0-9]{1,9}").fullmatch
_is_protocol = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++(?>(?:/[!#$%&'*+\-.^_`|~0-9A-Za-z]++)?)").fullmatch


class RequestReader(HeadReader[RequestHead]):
    """Reads a client's requests: one `RequestHead` per event, its body by the verbs of `BodyReader`.

    None after `receive_eof` means that the client has closed between two requests. A pipelined request stays
    unparsed until the body before it has been taken and `next_event` is called again. After CONNECT the reader
    stops: ``take_unread()`` gives the bytes of the tunnel that came early, or `resume` goes on after a refusal. After a
    101 (Switching Protocols) to an upgrade the driver calls ``take_unread()`` in the same way.
    """

    __slots__ = ("_last", "leniency")

    _error = RequestError
    _tidy_head = re.compile(_REQUEST_LINE + rb"(\n(?>(?:" + TIDY_FIELD_LINE + rb")*))\r\n")
    _first_line = re.compile(_REQUEST_LINE + rb"\n")
    _empty_lines_allowed = MAX_EMPTY_LINES

    def __init__(self, limits: Limits = DEFAULT_LIMITS, leniency: Leniency = STRICT) -> None:
        super().__init__(RequestReader._read_request, limits)
        self.leniency = leniency
        self._last: tuple[Block, Block, Control] | None = None
        """The fields of the last head that was nothing but fields: most programs repeat theirs, though not browsers."""

    def resume(self) -> None:
        """Read another request: the CONNECT before was refused and the connection stays HTTP."""
        self._state = RequestReader._read_request

    def _read_request(self) -> RequestHead | None:
        """RFC 9112 section 9.6: after a close option a server MUST NOT process any further request."""
        if self._framing is not NONE:
            self._check_body_ended()
        if not self._keep_alive:
            return None
        last, box = self._last, self._inbox
        if last is not None and box.endswith(last[0], 0, -2) and box.endswith(b"\r\n"):
            again = self._read_again(*last)
            if again is not None:
                return again
        return self._read_head()

    def _read_again(self, block: Block, end_to_end: Block, control: Control) -> RequestHead | None:
        """A head with the field lines of one before, which need not be read again; None if it differs in more."""
        box, limits = self._inbox, self.limits
        size = len(box)
        found = self._first_line.fullmatch(box, 0, size - len(block) - 1)
        if found is None or size > limits.head_size or size > limits.line_length:
            return None
        method, uri, version = found.groups()
        if method in _SPECIAL_METHODS or version != b"1":
            return None
        target = parse_target(uri, method, self.leniency)
        host_matches = self._read_host(target, control.get(b"host"), 1)
        box.clear()
        self._begin_head()
        self._empty_lines = 0
        return RequestHead(
            method, target, 1, block, end_to_end, control, NONE, None, True, False, (), host_matches, size
        )

    def _build(self, one: bytes, two: bytes, three: bytes, block: Block, size: int) -> RequestHead:
        """RFC 9112 section 3: method SP request-target SP HTTP-version, and what the fields make of them."""
        method = one
        minor = 1 if three == b"1" else 0
        end_to_end, control = sort_fields(block, split_request)
        target = parse_target(two, method, self.leniency)
        host_matches = self._read_host(target, control.get(b"host"), minor)
        framing, length = read_framing(control, minor, RequestError)
        options = read_options(control.get(b"connection"), RequestError)
        if options:
            end_to_end = drop_named(end_to_end, control, options, RequestError)
        if b"proxy-connection" in control:
            # Never standardised, but what most clients send to a proxy (RFC 9112 appendix C.2.2).
            heard = options | read_options(control[b"proxy-connection"], RequestError)
        else:
            heard = options
        if minor:
            keep_alive = b"close" not in heard
        else:
            asked = b"keep-alive" in heard and b"close" not in heard
            keep_alive = asked and self.leniency.http10_keep_alive
        if method in _SPECIAL_METHODS:
            self._check_method(method, framing, length, end_to_end)
        head = RequestHead(
            method,
            target,
            minor,
            block,
            end_to_end,
            control,
            framing,
            length,
            keep_alive,
            b"expect" in control and _expects_continue(control, minor),
            _read_upgrade(control) if minor and b"upgrade" in options else (),
            host_matches,
            size,
        )
        self._keep_alive = keep_alive
        if framing is not NONE or self._chunks is not None:
            self._begin_body(framing, length)
        if method == b"CONNECT":
            self._state = RequestReader._switched
        elif (
            framing is NONE
            and keep_alive
            and minor
            and len(block) <= _REMEMBERED
            and not head.upgrade
            and not head.expect_continue
        ):
            self._last = block, end_to_end, control
        return head

    def _read_host(self, target: Target, host: bytes | None, minor: int) -> bool:
        """RFC 9112 section 3.2: one Host that is a host and a port; RFC 9110 section 7.2."""
        form = target.form
        named = form is ABSOLUTE or form is AUTHORITY
        if host is None:
            if minor and not (named and self.leniency.missing_host):
                raise RequestError("host", "no Host in an HTTP/1.1 request")
            return True
        if named and host == target.authority:
            return True
        name, port = parse_authority(host)
        if named:
            # RFC 9112 section 3.2.2: a proxy MUST ignore Host and use the host of an absolute-form target.
            return name == target.host and port in (None, target.port)
        target.host = name
        target.port = port or 0
        target.authority = host
        return True

    def _check_method(self, method: bytes, framing: Framing, length: int | None, end_to_end: Block) -> None:
        if method != b"OPTIONS" and framing is not NONE and length != 0:
            # RFC 9110 sections 9.3.6 and 9.3.8; some clients send CONNECT with "Content-Length: 0".
            raise RequestError("content", "content in a request whose method has none")
        counts = field_values(split_block(end_to_end), b"max-forwards")
        if method != b"CONNECT" and counts and not _is_count(b", ".join(counts)):
            raise RequestError("max_forwards", "Max-Forwards that is not one number")

    def _switched(self) -> RequestHead | None:
        raise LocalProtocolError("the connection belongs to the tunnel; resume() goes on after a refusal")

    def _read_eof(self) -> RequestHead | None:
        if self._inbox and self._keep_alive:
            raise RequestError("closed", "the peer closed in the middle of a head")
        return None

    def _first_line_error(self, line: bytes) -> HttpError:
        found = _match_any_version(line)
        if found is None:
            return RequestError("request_line", "not a request line")
        if found[3] == b"2.0" and found[1] == b"PRI":
            return RequestError("version", "an HTTP/2 preface on an HTTP/1 connection", 505)
        if found[3] not in (b"1.0", b"1.1"):
            return RequestError("version", "a version other than HTTP/1.0 and HTTP/1.1", 505)
        return RequestError("method", "a method that is too long", 501)


_REMEMBERED = 2048
"""Bytes of field lines that a reader keeps, because the next head may repeat them: idle connections are many."""

_SPECIAL_METHODS = frozenset((b"CONNECT", b"OPTIONS", b"TRACE"))


def _expects_continue(control: Control, minor: int) -> bool:
    if minor:
        return b"100-continue" in split_list(control[b"expect"].lower())
    # RFC 9110 section 10.1.1: a server MUST ignore that expectation in an HTTP/1.0 request.
    del control[b"expect"]
    return False


def _read_upgrade(control: Control) -> tuple[bytes, ...]:
    """RFC 9110 section 7.8: 1#protocol; ignored unless Connection names it."""
    protocols = split_list(control.get(b"upgrade", b""))
    if not all(map(_is_protocol, protocols)):
        raise RequestError("upgrade", "Upgrade that is not a list of protocols")
    return tuple(protocols)
