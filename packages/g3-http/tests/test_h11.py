"""h11 as the oracle: what it refuses we refuse, and what both accept means the same to both.

Ours is stricter in many places and looser in none but three, which the RFCs ask for: empty lines before a request line
(RFC 9112 section 2.2; switched off here), whatever lies behind ``Connection: close`` (section 9.6), and the framing
fields of a response that opens a tunnel (RFC 9110 section 9.3.6: a client MUST ignore them).
"""

from dataclasses import dataclass, field

import h11
from g3_http import HttpError, RequestReader, ResponseReader, parse_target
from g3_machine.testing.strategies import mutations
from hypothesis import assume, given, settings
from hypothesis import strategies as st

MANY = settings(max_examples=6 * settings().max_examples)
BIG = 1 << 20


@dataclass
class Message:
    """What a reader says about one message."""

    first: tuple[bytes, ...]
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    whole: bool = False


def ask_h11(stream: bytes, role: type[h11.CLIENT] | type[h11.SERVER], method: bytes) -> tuple[list[Message], bool]:
    """The messages that h11 reads, and whether it refuses the rest."""
    messages: list[Message] = []
    connection = h11.Connection(role, max_incomplete_event_size=BIG)
    if role is h11.CLIENT:
        connection.send(
            h11.Request(method=method, target=b"/" if method != b"CONNECT" else b"a:1", headers=[("Host", "a")])
        )
        connection.send(h11.EndOfMessage())
    connection.receive_data(stream)
    connection.receive_data(b"")
    try:
        while True:
            match connection.next_event():
                case h11.Request() as head:
                    first = (head.method, head.target, head.http_version)
                    messages.append(Message(first, list(head.headers.raw_items())))
                case h11.InformationalResponse() as head:
                    first = (b"%d" % head.status_code, head.reason, head.http_version)
                    messages.append(Message(first, list(head.headers.raw_items()), whole=True))
                case h11.Response() as head:
                    first = (b"%d" % head.status_code, head.reason, head.http_version)
                    messages.append(Message(first, list(head.headers.raw_items())))
                case h11.Data(data=data):
                    messages[-1].body += bytes(data)
                case h11.EndOfMessage(headers=headers):
                    messages[-1].trailers = list(headers.raw_items())
                    messages[-1].whole = True
                    if role is h11.CLIENT:
                        return messages, False
                case h11.PAUSED:
                    messages[-1].whole = True
                    if role is h11.CLIENT:  # a tunnel begins
                        return messages, False
                    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                        return messages, False
                    connection.start_next_cycle()
                case _:
                    return messages, False
    except h11.RemoteProtocolError:
        return messages, True


class WithoutEmptyLines(RequestReader):
    """h11 allows none before a request line."""

    _empty_lines_allowed = 0


def ask_requests(stream: bytes) -> tuple[list[Message], bool]:
    """The messages that our server side reads, and whether it refuses the rest."""
    messages: list[Message] = []
    reader = WithoutEmptyLines()
    reader.receive_data(stream)
    reader.receive_eof()
    try:
        while (head := reader.next_event()) is not None:
            version = b"1.%d" % head.minor
            messages.append(Message((head.method, head.target.uri, version), head.fields))
            read_body(reader, messages[-1])
    except HttpError:
        return messages, True
    return messages, False


def ask_responses(stream: bytes, method: bytes) -> tuple[list[Message], bool]:
    """The messages that our client side reads, and whether it refuses the rest."""
    messages: list[Message] = []
    reader = ResponseReader()
    reader.expect(method)
    reader.receive_data(stream)
    reader.receive_eof()
    try:
        while (head := reader.next_event()) is not None:
            messages.append(Message((b"%d" % head.status, head.reason, b"1.%d" % head.minor), head.fields))
            read_body(reader, messages[-1])
            if not head.interim:
                break
    except HttpError:
        return messages, True
    return messages, False


def read_body(reader: RequestReader | ResponseReader, message: Message) -> None:
    while not reader.body_ended:
        message.body += reader.take_content(7)
    message.trailers = reader.trailers
    message.whole = True


def normal(message: Message) -> Message:
    """Without the differences that mean nothing: h11 lowers the coding, we lower the scheme."""
    first = message.first
    if not first[0].isdigit():
        first = (first[0], parse_target(first[1], first[0]).uri, first[2])
    fields = [
        (name, value.lower() if name.lower() == b"transfer-encoding" else value) for name, value in message.fields
    ]
    return Message(first, fields, message.body, message.trailers, message.whole)


def compare(ours: tuple[list[Message], bool], theirs: tuple[list[Message], bool], stream: bytes) -> None:
    """Each message that we accept is one that h11 has accepted, word for word."""
    accepted = [normal(message) for message in ours[0] if message.whole]
    oracle = [normal(message) for message in theirs[0][: len(accepted)]]
    assert accepted == oracle, f"{stream!r}: {ours!r} and {theirs!r}"


TOKENS = st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"X-Y", b"get", b"TRACE"])
TARGETS = st.sampled_from(
    [b"/", b"/a?b=%20", b"*", b"http://a/", b"HTTP://a:80/b?c", b"/a b", b"/#", b"/\xe9", b"a:1", b""]
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0"] * 3 + [b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/11"])
LINES = st.sampled_from(
    [
        b"Content-Length: 5",
        b"content-length:5",
        b"Content-Length: 05",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: 5 ",
        b"Content-Length: 0",
        b"Content-Length: ",
        b"Content-Length: 0x5",
        b"Content-Length : 5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding:\tchunked\t",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding:",
        b"Connection: close",
        b"Connection: keep-alive, X",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Host: b",
        b"X: y",
        b"X:",
        b"X: a\tb \xff",
        b"X: a\x0bb",
        b"X: a\x00b",
        b"X: a\rb",
        b" folded",
        b"\tfolded",
        b": no name",
        b"no colon",
        b"A B: c",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\r\n", b"", b" \r\n", b"\t\r\n", b"\r\n "])
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"hello world",
        b"5\r\nhello\r\n0\r\n\r\n",
        b'5;a=b\r\nhello\r\n3;c="d"\r\nwor\r\n0;e\r\nT: u\r\n\r\n',
        b"0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"5\r\nhello\r\n0\r\nT : u\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX\r\n\r\n",
        b"5\r\nhello",
    ]
)


CHUNKS = [b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b'1;a=b\r\nx\r\n0A;c="d"\r\n0123456789\r\n00\r\nT: u\r\n\r\n']
FITTING = st.sampled_from(
    [
        (b"X: y", b""),
        (b"Content-Length: 5", b"hello"),
        (b"content-length:\t05 ", b"hello"),
        (b"Content-Length: 0", b""),
        *((b"Transfer-Encoding: chunked", body) for body in CHUNKS),
    ]
)
GOOD_LINES = st.sampled_from([b"X: y", b"x:", b"X: a\tb \xff", b"Connection: keep-alive, X", b"Expect: 100-continue"])


@st.composite
def messages(draw: st.DrawFn, first: st.SearchStrategy[bytes]) -> bytes:
    """A message that is good, or has one fault, or is made of lines and bodies that need not fit."""
    framing, body = draw(FITTING)
    lines = [draw(first), b"Host: a", framing, *draw(st.lists(GOOD_LINES, max_size=2))]
    ends = [b"\r\n"] * (len(lines) + 1)
    match draw(st.integers(0, 5)):
        case 0:
            ends[draw(st.integers(0, len(lines)))] = draw(ENDS)
        case 1:
            lines.insert(draw(st.integers(1, len(lines))), draw(LINES))
            ends.append(b"\r\n")
        case 2:
            body = draw(BODIES)
        case 3:
            lines[2] = draw(LINES)
        case 4:
            del lines[1]
            ends.pop()
    return b"".join(line + end for line, end in zip([*lines, b""], ends, strict=True)) + body


@st.composite
def request_lines(draw: st.DrawFn) -> bytes:
    good = draw(st.integers(0, 4))
    target = draw(TARGETS) if not good else draw(st.sampled_from([b"/", b"/a?b=%20", b"http://a/", b"HTTP://a:80/b?c"]))
    return draw(TOKENS) + b" " + target + b" " + (b"HTTP/1.1" if good > 1 else draw(VERSIONS))


@st.composite
def status_lines(draw: st.DrawFn) -> bytes:
    good = draw(st.integers(0, 3))
    status = draw(st.sampled_from([b"200", b"100", b"103", b"204", b"304", b"404", b"999"]))
    reason = draw(st.sampled_from([b" OK", b" ", b" a\tb", b"  x"]))
    if not good:
        status = draw(st.sampled_from([b"099", b"20", b"2000", b"101"]))
    if good == 1:
        reason = draw(st.sampled_from([b"", b" a\x00b"]))
    return (b"HTTP/1.1" if good > 1 else draw(VERSIONS)) + b" " + status + reason


REQUESTS = st.lists(messages(request_lines()), min_size=1, max_size=2).map(b"".join)
RESPONSES = st.lists(messages(status_lines()), min_size=1, max_size=2).map(b"".join)


@MANY
@given(REQUESTS | mutations(REQUESTS))
def test_requests(stream: bytes) -> None:
    ours = ask_requests(stream)
    compare(ours, ask_h11(stream, h11.SERVER, b""), stream)


@MANY
@given(RESPONSES | mutations(RESPONSES), st.sampled_from([b"GET", b"GET", b"HEAD", b"CONNECT"]))
def test_responses(stream: bytes, method: bytes) -> None:
    ours = ask_responses(stream, method)
    if method == b"CONNECT":
        granted = [message for message in ours[0] if message.first[0].startswith(b"2")]
        names = {name.lower() for message in granted for name, _ in message.fields}
        assume(not names & {b"content-length", b"transfer-encoding"})
    compare(ours, ask_h11(stream, h11.CLIENT, method), stream)


def test_the_oracle_agrees_on_good_streams() -> None:
    """Neither side of the comparison is empty by mistake."""
    stream = (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: u\r\n\r\n"
        b"PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    )
    ours, theirs = ask_requests(stream), ask_h11(stream, h11.SERVER, b"")
    assert [message.body for message in ours[0]] == [b"hello", b"hi"]
    assert ours[0][0].trailers == [(b"T", b"u")]
    assert [normal(message) for message in ours[0]] == [normal(message) for message in theirs[0]]
    stream = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 \r\nX: y\r\n\r\nuntil the end"
    ours, theirs = ask_responses(stream, b"GET"), ask_h11(stream, h11.CLIENT, b"GET")
    assert [message.first[0] for message in ours[0]] == [b"103", b"200"]
    assert ours[0][1].body == b"until the end"
    assert [normal(message) for message in ours[0]] == [normal(message) for message in theirs[0]]
