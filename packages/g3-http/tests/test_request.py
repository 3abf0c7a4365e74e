"""Request heads: what is made of fields, methods and versions, with and without leniency."""

import pytest
from g3_http import Form, Framing, HttpError, Leniency, Limits, RequestError, RequestHead, RequestReader, Target
from g3_machine import LocalProtocolError

STOPPED = r"^the connection belongs to the tunnel; resume\(\) goes on after a refusal$"


def read(stream: bytes, leniency: Leniency | None = None) -> RequestHead:
    reader = RequestReader(Limits(), leniency or Leniency())
    reader.receive_data(stream)
    head = reader.next_event()
    assert head is not None
    return head


def get(*lines: bytes, first: bytes = b"GET / HTTP/1.1", leniency: Leniency | None = None) -> RequestHead:
    return read(b"\r\n".join([first, *lines, b"", b""]), leniency)


def fault(*lines: bytes, first: bytes = b"GET / HTTP/1.1", leniency: Leniency | None = None) -> tuple[str, int, str]:
    with pytest.raises(RequestError) as caught:
        get(*lines, first=first, leniency=leniency)
    return caught.value.reason, caught.value.status, str(caught.value)


def test_all_of_a_head() -> None:
    stream = (
        b"POST http://A.example:81/b?c HTTP/1.1\r\nhost: a.example:81\r\nX-One: 1\r\nConnection: upgrade, x-two\r\n"
        b"X-Two: 2\r\nUpgrade: websocket\r\nExpect: 100-continue\r\nContent-Length: 5\r\nx-one: 3\r\n\r\n"
    )
    assert read(stream) == RequestHead(
        method=b"POST",
        target=Target(Form.ABSOLUTE, b"http", "a.example", 81, b"/b?c", b"A.example:81"),
        minor=1,
        block=(
            b"\nhost: a.example:81\r\nX-One: 1\r\nConnection: upgrade, x-two\r\nX-Two: 2\r\nUpgrade: websocket\r\n"
            b"Expect: 100-continue\r\nContent-Length: 5\r\nx-one: 3\r\n"
        ),
        end_to_end_block=b"\nX-One: 1\r\nx-one: 3\r\n",
        control={
            b"host": b"a.example:81",
            b"connection": b"upgrade, x-two",
            b"upgrade": b"websocket",
            b"expect": b"100-continue",
            b"content-length": b"5",
        },
        framing=Framing.LENGTH,
        content_length=5,
        keep_alive=True,
        expect_continue=True,
        upgrade=(b"websocket",),
        host_matches=True,
        size=len(stream),
    )


def test_the_least_of_a_head() -> None:
    head = read(b"GET / HTTP/1.0\r\n\r\n")
    assert head == RequestHead(
        b"GET",
        Target(Form.ORIGIN, b"", "", 0, b"/", b""),
        0,
        b"\n",
        b"\n",
        {},
        Framing.NONE,
        None,
        False,
        False,
        (),
        True,
        18,
    )
    assert head.host is None


def test_repr() -> None:
    assert repr(get(b"Host: b:1", b"Cookie: secret", first=b"PUT ftp://u:p@a/secret HTTP/1.1")) == (
        "<RequestHead PUT absolute a:21 HTTP/1.1, 2 fields, body none>"
    )


def test_origin_form_takes_its_host_from_the_field() -> None:
    head = get(b"Host: A:81")
    assert head.host == b"A:81"
    assert (head.target.host, head.target.port, head.target.authority) == ("a", 81, b"A:81")
    assert head.host_matches is True
    assert get(b"Host: a").target.port == 0
    assert get(b"Host: a", first=b"OPTIONS * HTTP/1.1").target.host == "a"


def test_other_forms_do_not() -> None:
    head = get(b"Host: b", first=b"GET http://a/ HTTP/1.1")
    assert (head.target.host, head.target.authority, head.host) == ("a", b"a", b"b")


@pytest.mark.parametrize(
    ("host", "matches"),
    [(b"a:81", True), (b"A:81", True), (b"a", True), (b"a:", True), (b"a:80", False), (b"b:81", False), (b"b", False)],
)
@pytest.mark.parametrize(
    "first", [b"GET http://a:81/ HTTP/1.1", b"CONNECT a:81 HTTP/1.1", b"GET http://A:81/ HTTP/1.0"]
)
def test_host_matches(first: bytes, host: bytes, matches: bool) -> None:
    assert get(b"Host: " + host, first=first).host_matches == matches


def test_a_malformed_host_is_refused_even_if_it_equals_the_target() -> None:
    assert fault(b"Host: a@b", first=b"GET ftp://u@a@b/ HTTP/1.1")[0] == "target"
    assert fault(b"Host: a,a", first=b"GET http://a/ HTTP/1.1") == ("host", 400, "not a host with an optional port")


def test_missing_host() -> None:
    lenient = Leniency(missing_host=True)
    no = ("host", 400, "no Host in an HTTP/1.1 request")
    for first in (b"GET http://a/ HTTP/1.1", b"CONNECT a:1 HTTP/1.1"):
        assert fault(first=first) == no
        head = get(first=first, leniency=lenient)
        assert (head.host, head.host_matches, head.target.host) == (None, True, "a")
    for first in (b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1"):
        assert fault(first=first, leniency=lenient) == no
    assert get(first=b"OPTIONS * HTTP/1.0").host is None


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        ([], True),
        ([b"Connection: close"], False),
        ([b"Proxy-Connection: close"], False),
        ([b"Connection: keep-alive", b"Proxy-Connection: close"], False),
        ([b"Connection: close", b"Proxy-Connection: keep-alive"], False),
        ([b"Connection: x", b"Proxy-Connection: keep-alive"], True),
    ],
)
def test_keep_alive(lines: list[bytes], keep_alive: bool) -> None:
    assert get(b"Host: a", *lines).keep_alive == keep_alive
    assert not get(b"Host: a", *lines, first=b"GET / HTTP/1.0").keep_alive


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        ([], False),
        ([b"Connection: keep-alive"], True),
        ([b"Proxy-Connection: Keep-Alive"], True),
        ([b"Connection: keep-alive, close"], False),
        ([b"Connection: close", b"Proxy-Connection: Keep-Alive"], False),
    ],
)
def test_http10_keep_alive_with_leniency(lines: list[bytes], keep_alive: bool) -> None:
    lenient = Leniency(http10_keep_alive=True)
    assert get(*lines, first=b"GET / HTTP/1.0", leniency=lenient).keep_alive == keep_alive


def test_expectations() -> None:
    assert get(b"Host: a", b"Expect: x, 100-CONTINUE").expect_continue
    other = get(b"Host: a", b"Expect: 100-continue-not")
    assert not other.expect_continue
    assert other.control[b"expect"] == b"100-continue-not"
    old = get(b"Expect: 100-continue", first=b"POST / HTTP/1.0")
    assert not old.expect_continue
    assert old.control == {}


def test_upgrades() -> None:
    assert get(b"Host: a", b"Connection: Upgrade", b"Upgrade: a/1, b", b"Upgrade: c").upgrade == (b"a/1", b"b", b"c")
    assert get(b"Host: a", b"Upgrade: a").upgrade == ()
    assert get(b"Host: a", b"Connection: upgrade").upgrade == ()
    assert get(b"Connection: upgrade", b"Upgrade: a", first=b"GET / HTTP/1.0").upgrade == ()
    for value in (b"a b", b"a/", b"/a", b"a/b/c", b"a@", b"a, (b)"):
        lines = (b"Host: a", b"Connection: upgrade", b"Upgrade: " + value)
        assert fault(*lines) == ("upgrade", 400, "Upgrade that is not a list of protocols")


def test_content_where_there_is_none() -> None:
    no = ("content", 400, "content in a request whose method has none")
    for first in (b"TRACE / HTTP/1.1", b"CONNECT a:1 HTTP/1.1"):
        assert fault(b"Host: a", b"Content-Length: 1", first=first) == no
        assert fault(b"Host: a", b"Transfer-Encoding: chunked", first=first) == no
        assert get(b"Host: a", b"Content-Length: 0", first=first).content_length == 0
        assert get(b"Host: a", first=first).framing is Framing.NONE
    assert get(b"Host: a", b"Content-Length: 1", first=b"OPTIONS / HTTP/1.1").content_length == 1


def test_max_forwards() -> None:
    for method in (b"OPTIONS", b"TRACE"):
        first = method + b" / HTTP/1.1"
        assert get(b"Host: a", b"max-forwards: 07", first=first).max_forwards == 7
        assert get(b"Host: a", first=first).max_forwards is None
        for lines in ([b"Max-Forwards: -1"], [b"Max-Forwards:"], [b"Max-Forwards: 1", b"Max-Forwards: 1"]):
            assert fault(b"Host: a", *lines, first=first) == (
                "max_forwards",
                400,
                "Max-Forwards that is not one number",
            )
    assert get(b"Host: a", b"Max-Forwards: -1").max_forwards is None
    assert get(b"Host: a", b"Max-Forwards: -1", first=b"CONNECT a:1 HTTP/1.1").max_forwards is None


def test_leniency_with_targets() -> None:
    assert fault(b"Host: a", first=b"GET /| HTTP/1.1")[0] == "target"
    assert get(b"Host: a", first=b"GET /| HTTP/1.1", leniency=Leniency(raw_target=True)).target.path == b"/|"


def test_pipelining() -> None:
    reader = RequestReader()
    reader.receive_data(
        b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiPOST /2 HTTP/1.1\r\nHost: a\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    paths, bodies = [], []
    while (head := reader.next_event()) is not None:
        paths.append(head.target.path)
        bodies.append(reader.take_body())
    assert paths == [b"/1", b"/2", b"/3"]
    assert bodies == [b"hi", b"1\r\nx\r\n0\r\n\r\n", b""]
    reader.receive_eof()
    assert reader.next_event() is None
    assert reader.next_event() is None


def test_connect_stops_the_reader() -> None:
    reader = RequestReader()
    reader.receive_data(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nearly")
    assert reader.next_event() is not None
    with pytest.raises(LocalProtocolError, match=STOPPED):
        reader.next_event()
    reader.receive_eof()
    with pytest.raises(LocalProtocolError, match=STOPPED):
        reader.next_event()
    assert reader.take_unread() == b"early"


def test_a_refused_connect() -> None:
    reader = RequestReader()
    connect = b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n"
    reader.receive_data(connect + connect)
    for _ in range(2):
        head = reader.next_event()
        assert head is not None
        assert head.method == b"CONNECT"
        reader.resume()
    assert reader.next_event() is None


def test_nothing_is_read_after_close() -> None:
    reader = RequestReader()
    reader.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\x00")
    assert reader.next_event() is not None
    assert reader.next_event() is None
    reader.receive_eof()
    assert reader.next_event() is None
    assert reader.take_unread() == b"\x00"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"GET /", ("request_line", 400, "not a request line")),
        (b"PRI * HTTP/2.0", ("version", 505, "an HTTP/2 preface on an HTTP/1 connection")),
        (b"GET * HTTP/2.0", ("version", 505, "a version other than HTTP/1.0 and HTTP/1.1")),
        (b"PRI * HTTP/1.2", ("version", 505, "a version other than HTTP/1.0 and HTTP/1.1")),
        (b"GET / HTTP/0.9", ("version", 505, "a version other than HTTP/1.0 and HTTP/1.1")),
        (b"M" * 65 + b" / HTTP/1.1", ("method", 501, "a method that is too long")),
        (b"M" * 65 + b" / HTTP/1.0", ("method", 501, "a method that is too long")),
        (b"M" * 65 + b" / HTTP/1.2", ("version", 505, "a version other than HTTP/1.0 and HTTP/1.1")),
    ],
)
def test_first_lines(line: bytes, fault: tuple[str, int, str]) -> None:
    reader = RequestReader()
    reader.receive_data(line + b"\r\n")
    with pytest.raises(HttpError) as caught:
        reader.next_event()
    assert (caught.value.reason, caught.value.status, str(caught.value)) == fault


def test_closed_in_a_head() -> None:
    reader = RequestReader()
    reader.receive_data(b"\r\nG")
    reader.receive_eof()
    with pytest.raises(RequestError, match=r"^the peer closed in the middle of a head$") as caught:
        reader.next_event()
    assert (caught.value.reason, caught.value.status) == ("closed", 400)


def test_closed_after_empty_lines() -> None:
    reader = RequestReader()
    reader.receive_data(b"\r\n\r\n")
    reader.receive_eof()
    assert reader.next_event() is None


def test_the_body_comes_before_the_next_request() -> None:
    reader = RequestReader()
    reader.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert reader.next_event() is not None
    with pytest.raises(LocalProtocolError, match=r"^the body of the message before has not been taken$"):
        reader.next_event()
    assert reader.take_body() == b"x"
    assert reader.next_event() is not None
