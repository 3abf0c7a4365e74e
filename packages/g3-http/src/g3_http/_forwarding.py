"""What a proxy makes of a head before it sends it on (RFC 9110 section 7.6, RFC 9112 section 3.2)."""

import re
from collections.abc import Collection, Iterable

from g3_machine import LocalProtocolError

from ._fields import Block, without
from ._framing import CHUNKED, CLOSE, LENGTH, NONE, Framing, split_list
from ._pack import Field, pack_fields
from ._request import RequestHead
from ._response import ResponseHead
from ._target import ABSOLUTE, ORIGIN, Form, Target

_NOTHING: frozenset[bytes] = frozenset()
_sub_max_forwards = re.compile(rb"\n[Mm][Aa][Xx]-[Ff][Oo][Rr][Ww][Aa][Rr][Dd][Ss]: ?+[^\r]*+").sub
_is_host = re.compile(rb"[\x21-\x7e]*+").fullmatch
_DEFAULT_PORT_SUFFIXES = {b"http": b":80", b"https": b":443"}


def forward_request(
    head: RequestHead,
    *,
    target: Target | None = None,
    form: Form = ORIGIN,
    host: bytes | None = None,
    drop_default_port: bool = False,
    keep_alive: bool = True,
    upgrade: bool = False,
    drop: Collection[bytes] = _NOTHING,
    fields: Iterable[Field] = (),
) -> bytes:
    """Return the head of a request as it goes to the next hop, as HTTP/1.1; its body follows as it came.

    Hop-by-hop fields and those that Connection names are gone; Max-Forwards of OPTIONS and TRACE is one less.

    - ``target`` stands for ``head.target``, for example one of `parse_well_known`;
    - ``form`` ABSOLUTE is for a next hop that is a proxy; otherwise the target goes in the form that an origin
      server gets;
    - ``host`` is the value of Host: the target's authority if None, as RFC 9112 section 3.2.2 demands;
      ``head.host`` keeps what the client said;
    - ``drop_default_port`` shortens ``host:80`` of an http target and ``host:443`` of an https one;
    - ``keep_alive`` False adds ``Connection: close``;
    - ``upgrade`` True keeps the Upgrade field;
    - ``drop`` holds the lower-case names of further fields that end here, such as `FORWARDED_FIELDS`;
    - ``fields`` are put at the end, such as Via or Proxy-Authorization.

    Raises LocalProtocolError for a host or fields that would break a line or the framing, for the absolute form of a
    target without a scheme, and for a request whose Max-Forwards is 0.
    """
    if target is None:
        target = head.target
    if host is None:
        host = target.authority
    elif not _is_host(host):
        raise LocalProtocolError("a host that would break the Host field")
    if drop_default_port and host.endswith(suffix := _DEFAULT_PORT_SUFFIXES.get(target.scheme, b" ")):
        host = host[: -len(suffix)]
    uri = _absolute_form(target) if form is ABSOLUTE else target.path or target.authority
    first = b"".join((head.method, b" ", uri, b" HTTP/1.1\r\nHost: ", host))  # half the price of a format
    block = without(head.end_to_end_block, drop) if drop else head.end_to_end_block
    lines: list[bytes] = []
    options = [] if keep_alive else [b"close"]
    if head.method == b"OPTIONS" or head.method == b"TRACE":
        block = _count_hop(block, head)
    if head.framing is LENGTH:
        lines.append(b"Content-Length: %d" % (head.content_length or 0))
    elif head.framing is CHUNKED:
        lines.append(b"Transfer-Encoding: chunked")
    if not _FURTHER.isdisjoint(head.control):
        options += _further_control(lines, head, upgrade)
    return _assemble(first, block, lines, options, fields)


def forward_response(
    head: ResponseHead,
    *,
    framing: Framing | None = None,
    minor: int = 1,
    keep_alive: bool = True,
    upgrade: bool = False,
    drop: Collection[bytes] = _NOTHING,
    fields: Iterable[Field] = (),
) -> bytes:
    """Return the head of a response as it goes to the client, as HTTP/1.1.

    Hop-by-hop fields and those that Connection names are gone.

    - ``framing`` is how the body will be sent, as it came if None; see `client_framing`;
    - ``minor`` is the client's minor version: an HTTP/1.0 client has to be told that its connection persists;
    - ``keep_alive`` False adds ``Connection: close``, as framing CLOSE does;
    - ``upgrade`` True keeps the Upgrade field, for 101 (Switching Protocols) and 426 (Upgrade Required);
    - ``drop`` holds the lower-case names of further fields that end here;
    - ``fields`` are put at the end.

    Raises LocalProtocolError for fields that would break a line or the framing, and for a framing that the body
    cannot have.
    """
    control = head.control
    if framing is None:
        framing = head.framing
    elif framing is not head.framing and (framing in _FIXED or head.framing is NONE):
        raise LocalProtocolError("a framing that this body cannot have")
    first = b"".join((b"HTTP/1.1 ", _CODES[head.status], b" ", head.reason))
    block = without(head.end_to_end_block, drop) if drop else head.end_to_end_block
    lines: list[bytes] = []
    if framing is CHUNKED:
        lines.append(b"Transfer-Encoding: chunked")
        if b"trailer" in control and head.framing is CHUNKED:
            lines.append(b"Trailer: " + control[b"trailer"])
    elif head.content_length is not None:
        lines.append(b"Content-Length: %d" % head.content_length)
    options = []
    if upgrade and b"upgrade" in control:
        lines.append(b"Upgrade: " + control[b"upgrade"])
        options.append(b"Upgrade")
    if head.status >= 200:
        if not keep_alive or framing is CLOSE:
            options.append(b"close")
        elif not minor:
            options.append(b"keep-alive")
    return _assemble(first, block, lines, options, fields)


def client_framing(head: ResponseHead, minor: int) -> Framing:
    """Return the framing in which a client of this minor version gets the body of a response.

    A chunked body goes to an HTTP/1.0 client without its chunks, until the connection closes: send what
    `BodyReader.take_content` gives. A body that ends with the upstream's connection goes to an HTTP/1.1 client in
    chunks, so that a cut-off one cannot pass for a whole one: send it through `pack_chunk`, then `pack_last_chunk`.
    """
    if head.framing is CHUNKED and not minor:
        return CLOSE
    if head.framing is CLOSE and minor:
        return CHUNKED
    return head.framing


_CODES = [b"%03d" % code for code in range(1000)]

_FIXED = (NONE, LENGTH)
"""What no body can be changed to: its length is not known before its end."""


def _absolute_form(target: Target) -> bytes:
    if not target.scheme:
        raise LocalProtocolError("the absolute form of a target without a scheme")
    return target.uri


def _count_hop(block: Block, head: RequestHead) -> Block:
    """RFC 9110 section 7.6.2: an intermediary MUST check and update Max-Forwards before it forwards."""
    left = head.max_forwards
    if left is None:
        return block
    if not left:
        raise LocalProtocolError("Max-Forwards is 0: this request ends here")
    return _sub_max_forwards(b"\nMax-Forwards: %d" % (left - 1), block)


_FURTHER = frozenset((b"expect", b"te", b"trailer", b"upgrade"))


def _further_control(lines: list[bytes], head: RequestHead, upgrade: bool) -> list[bytes]:
    """Pass on what may be passed on of Trailer, Expect, TE and Upgrade; return what Connection has to name."""
    control = head.control
    options = []
    if b"trailer" in control and head.framing is CHUNKED:
        lines.append(b"Trailer: " + control[b"trailer"])
    if b"expect" in control:
        lines.append(b"Expect: " + control[b"expect"])
    if b"te" in control and head.minor and b"trailers" in split_list(control[b"te"].lower()):
        # RFC 9110 section 10.1.4: TE is for one hop, but we pass trailers on and so may pass this promise on.
        lines.append(b"TE: trailers")
        options.append(b"TE")
    if upgrade and head.upgrade:
        lines.append(b"Upgrade: " + b", ".join(head.upgrade))
        options.append(b"Upgrade")
    return options


def _assemble(first: bytes, block: Block, lines: list[bytes], options: list[bytes], fields: Iterable[Field]) -> bytes:
    if options:
        lines.append(b"Connection: " + b", ".join(options))
    added = _pack_added(fields) if fields else b""
    if lines:
        lines.append(added)
        added = b"\r\n".join(lines)
    return b"".join((first, b"\r", block, added, b"\r\n"))


def _pack_added(fields: Iterable[Field]) -> bytes:
    added = list(fields)
    if any(name.lower() in _OURS for name, _ in added):
        raise LocalProtocolError("a field that forwarding writes itself")
    return pack_fields(added)


_OURS = frozenset((b"connection", b"content-length", b"host", b"transfer-encoding"))
