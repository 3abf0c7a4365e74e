"""How long a proxy's four steps per exchange take; run it with the workspace's python.

The heads are a browser's request (9 fields, about 700 bytes) and a small origin's response (6 fields).
"""

import sys
import timeit

from g3_http import (
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    forward_request,
    forward_response,
)

REQUEST = (
    b"GET http://www.example.com/path/to/some/resource?with=query&and=more HTTP/1.1\r\n"
    b"Host: www.example.com\r\n"
    b"Proxy-Connection: keep-alive\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/130.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
    b"Referer: http://www.example.com/path/to/another/resource?with=another&query=string\r\n"
    b"Accept-Encoding: gzip, deflate\r\n"
    b"Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.2.1234567890.1234567890\r\n"
    b"Cache-Control: max-age=0\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: nginx/1.22.1\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"Content-Length: 1024\r\n"
    b"Connection: keep-alive\r\n"
    b"Last-Modified: Fri, 20 Nov 2026 08:00:00 GMT\r\n\r\n"
)
BODY = bytes(1024)
ROUNDS = 20000


def read_request(reader: RequestReader) -> RequestHead | None:
    reader.receive_data(REQUEST)
    return reader.next_event()


def read_response(reader: ResponseReader) -> ResponseHead | None:
    reader.expect(b"GET")
    reader.receive_data(RESPONSE)
    head = reader.next_event()
    reader.skip_body(1024)
    return head


def take_body(reader: ResponseReader) -> bytes:
    reader.expect(b"GET")
    reader.receive_data(RESPONSE + BODY)
    reader.next_event()
    return reader.take_body()


def main() -> None:
    requests, responses = RequestReader(), ResponseReader()
    request, response = read_request(requests), read_response(responses)
    if request is None or response is None:
        raise SystemExit("a head was not read")
    steps = {
        f"read a request head, {len(request.fields)} fields, {request.size} bytes": lambda: read_request(requests),
        "forward it": lambda: forward_request(request),
        f"read a response head, {len(response.fields)} fields, {response.size} bytes": lambda: read_response(responses),
        "forward it ": lambda: forward_response(response),
        "read it with a body of 1024 bytes": lambda: take_body(responses),
    }
    for name, step in steps.items():
        best = min(timeit.repeat(step, number=ROUNDS, repeat=7)) / ROUNDS * 1e6
        sys.stdout.write(f"{name:<50} {best:5.2f} us\n")


if __name__ == "__main__":
    main()
