"""Two requests in one read: the second stays untouched until the body of the first has been taken."""

from g3_http import RequestReader, error_response, parse_credentials

STREAM = (
    b"POST http://example.com/upload HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n"
    b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n5;name=value\r\nhello\r\n0\r\nDigest: none\r\n\r\n"
    b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n(the first bytes of TLS)"
)

reader = RequestReader()
reader.receive_data(STREAM)

upload = reader.next_event()
assert upload is not None
print(upload)
print(parse_credentials(upload.control[b"proxy-authorization"]))
print(reader.take_content(), reader.trailers)  # take_body() would have kept the chunks for the next hop
assert reader.body_ended

tunnel = reader.next_event()
assert tunnel is not None
print(tunnel.target.host, tunnel.target.port)
print(reader.take_unread())  # belongs to the tunnel; after a refusal resume() would read on
print(error_response(407, fields=[(b"Proxy-Authenticate", b'Basic realm="example"')]).split(b"\r\n")[0])
