"""A tunnel to the origin through the HTTPS proxy at HOST PORT: one request in it for each line of the input.

For each it prints the status and the common name of the certificate that the proxy has shown.
"""

import http.client
import socket
import ssl
import sys
from typing import Any


def main(host: str, port: str) -> None:
    context = ssl.create_default_context(cafile="/srv/tls/authority.crt")
    proxy = context.wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host)
    proxy.sendall(b"CONNECT origin.g3.test:80 HTTP/1.1\r\nHost: origin.g3.test:80\r\n\r\n")
    reply = b""
    while not reply.endswith(b"\r\n\r\n"):
        reply += proxy.recv(1)
    certificate: Any = proxy.getpeercert()
    subject = dict(pair for (pair,) in certificate["subject"])
    tunnel = http.client.HTTPConnection("origin.g3.test")
    tunnel.sock = proxy
    for _ in sys.stdin:
        tunnel.request("GET", "/hello.txt")
        response = tunnel.getresponse()
        response.read()
        print(response.status, subject["commonName"], flush=True)


main(*sys.argv[1:])
