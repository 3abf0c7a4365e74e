"""Keys of http_proxy that change little things: limits of heads and lines, Host, the URI in the log."""

from typing import Any

import pytest
from loopback import run
from proxy import origin, proxy, replying, talk

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def request(port: int, *more: bytes, body: bytes = b"", method: bytes = b"GET", host: bytes = b"a.test:80") -> bytes:
    lines = b"".join(line + b"\r\n" for line in (b"Host: " + host, b"Connection: close", *more))
    return b"%b http://127.0.0.1:%d/a/long/path HTTP/1.1\r\n%b\r\n%b" % (method, port, lines, body)


def exchange(
    http: dict[str, Any], *more: bytes, reply: bytes = OK, **of_request: Any
) -> tuple[bytes, list[bytes], dict[str, Any]]:
    """One request; the response, the heads that the origin got, the log record."""

    async def main() -> tuple[bytes, list[bytes], dict[str, Any]]:
        handler, heads = replying(reply)
        async with proxy(http=http) as p, origin(handler) as (_, port):
            response = await talk(p.http, request(port, *more, **of_request))
            return response, heads, await p.task_record()

    return run(main())


@pytest.mark.parametrize(
    ("drop", "host", "sent"),
    [
        (False, b"a.test:80", b"a.test:80"),
        (True, b"a.test:80", b"a.test"),
        (True, b"a.test:8080", b"a.test:8080"),
        (True, b"a.test:443", b"a.test:443"),
    ],
)
def test_drop_default_port_in_host(drop: bool, host: bytes, sent: bytes) -> None:
    _, heads, _ = exchange({"drop_default_port_in_host": drop}, host=host)
    assert b"\r\nHost: " + sent + b"\r\n" in heads[0]


@pytest.mark.parametrize(("more", "status"), [(0, b"200"), (1, b"502")])
def test_rsp_header_max_size(more: int, status: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + b"x" * (200 - 43 + more) + b"\r\n\r\n"
    assert len(head) == 200 + more
    response, _, record = exchange({"rsp_header_max_size": 200}, reply=head + b"ok")
    assert response.split(b" ")[1] == status
    assert record["reason"] == ("InvalidUpstreamProtocol" if more else "Finished")


@pytest.mark.parametrize(("more", "reason"), [(0, "Finished"), (1, "InvalidUpstreamProtocol")])
def test_body_line_max_length_of_responses(more: int, reason: str) -> None:
    line = b"2;" + b"x" * (30 - 4 + more) + b"\r\n"
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line + b"ok\r\n0\r\n\r\n"
    response, _, record = exchange({"body_line_max_length": 30}, reply=reply)
    assert response.endswith(b"0\r\n\r\n") is (not more)
    assert record["reason"] == reason


@pytest.mark.parametrize(("more", "reason"), [(0, "Finished"), (1, "InvalidClientProtocol")])
def test_body_line_max_length_of_requests(more: int, reason: str) -> None:
    body = b"2;" + b"x" * (30 - 4 + more) + b"\r\nok\r\n0\r\n\r\n"
    _, _, record = exchange({"body_line_max_length": 30}, b"Transfer-Encoding: chunked", method=b"POST", body=body)
    assert record["reason"] == reason


@pytest.mark.parametrize("chars", [0, 1, 10, 1024])
def test_log_uri_max_chars(chars: int) -> None:
    _, _, record = exchange({"log_uri_max_chars": chars})
    uri = f"http://{record['upstream']}/a/long/path"
    assert record["uri"] == uri[:chars]
