"""Heads as they go to the next hop: exact bytes."""

import pytest
from g3_http import (
    FORWARDED_FIELDS,
    HOP_BY_HOP,
    Field,
    Form,
    Framing,
    Leniency,
    Limits,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    client_framing,
    forward_request,
    forward_response,
    pack_request_head,
    parse_target,
)
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st


def request(*lines: bytes, first: bytes = b"GET http://a/b HTTP/1.1", leniency: Leniency | None = None) -> RequestHead:
    reader = RequestReader(Limits(), leniency or Leniency())
    reader.receive_data(b"\r\n".join([first, *lines, b"", b""]))
    head = reader.next_event()
    assert head is not None
    return head


def response(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK", method: bytes = b"GET") -> ResponseHead:
    reader = ResponseReader()
    reader.expect(method, upgrade=True)
    reader.receive_data(b"\r\n".join([first, *lines, b"", b""]))
    head = reader.next_event()
    assert head is not None
    return head


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def test_a_browsers_request() -> None:
    got = request(
        b"Host: a",
        b"Proxy-Connection: keep-alive",
        b"user-agent: x",
        b"Proxy-Authorization: Basic YTpi",
        b"Cookie: y",
        first=b"GET http://A:80/b?c HTTP/1.1",
    )
    assert forward_request(got) == head(b"GET /b?c HTTP/1.1", b"Host: A:80", b"user-agent: x", b"Cookie: y")


def test_every_hop_by_hop_field_ends_here() -> None:
    lines = [name.title() + b": x" for name in HOP_BY_HOP - {b"transfer-encoding", b"connection"}]
    got = request(b"Host: a", b"X: y", *lines, b"Connection: te")
    assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a", b"X: y")
    answer = response(b"X: y", *lines, b"Content-Length: 0")
    assert forward_response(answer) == head(b"HTTP/1.1 200 OK", b"X: y", b"Content-Length: 0")


@pytest.mark.parametrize(
    ("first", "target"),
    [
        (b"GET /b?c HTTP/1.0", b"/b?c"),
        (b"GET http://a HTTP/1.0", b"/"),
        (b"OPTIONS http://a HTTP/1.1", b"*"),
        (b"OPTIONS http://a/ HTTP/1.1", b"/"),
        (b"OPTIONS * HTTP/1.1", b"*"),
        (b"CONNECT a:1 HTTP/1.1", b"a:1"),
    ],
)
def test_targets_for_an_origin_server(first: bytes, target: bytes) -> None:
    host = b"a:1" if b"CONNECT" in first else b"a"
    assert forward_request(request(b"Host: a", first=first)) == head(
        b"%b %b HTTP/1.1" % (first.split()[0], target), b"Host: " + host
    )


@pytest.mark.parametrize(
    ("first", "target"),
    [
        (b"GET http://A:8/b?c HTTP/1.1", b"http://A:8/b?c"),
        (b"GET HTTPS://A? HTTP/1.1", b"https://A/?"),
        (b"GET ftp://u:p@A HTTP/1.1", b"ftp://A/"),
        (b"OPTIONS http://A HTTP/1.1", b"http://A"),
    ],
)
def test_targets_for_another_proxy(first: bytes, target: bytes) -> None:
    got = forward_request(request(b"Host: x", first=first), form=Form.ABSOLUTE)
    assert got.split(b"\r\n")[:2] == [
        b"%b %b HTTP/1.1" % (first.split()[0], target),
        b"Host: A:8" if b":8" in first else b"Host: A",
    ]


def test_a_target_of_ones_own() -> None:
    got = request(b"Host: proxy", first=b"GET /local HTTP/1.1")
    target = parse_target(b"http://b:81/c")
    assert forward_request(got, target=target) == head(b"GET /c HTTP/1.1", b"Host: b:81")
    assert forward_request(got, target=target, form=Form.ABSOLUTE) == head(b"GET http://b:81/c HTTP/1.1", b"Host: b:81")
    with pytest.raises(LocalProtocolError, match=r"^the absolute form of a target without a scheme$"):
        forward_request(got, form=Form.ABSOLUTE)


def test_host() -> None:
    got = request(b"Host: b:80")
    assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a")
    assert forward_request(got, host=got.host) == head(b"GET /b HTTP/1.1", b"Host: b:80")
    assert forward_request(got, host=b"") == head(b"GET /b HTTP/1.1", b"Host: ")
    for host in (b"a b", b"a\r\nX: y", b"a\n", b"\xe9", b"\x7f"):
        with pytest.raises(LocalProtocolError, match=r"^a host that would break the Host field$"):
            forward_request(got, host=host)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        (b"http://a:80/", b"a"),
        (b"http://a:8080/", b"a:8080"),
        (b"http://a:443/", b"a:443"),
        (b"https://a:443/", b"a"),
        (b"https://a:80/", b"a:80"),
        (b"http://[::80]/", b"[::80]"),
        (b"http://[::80]:80/", b"[::80]"),
        (b"ftp://a:80/", b"a:80"),
        (b"http://a/", b"a"),
    ],
)
def test_default_ports(uri: bytes, host: bytes) -> None:
    got = request(b"Host: a", first=b"GET %b HTTP/1.1" % uri)
    assert forward_request(got, drop_default_port=True) == head(b"GET / HTTP/1.1", b"Host: " + host)
    assert forward_request(got) == head(b"GET / HTTP/1.1", b"Host: " + got.target.authority)


def test_default_port_of_the_clients_own_host() -> None:
    got = request(b"Host: b:80")
    assert b"\r\nHost: b\r\n" in forward_request(got, host=got.host, drop_default_port=True)
    local = request(b"Host: b:80", first=b"GET / HTTP/1.1")
    assert b"\r\nHost: b:80\r\n" in forward_request(local, drop_default_port=True)


def test_bodies_of_requests() -> None:
    for line, kept in (
        (b"content-length: 05", b"Content-Length: 5"),
        (b"Content-Length: 0", b"Content-Length: 0"),
        (b"transfer-encoding: Chunked", b"Transfer-Encoding: chunked"),
    ):
        got = request(b"Host: a", line, b"X: y")
        assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a", b"X: y", kept)


def test_trailer_goes_with_chunks() -> None:
    chunked = request(b"Host: a", b"Trailer: A", b"Transfer-Encoding: chunked", b"trailer: B")
    assert forward_request(chunked) == head(
        b"GET /b HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked", b"Trailer: A, B"
    )
    assert b"Trailer" not in forward_request(request(b"Host: a", b"Trailer: A"))
    named = request(b"Host: a", b"Trailer: A", b"Transfer-Encoding: chunked", b"Connection: trailer")
    assert b"Trailer" not in forward_request(named)


def test_expect() -> None:
    got = request(b"Host: a", b"Expect: 100-continue")
    assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a", b"Expect: 100-continue")
    lonely = request(b"Expect: 100-continue", leniency=Leniency(missing_host=True))
    assert forward_request(lonely) == head(b"GET /b HTTP/1.1", b"Host: a", b"Expect: 100-continue")
    old = request(b"Expect: 100-continue", first=b"GET http://a/b HTTP/1.0")
    assert forward_request(old) == head(b"GET /b HTTP/1.1", b"Host: a")


def test_te() -> None:
    for value in (b"trailers", b"gzip, Trailers"):
        got = request(b"Host: a", b"TE: " + value, b"Connection: TE")
        assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a", b"TE: trailers", b"Connection: TE")
    assert b"TE" not in forward_request(request(b"Host: a", b"TE: gzip"))
    assert b"TE" not in forward_request(request(b"TE: trailers", first=b"GET http://a/ HTTP/1.0"))


def test_upgrade() -> None:
    got = request(b"Host: a", b"Connection: upgrade", b"Upgrade: a, b")
    assert forward_request(got) == head(b"GET /b HTTP/1.1", b"Host: a")
    assert forward_request(got, upgrade=True) == head(
        b"GET /b HTTP/1.1", b"Host: a", b"Upgrade: a, b", b"Connection: Upgrade"
    )
    unnamed = request(b"Host: a", b"Upgrade: a, b")
    assert forward_request(unnamed, upgrade=True) == head(b"GET /b HTTP/1.1", b"Host: a")


def test_connection_options_come_together() -> None:
    got = request(b"Host: a", b"Connection: upgrade, te", b"Upgrade: a", b"TE: trailers")
    assert forward_request(got, upgrade=True, keep_alive=False).endswith(
        b"\r\nTE: trailers\r\nUpgrade: a\r\nConnection: close, TE, Upgrade\r\n\r\n"
    )
    assert forward_request(request(b"Host: a"), keep_alive=False).endswith(b"\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_max_forwards() -> None:
    for method in (b"OPTIONS", b"TRACE"):
        first = method + b" http://a/b HTTP/1.1"
        got = request(b"Host: a", b"X: y", b"mAx-forwards: 010", b"Z: 1", first=first)
        assert forward_request(got) == head(method + b" /b HTTP/1.1", b"Host: a", b"X: y", b"Max-Forwards: 9", b"Z: 1")
        assert forward_request(request(b"Host: a", first=first)) == head(method + b" /b HTTP/1.1", b"Host: a")
        with pytest.raises(LocalProtocolError, match=r"^Max-Forwards is 0: this request ends here$"):
            forward_request(request(b"Host: a", b"Max-Forwards: 0", first=first))
    assert b"Max-Forwards: 5" in forward_request(request(b"Host: a", b"Max-Forwards: 5"))


def test_drop() -> None:
    got = request(b"Host: a", b"X-FORWARDED-FOR: 1", b"X: y", b"Forwarded: for=1", b"X-Forwarded-Forx: 1")
    assert forward_request(got, drop=FORWARDED_FIELDS) == head(
        b"GET /b HTTP/1.1", b"Host: a", b"X: y", b"X-Forwarded-Forx: 1"
    )
    answer = response(b"A: 1", b"X: y", b"Content-Length: 0")
    assert forward_response(answer, drop=[b"a"]) == head(b"HTTP/1.1 200 OK", b"X: y", b"Content-Length: 0")


def test_added_fields() -> None:
    fields = [(b"Via", b"1.1 me"), (b"Proxy-Authorization", b"Basic YTpi")]
    assert forward_request(request(b"Host: a"), fields=fields, keep_alive=False) == head(
        b"GET /b HTTP/1.1", b"Host: a", b"Connection: close", b"Via: 1.1 me", b"Proxy-Authorization: Basic YTpi"
    )
    assert forward_response(response(b"Content-Length: 0"), fields=iter(fields)) == head(
        b"HTTP/1.1 200 OK", b"Content-Length: 0", b"Via: 1.1 me", b"Proxy-Authorization: Basic YTpi"
    )
    assert forward_request(request(b"Host: a"), fields=iter(())) == head(b"GET /b HTTP/1.1", b"Host: a")


@pytest.mark.parametrize("name", [b"Host", b"content-length", b"TRANSFER-ENCODING", b"Connection"])
def test_fields_that_are_not_the_callers_to_add(name: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a field that forwarding writes itself$"):
        forward_request(request(b"Host: a"), fields=[(b"X", b"y"), (name, b"1")])
    with pytest.raises(LocalProtocolError, match=r"^a field that forwarding writes itself$"):
        forward_response(response(), fields=[(name, b"1")])


def test_added_fields_are_checked() -> None:
    with pytest.raises(LocalProtocolError, match=r"^a control character in the value of X$"):
        forward_request(request(b"Host: a"), fields=[(b"X", b"\r\n")])
    with pytest.raises(LocalProtocolError, match=r"^a field name that is not a token$"):
        forward_response(response(), fields=[(b"X ", b"")])


def test_an_origins_response() -> None:
    answer = response(
        b"server: x", b"Keep-Alive: timeout=5", b"Connection: keep-alive, x-a", b"X-A: 1", b"content-length: 05"
    )
    assert forward_response(answer) == head(b"HTTP/1.1 200 OK", b"server: x", b"Content-Length: 5")
    assert forward_response(answer, keep_alive=False) == head(
        b"HTTP/1.1 200 OK", b"server: x", b"Content-Length: 5", b"Connection: close"
    )
    assert forward_response(answer, minor=0) == head(
        b"HTTP/1.1 200 OK", b"server: x", b"Content-Length: 5", b"Connection: keep-alive"
    )
    assert forward_response(answer, minor=0, keep_alive=False) == forward_response(answer, keep_alive=False)


def test_first_lines_of_responses() -> None:
    assert forward_response(response(b"Content-Length: 0", first=b"HTTP/1.0 404 ")) == head(
        b"HTTP/1.1 404 ", b"Content-Length: 0"
    )
    assert forward_response(response(b"Content-Length: 0", first=b"HTTP/1.1 999 a\tb")).startswith(
        b"HTTP/1.1 999 a\tb\r\n"
    )


def test_chunks_to_the_client() -> None:
    answer = response(b"Transfer-Encoding: chunked", b"Trailer: A")
    assert client_framing(answer, 1) is Framing.CHUNKED
    assert forward_response(answer) == head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"Trailer: A")
    assert client_framing(answer, 0) is Framing.CLOSE
    assert forward_response(answer, framing=Framing.CLOSE, minor=0) == head(b"HTTP/1.1 200 OK", b"Connection: close")


def test_until_close_to_the_client() -> None:
    answer = response(b"Trailer: A")
    assert client_framing(answer, 1) is Framing.CHUNKED
    assert forward_response(answer, framing=Framing.CHUNKED) == head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked")
    assert client_framing(answer, 0) is Framing.CLOSE
    assert forward_response(answer) == head(b"HTTP/1.1 200 OK", b"Connection: close")
    assert forward_response(answer, framing=Framing.CLOSE, minor=0) == head(b"HTTP/1.1 200 OK", b"Connection: close")


def test_lengths_to_the_client() -> None:
    answer = response(b"Content-Length: 5")
    assert client_framing(answer, 0) is client_framing(answer, 1) is Framing.LENGTH
    assert forward_response(answer, framing=Framing.LENGTH) == head(b"HTTP/1.1 200 OK", b"Content-Length: 5")
    assert forward_response(answer, framing=Framing.CHUNKED) == head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked")
    assert forward_response(answer, framing=Framing.CLOSE) == head(
        b"HTTP/1.1 200 OK", b"Content-Length: 5", b"Connection: close"
    )


def test_responses_without_bodies() -> None:
    assert forward_response(response(b"Content-Length: 5", method=b"HEAD")) == head(
        b"HTTP/1.1 200 OK", b"Content-Length: 5"
    )
    bare = response(method=b"HEAD")
    assert client_framing(bare, 0) is client_framing(bare, 1) is Framing.NONE
    assert forward_response(bare) == head(b"HTTP/1.1 200 OK")
    assert forward_response(response(b"Content-Length: 0", first=b"HTTP/1.1 204 ")) == head(b"HTTP/1.1 204 ")
    assert forward_response(response(b"Content-Length: 7", first=b"HTTP/1.1 304 x")) == head(
        b"HTTP/1.1 304 x", b"Content-Length: 7"
    )


@pytest.mark.parametrize(
    ("lines", "method", "framing"),
    [
        ([], b"HEAD", Framing.CHUNKED),
        ([], b"HEAD", Framing.CLOSE),
        ([], b"GET", Framing.LENGTH),
        ([], b"GET", Framing.NONE),
        ([b"Transfer-Encoding: chunked"], b"GET", Framing.LENGTH),
        ([b"Content-Length: 5"], b"GET", Framing.NONE),
    ],
)
def test_framings_that_a_body_cannot_have(lines: list[bytes], method: bytes, framing: Framing) -> None:
    with pytest.raises(LocalProtocolError, match=r"^a framing that this body cannot have$"):
        forward_response(response(*lines, method=method), framing=framing)


def test_interim_responses_say_nothing_about_the_connection() -> None:
    for minor in (0, 1):
        for keep_alive in (True, False):
            got = forward_response(
                response(b"Link: x", first=b"HTTP/1.1 103 Early Hints"), minor=minor, keep_alive=keep_alive
            )
            assert got == head(b"HTTP/1.1 103 Early Hints", b"Link: x")
    assert forward_response(response(first=b"HTTP/1.1 199 x"), keep_alive=False) == head(b"HTTP/1.1 199 x")
    assert forward_response(response(b"Content-Length: 0", first=b"HTTP/1.1 200 "), keep_alive=False).endswith(
        b"Connection: close\r\n\r\n"
    )


def test_switching_protocols() -> None:
    answer = response(b"Connection: upgrade", b"Upgrade: a", b"X: y", first=b"HTTP/1.1 101 Go")
    assert forward_response(answer, upgrade=True, keep_alive=False) == head(
        b"HTTP/1.1 101 Go", b"X: y", b"Upgrade: a", b"Connection: Upgrade"
    )
    assert forward_response(answer) == head(b"HTTP/1.1 101 Go", b"X: y")
    needed = response(b"Content-Length: 0", b"Upgrade: a", first=b"HTTP/1.1 426 No")
    assert forward_response(needed, upgrade=True, keep_alive=False) == head(
        b"HTTP/1.1 426 No", b"Content-Length: 0", b"Upgrade: a", b"Connection: Upgrade, close"
    )
    assert forward_response(response(b"Content-Length: 0"), upgrade=True) == head(
        b"HTTP/1.1 200 OK", b"Content-Length: 0"
    )


NAMES = st.sampled_from([b"Accept", b"x-a", b"Connection", b"TE", b"Upgrade", b"Expect", b"Trailer"])
VALUES = st.sampled_from(
    [b"close", b"x-a", b"trailers", b"websocket", b"100-continue", b"upgrade, te", b"", b"x-b, x-a"]
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.booleans(), st.booleans())
def test_what_is_forwarded_is_read_the_same(fields: list[Field], upgrade: bool, keep_alive: bool) -> None:
    """A second proxy finds the same request, and nothing more to remove but what is meant for it."""
    reader = RequestReader()
    reader.receive_data(pack_request_head(b"PUT", b"http://a/b", [(b"Host", b"a"), *fields, (b"Content-Length", b"3")]))
    first = reader.next_event()
    assert first is not None
    reader = RequestReader()
    reader.receive_data(forward_request(first, upgrade=upgrade, keep_alive=keep_alive))
    second = reader.next_event()
    assert second is not None
    assert (second.method, second.target.path, second.host) == (b"PUT", b"/b", b"a")
    assert second.end_to_end == first.end_to_end
    assert second.content_length == 3
    assert second.keep_alive == keep_alive
    assert second.expect_continue == first.expect_continue
    assert second.upgrade == (first.upgrade if upgrade else ())
