"""What a proxy must not forward: each of these requests has two readings, and is refused with a ready answer."""

from g3_http import RequestError, RequestReader

POST = b"POST / HTTP/1.1\r\nHost: example.com\r\n"
AMBIGUOUS = {
    "two kinds of framing": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\nhello",
    "a coding that is nearly chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "whitespace before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "two hosts": POST + b"Host: other.example\r\n\r\n",
    "a line feed for CRLF": b"GET / HTTP/1.1\nHost: example.com\r\n\r\n",
    "chunk data without its CRLF": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "a line feed in a chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
}

for what, stream in AMBIGUOUS.items():
    reader = RequestReader()
    reader.receive_data(stream)
    try:
        if reader.next_event():
            while not reader.body_ended:
                reader.take_body()
    except RequestError as fault:
        answer = reader.data_to_send().partition(b"\r\n")[0].decode()
        print(f"{what}: {fault.reason}, {fault}; {answer}")
    else:
        raise SystemExit(f"{what} was let through")
