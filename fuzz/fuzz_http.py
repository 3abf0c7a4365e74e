"""Hostile bytes for the readers of g3-http, and for its formats.

The first byte of an input picks the reader or the format, the second says where a stream is split and how its bodies
are taken. Documented errors are fine; anything else that is raised is a find, and so are a stream that tells another
story when it is split, and a head that a second proxy reads differently once it has been forwarded.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-http" / "tests" / "vectors"


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    which, how, rest = data[0], data[1], data[2:]
    plays: list[Callable[[bytes, int], None]] = [
        read_requests,
        read_responses,
        read_target,
        read_values,
        ask_for_tunnel,
    ]
    plays[which % len(plays)](rest, how)


def read_requests(stream: bytes, how: int) -> None:
    """Requests, strictly or with all leniency there is."""
    from g3_http import Leniency, Limits, RequestReader

    leniency = Leniency(True, True, True, True) if how & 1 else Leniency()
    story = tell(lambda: telling(RequestReader, how, Limits(head_size=4096, fields=20), leniency), stream, how)
    for head in story.events:
        if isinstance(head, heads()[0]):
            forward_twice(head, leniency)


def read_responses(stream: bytes, how: int) -> None:
    """Responses to three requests in a row."""
    from g3_http import Leniency, Limits, ResponseReader, client_framing, forward_response

    def make() -> Any:
        reader = telling(
            ResponseReader, how, Limits(head_size=4096, fields=20), Leniency(bare_status_line=bool(how & 1))
        )
        for method in ((b"GET", b"HEAD", b"GET"), (b"CONNECT",), (b"HEAD",), (b"POST", b"GET"))[how & 3]:
            reader.expect(method, upgrade=bool(how & 4))
        return reader

    for head in tell(make, stream, how).events:
        if isinstance(head, heads()[1]):
            for minor in (0, 1):
                forward_response(head, framing=client_framing(head, minor), minor=minor)


def ask_for_tunnel(stream: bytes, how: int) -> None:
    """What a proxy may say to CONNECT."""
    from g3_http import ConnectClient, Leniency, Limits

    limits, leniency = Limits(head_size=4096, fields=20), Leniency(bare_status_line=bool(how & 1))
    story = tell(lambda: ConnectClient(b"a.example:443", limits=limits, leniency=leniency), stream, how)
    assert len(story.events) <= 1
    for head in story.events:
        assert head.status >= 200
        assert head.status >= 300 or (head.framing.value, head.keep_alive) == ("none", False)


def telling(base: Any, how: int, *options: Any) -> Any:
    """A reader that tells bodies as events: raw or decoded, all at once or piece by piece."""

    class Telling(base):  # type: ignore[misc]  # one of two readers
        in_body = False

        def next_event(self) -> Any:
            if self.in_body:
                take = self.take_content if how & 16 else self.take_body
                if data := take(how & 7 or None):
                    return data
                if not self.body_ended:
                    return None
                self.in_body = False
                return list(self.trailers)
            head = super().next_event()
            self.in_body = head is not None and not getattr(head, "interim", False)
            return head

    return Telling(*options)


def tell(make: Callable[[], Any], stream: bytes, how: int) -> Any:
    from g3_machine.testing import assert_splits_agree

    return assert_splits_agree(make, stream, over, [how, 2 * how], merge=joined)


def over(reader: Any, event: Any) -> bool:
    return reader._state.__name__ in ("_switched", "_refused") and not isinstance(event, bytes)


def joined(events: list[Any]) -> list[Any]:
    merged: list[Any] = []
    for event in events:
        if isinstance(event, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += event
        else:
            merged.append(event)
    return merged


def heads() -> tuple[type[Any], type[Any]]:
    from g3_http import RequestHead, ResponseHead

    return RequestHead, ResponseHead


def forward_twice(head: Any, leniency: Any) -> None:
    """What a second proxy reads is what the first has read, without what was meant for the first alone."""
    from g3_http import Form, RequestReader, forward_request

    if head.max_forwards == 0:
        return
    forms = [Form.ORIGIN, Form.ABSOLUTE] if head.target.scheme else [Form.ORIGIN]
    for form in forms:
        reader = RequestReader(leniency=leniency)
        reader.receive_data(forward_request(head, form=form, upgrade=True, keep_alive=head.keep_alive))
        if not head.target.authority:
            continue  # an HTTP/1.0 request without Host: the driver has to name one
        second = reader.next_event()
        assert second is not None
        assert (second.method, second.target.path, second.framing) == (head.method, head.target.path, head.framing)
        assert (second.content_length, second.upgrade) == (head.content_length, head.upgrade)
        assert second.expect_continue == head.expect_continue
        assert (second.target.host, second.keep_alive, second.host_matches) == (head.target.host, head.keep_alive, True)
        assert len(second.end_to_end) == len(head.end_to_end)
        assert reader.take_unread() == b""


def read_target(raw: bytes, how: int) -> None:
    """Targets for each kind of method, and the well-known paths among them."""
    from g3_http import Leniency, RequestError, parse_target, parse_well_known

    leniency = Leniency(True, True) if how & 1 else Leniency()
    method = (b"GET", b"OPTIONS", b"CONNECT")[how % 3]
    try:
        target = parse_target(raw, method, leniency)
    except RequestError:
        return
    assert target.port <= 65535
    assert target.host == target.host.lower()
    assert parse_target(target.uri, method, leniency).path == target.path
    try:
        parse_well_known(target, leniency)
    except RequestError as error:
        reason = error.reason
    else:
        reason = "well_known"
    assert reason == "well_known"


def read_values(value: bytes, how: int) -> None:
    """Field values that have a grammar of their own."""
    import g3_http

    name = ("parse_authority", "parse_credentials", "parse_via", "parse_forwarded", "parse_userinfo", "parse_basic")[
        how % 6
    ]
    try:
        found = getattr(g3_http, name)(value)
    except g3_http.RequestError:
        return
    if name == "parse_credentials" and isinstance(found, g3_http.Basic):
        assert g3_http.parse_credentials(g3_http.pack_basic(found.username, found.password)) == found
    g3_http.passed_by([(b"Via", value)], b"proxy")


def seeds() -> Iterator[bytes]:
    """The streams of the package's own test vectors, and a value of each kind."""
    for path in sorted(VECTORS.glob("*.json")):
        for vector in json.loads(path.read_text(encoding="ascii")):
            which = b"\0" if vector["reader"] == "request" else b"\1"
            yield from (which + how + vector["in"].encode("latin-1") for how in (b"\0", b"\x13"))
    for target in (
        b"/.well-known/easy-proxy/http/a/80/b",
        b"/.well-known/masque/http/http%3A%2F%2Fa",
        b"ftp://u:p@a:21/",
    ):
        yield b"\2\0" + target
    yield from (
        b"\3\0[::1]:80",
        b"\3\1Basic YTpi",
        b"\3\1Bearer a.b==",
        b"\3\2HTTP/1.1 a:80 (b (c)), 1.0 d",
        b'\3\3for="[::1]:1";proto=http, for=_x',
        b"\3\4u%40:p",
        b"\3\5YTpi",
        b"\4\0HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nSSH-2.0-x\r\n",
        b"\4\1HTTP/1.0 407\r\nProxy-Authenticate: Basic realm=x\r\n\r\nno",
    )


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_http", "g3_machine"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_http")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
