"""The conversation on one connection, with good clients and bad ones."""

import asyncio
import contextlib
import json
import logging
import queue
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h11
import pytest
from control.fake import PATIENCE, Serving, serving, to_end
from g3proxyd.control import connection
from g3proxyd.control.connection import STATUS, Limits, pack_document
from g3proxyd.control.operations import Kind, OperationError, Reason
from hypothesis import given
from hypothesis import strategies as st


def request(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: g3", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def publish(body: bytes, *lines: str, content_type: str = "application/json") -> bytes:
    lines = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *lines)
    return request("POST", "/v1/escaper/e/publish", *lines, body=body)


VERSION = request("GET", "/v1/version")
LAST_VERSION = request("GET", "/v1/version", "Connection: close")


class Answer:
    """One parsed answer."""

    def __init__(self, head: h11.Response | h11.InformationalResponse, body: bytes) -> None:
        self.status = head.status_code
        self.headers = {name.decode(): value.decode() for name, value in head.headers}
        self.body = body

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.document["error"]["reason"]


def parse(data: bytes, methods: str = "GET") -> list[Answer]:
    """The answers to requests with these methods, until the server closed."""
    answers = []
    for method in methods.split():
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method=method, target="/", headers=[("Host", "g3")]))
        http.send(h11.EndOfMessage())
        http.receive_data(data)
        body = b""
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.Response | h11.InformationalResponse):
                head = event
            else:
                raise AssertionError(event)
        answers.append(Answer(head, body))
        data = http.trailing_data[0]
    assert data == b""
    return answers


def one(data: bytes, method: str = "GET") -> Answer:
    return parse(data, method)[0]


@pytest.fixture
def daemon(folder: Path) -> Iterator[Serving]:
    with serving(folder / "a.sock", limits=Limits(head=2000, body=1000)) as running:
        yield running


HURRY = 0.2
"""Seconds that the hurried server gives a request."""


@pytest.fixture
def hurried(folder: Path) -> Iterator[Serving]:
    """A server that waits hardly at all."""
    with serving(folder / "a.sock", limits=Limits(receive_timeout=HURRY)) as running:
        yield running


def say_at_once(daemon: Serving, data: bytes) -> bytes:
    """As `say`, where the bytes are there before the connection is accepted, however slow this machine is."""

    async def connect() -> socket.socket:
        sock = daemon.connect()
        sock.sendall(data)
        return sock

    with daemon.call(connect()) as sock:
        return to_end(sock)


def test_an_answer(daemon: Serving) -> None:
    answer = one(daemon.say(LAST_VERSION))
    assert answer.status == 200
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "connection": "close",
    }
    assert answer.document["version"] == "1.2.3"


def test_many_requests_on_one_connection(daemon: Serving) -> None:
    with daemon.connect() as sock:
        http = h11.Connection(h11.CLIENT)
        for _ in range(5):
            sock.sendall(VERSION)
            http.send(h11.Request(method="GET", target="/", headers=[("Host", "g3")]))
            http.send(h11.EndOfMessage())
            events = []
            while not isinstance(event := http.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    http.receive_data(sock.recv(65536))
                else:
                    events.append(event)
            assert [type(event) for event in events] == [h11.Response, h11.Data]
            http.start_next_cycle()
    assert daemon.operations.calls == [("version",)] * 5


def test_pipelined_requests(daemon: Serving) -> None:
    answers = parse(daemon.say(VERSION + publish(b"{}") + VERSION + LAST_VERSION), "GET POST GET GET")
    assert [answer.status for answer in answers] == [200] * 4
    assert answers[1].document == {"ok": True}
    assert [call[0] for call in daemon.operations.calls] == ["version", "escaper_publish", "version", "version"]


def test_a_request_byte_by_byte(daemon: Serving) -> None:
    with daemon.connect() as sock:
        for byte in publish('["é"]'.encode(), "Connection: close"):
            sock.send(bytes([byte]))
        assert one(to_end(sock), "POST").status == 200
    assert daemon.operations.calls == [("escaper_publish", "e", '["é"]')]


def test_a_chunked_body(daemon: Serving) -> None:
    lines = ("Content-Type: Application/JSON; charset=UTF-8", "Transfer-Encoding: chunked", "Connection: close")
    data = request("POST", "/v1/escaper/e/publish", *lines, body=b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n")
    assert one(daemon.say(data), "POST").status == 200
    assert daemon.operations.calls == [("escaper_publish", "e", "[]")]


def test_http_1_0(daemon: Serving) -> None:
    answer = one(daemon.say(b"GET /v1/version HTTP/1.0\r\n\r\n"))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_client_that_has_ended_its_half(daemon: Serving) -> None:
    answers = parse(daemon.say(VERSION + VERSION, half_close=True), "GET GET")
    assert [answer.status for answer in answers] == [200, 200]
    assert daemon.say(b"", half_close=True) == b""


def test_expect_100_continue(daemon: Serving) -> None:
    data = publish(b"[1]", "Expect: 100-continue", "Connection: close")
    with daemon.connect() as sock:
        sock.sendall(data[:-3])
        assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
        sock.sendall(data[-3:])
        assert one(to_end(sock), "POST").status == 200


def test_a_body_is_refused_before_it_is_sent(daemon: Serving) -> None:
    data = publish(b"x" * 1001, "Expect: 100-continue")
    assert one(daemon.say(data[:-1001]), "POST").error == (413, "too_large")


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_size_of_a_body(daemon: Serving, size: int, chunked: bool) -> None:
    body = b"[" + b" " * (size - 2) + b"]"
    data = publish(body, "Connection: close")
    if chunked:
        lines = ("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close")
        data = request("POST", "/v1/escaper/e/publish", *lines, body=b"%x\r\n%b\r\n0\r\n\r\n" % (size, body))
    answer = one(daemon.say(data), "POST")
    if size == 1000:
        assert answer.status == 200
    else:
        assert answer.error == (413, "too_large")
        assert answer.document["error"]["message"] == "the body is too large; this path takes at most 1000 bytes"
        assert daemon.operations.calls == []


def test_a_body_where_none_belongs(daemon: Serving) -> None:
    answer = one(daemon.say(request("POST", "/v1/offline", "Content-Length: 1", body=b"x")), "POST")
    assert answer.error == (413, "too_large")
    assert answer.document["error"]["message"] == "the body is too large; this path takes none"
    answer = one(daemon.say(request("POST", "/v1/offline", "Content-Length: 0", "Connection: close")), "POST")
    assert answer.document == {"ok": True}
    assert daemon.operations.calls == [("offline",)]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "application/jsonx"],
)
def test_media_types(daemon: Serving, content_type: str) -> None:
    assert one(daemon.say(publish(b"[]", content_type=content_type)), "POST").error == (415, "media_type")


def test_no_media_type(daemon: Serving) -> None:
    data = request("POST", "/v1/escaper/e/publish", "Content-Length: 2", body=b"[]")
    assert one(daemon.say(data), "POST").error == (415, "media_type")


@pytest.mark.parametrize(
    "content_type", ['application/json; charset="utf-8"', "application/json;x=y", "application/json "]
)
def test_spellings_of_the_media_type(daemon: Serving, content_type: str) -> None:
    data = publish(b"[]", "Connection: close", content_type=content_type)
    assert one(daemon.say(data), "POST").status == 200


def test_a_body_that_is_not_utf8(daemon: Serving) -> None:
    answer = one(daemon.say(publish(b'["\xff"]', "Connection: close")), "POST")
    assert answer.error == (400, "invalid")
    assert answer.document["error"]["message"] == "the body is not UTF-8: byte 2 cannot be there"


def test_refusals_do_not_end_the_connection(daemon: Serving) -> None:
    data = (
        request("GET", "/nothing")
        + request("GET", "/v1/version", "Content-Length: 0")
        + request("HEAD", "/v1/version")
        + request("DELETE", "/v1/version")
        + LAST_VERSION
    )
    answers = parse(daemon.say(data), "GET GET HEAD DELETE GET")
    assert [answer.status for answer in answers] == [404, 200, 405, 405, 200]
    assert answers[2].headers["allow"] == "GET"
    assert answers[2].body == b""


def test_a_bad_request_behind_one_for_the_head(daemon: Serving) -> None:
    answers = parse(daemon.say(request("HEAD", "/v1/version") + b"bad\r\n\r\n"), "HEAD GET")
    assert answers[1].error == (400, "invalid")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /v1/version HTTP/1.1\r\n\r\n", 400),
        (b"GET  /v1/version HTTP/1.1\r\nHost: g3\r\n\r\n", 400),
        (request("POST", "/v1/offline", "Content-Length: 1", "Content-Length: 2"), 400),
        (request("POST", "/v1/offline", "Transfer-Encoding: gzip"), 501),
        (request("GET", "/v1/version", "X: " + "x" * 40_000), 431),
        (b"x" * 40_000, 431),
    ],
)
def test_what_is_not_http(daemon: Serving, data: bytes, status: int) -> None:
    assert one(daemon.say(data)).error == (status, "invalid")
    assert daemon.operations.calls == []


def test_truncated_requests(daemon: Serving) -> None:
    for data, method in ((VERSION[:-3], "GET"), (publish(b"[1]")[:-1], "POST")):
        assert one(daemon.say(data, half_close=True), method).error == (400, "invalid")
    assert daemon.operations.calls == []


def test_the_limits_are_those_of_the_documentation() -> None:
    mebibyte = 1024 * 1024
    assert Limits() == Limits(16 * 1024, 16 * mebibyte, 32, 30.0, 1.0, 1.0)


def test_every_reason_has_a_status(daemon: Serving) -> None:
    statuses = {
        "invalid": 400,
        "not_found": 404,
        "state": 409,
        "unsupported": 409,
        "configuration": 409,
        "resolution": 502,
        "failed": 500,
    }
    assert {reason.value: status for reason, status in STATUS.items()} == statuses
    for reason, status in STATUS.items():
        daemon.operations.failure = OperationError(reason, "why")
        answer = one(daemon.say(LAST_VERSION))
        assert answer.status == status
        assert answer.document == {"error": {"reason": reason.value, "message": "why"}}


def test_details(daemon: Serving) -> None:
    daemon.operations.failure = OperationError(
        Reason.CONFIGURATION, "2 problems", ["a.yml:1:2: x", "b\udcff.yml:3:4: é"]
    )
    document = one(daemon.say(request("POST", "/v1/reload", "Connection: close")), "POST").document
    assert document["error"]["details"] == ["a.yml:1:2: x", "b\udcff.yml:3:4: é"]


def test_a_fault_of_ours_is_logged_and_not_told(daemon: Serving, caplog: pytest.LogCaptureFixture) -> None:
    daemon.operations.failure = OSError("secret")
    answers = parse(daemon.say(VERSION + LAST_VERSION), "GET GET")
    assert [answer.error for answer in answers] == [(500, "internal")] * 2
    assert answers[0].document["error"]["message"] == "a fault in the daemon; its log says more"
    assert b"secret" not in answers[0].body + answers[1].body
    assert "OSError: secret" in caplog.text


def test_silence_ends_the_connection(hurried: Serving) -> None:
    assert hurried.say(b"") == b""
    assert one(say_at_once(hurried, VERSION)).status == 200


@pytest.mark.parametrize("part", [VERSION[:1], VERSION[:-1], publish(b"[1]")[:-1]])
def test_slowness_is_told(hurried: Serving, part: bytes) -> None:
    answer = one(say_at_once(hurried, part), "POST")
    assert answer.error == (408, "timeout")
    assert answer.document["error"]["message"] == f"the request was not complete after {HURRY} seconds"


def test_an_operation_may_take_longer_than_a_request(hurried: Serving) -> None:
    async def slow() -> str:
        await asyncio.sleep(2 * HURRY)
        return "slow"

    hurried.operations.version = slow  # type: ignore[method-assign] # this one takes its time
    assert one(say_at_once(hurried, LAST_VERSION)).document["version"] == "slow"


def test_a_client_that_does_not_read(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=connection.__name__)
    with serving(folder / "a.sock", limits=Limits(send_timeout=0.05)) as daemon:
        daemon.operations.objects = dict.fromkeys(Kind, ("x" * 4_000_000,))
        with daemon.connect() as sock:
            sock.sendall(request("GET", "/v1/server"))
            # The end of the connection, without a byte read: what was sent in part stays in the buffer.
            poll_for_hang_up(sock)
            assert 0 < len(to_end(sock)) < 4_000_000
    assert "a client is gone" in caplog.text


def poll_for_hang_up(sock: socket.socket) -> None:
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    assert poll.poll(PATIENCE * 1000)


def test_a_client_that_leaves_without_its_answer(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=connection.__name__)
    with serving(folder / "a.sock") as daemon:
        daemon.operations.objects = dict.fromkeys(Kind, ("x" * 4_000_000,))
        with daemon.connect() as sock:
            sock.sendall(request("GET", "/v1/server"))
            assert daemon.operations.began.wait(PATIENCE)
        assert one(daemon.say(LAST_VERSION)).status == 200
    assert "a client is gone" in caplog.text


class Successor:
    """Takes handovers."""

    def __init__(self) -> None:
        self.taken: list[tuple[bool, bytes]] = []
        self.failure: Exception | None = None

    def __call__(self, sock: socket.socket, early: bytes) -> None:
        self.taken.append((sock.getblocking(), early))
        if self.failure is not None:
            raise self.failure
        sock.send(b"hello")
        sock.close()


HANDOVER = request("POST", "/v1/handover", "Upgrade: g3-handover", "Connection: upgrade")


def test_a_handover(folder: Path) -> None:
    successor = Successor()
    with serving(folder / "a.sock", handover=successor) as daemon:
        head, _, rest = daemon.say(VERSION + HANDOVER + b"early").partition(b"HTTP/1.1 101")[2].partition(b"\r\n\r\n")
        assert b"upgrade: g3-handover" in head.lower()
        assert rest == b"hello"
        assert successor.taken == [(False, b"early")]


def test_a_socket_that_was_given_away_stays_open(folder: Path) -> None:
    given: queue.Queue[socket.socket] = queue.Queue()
    server = serving(folder / "a.sock", handover=lambda sock, early: given.put(sock))
    with server as daemon, daemon.connect() as sock:
        sock.sendall(HANDOVER)
        with given.get(timeout=PATIENCE) as kept:
            daemon.call(daemon.server.close())
            kept.send(b"alive")
        assert to_end(sock).endswith(b"\r\n\r\nalive")


def test_a_fault_in_a_handover(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    successor = Successor()
    successor.failure = ValueError("a fault")
    with serving(folder / "a.sock", handover=successor) as daemon:
        assert daemon.say(HANDOVER).endswith(b"\r\n\r\n")
        assert one(daemon.say(LAST_VERSION)).status == 200
    assert "ValueError: a fault" in caplog.text


def test_handovers_that_are_refused(folder: Path) -> None:
    with serving(folder / "a.sock", handover=Successor()) as daemon:
        several = request("POST", "/v1/handover", "Upgrade: g3-", "Upgrade: handover")
        for data in (HANDOVER.replace(b"g3-", b"h2-"), request("POST", "/v1/handover"), several):
            answer = one(daemon.say(data, half_close=True), "POST")
            assert answer.error == (426, "upgrade")
            assert answer.headers["upgrade"] == "g3-handover"
        answer = one(daemon.say(HANDOVER.replace(b"POST", b"GET"), half_close=True))
        assert (answer.error, answer.headers["allow"]) == ((405, "method"), "POST")
        assert one(daemon.say(HANDOVER.replace(b"Host", b"Content-Length: 1\r\nHost") + b"x"), "POST").status == 413
    with serving(folder / "a.sock") as daemon:
        assert one(daemon.say(HANDOVER, half_close=True), "POST").error == (409, "unsupported")


def test_another_upgrade_is_ignored(daemon: Serving) -> None:
    answers = parse(daemon.say(request("GET", "/v1/version", "Upgrade: h2c") + LAST_VERSION), "GET GET")
    assert [answer.status for answer in answers] == [200, 200]


def test_curl(daemon: Serving) -> None:
    try:
        subprocess.run(["curl", "--version"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("curl is not there")
    base = ["curl", "-sS", "--max-time", str(int(PATIENCE)), "--unix-socket", str(daemon.path)]
    got = subprocess.run([*base, "http://g3/v1/version"], check=True, capture_output=True, text=True).stdout
    assert json.loads(got)["version"] == "1.2.3"
    line = [*base, "--json", "[]", "http://g3/v1/escaper/e/publish"]
    assert json.loads(subprocess.run(line, check=True, capture_output=True).stdout) == {"ok": True}


def test_documents() -> None:
    assert pack_document(None) == b'{"ok": true}\n'
    assert pack_document({"a": "é\udcff"}) == '{"a": "é\\udcff"}\n'.encode()


PIECES = [
    *(VERSION, LAST_VERSION, publish(b"[1]"), publish(b"\xff"), HANDOVER, request("HEAD", "/v1/version")),
    *(request("POST", "/v1/offline", "Transfer-Encoding: chunked"), b"0\r\n\r\n", b"5\r\nabcde\r\n", b"\r\n", b"\0"),
    request("GET", "/v1/resolver/dns/query?domain=%FF&x=%"),
    request("POST", "/v1/escaper/e/publish", "Expect: 100-continue", "Content-Length: 3"),
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "GET /é HTTP/1.1\r\nHost: g3\r\n\r\n".encode(),
]


def test_any_bytes_are_answered_or_the_connection_ends(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(folder / "a.sock", limits=Limits(head=500, body=500)) as daemon:

        @given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=600), max_size=6).map(b"".join), st.booleans())
        def any_bytes(data: bytes, stay: bool) -> None:
            if stay:
                answers = daemon.say(data, half_close=True)
                assert answers == b"" or answers.startswith(b"HTTP/1.1 ")
            else:
                with daemon.connect() as sock, contextlib.suppress(BrokenPipeError):
                    sock.sendall(data)
            assert one(daemon.say(LAST_VERSION)).status == 200

        any_bytes()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
