"""A WebSocket conversation with the echo server: PROXY:PORT and the way through it.

forward     the proxy forwards the request that asks for the upgrade
connect     the proxy opens a tunnel
direct      what listens there knows where to go
"""

import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from websockets.client import ClientConnection
from websockets.frames import OP_BINARY, OP_TEXT
from websockets.uri import parse_uri

URL = "ws://origin.g3.test:8765/"


def main(proxy: str, way: str) -> None:
    host, _, port = proxy.partition(":")
    sock = socket.create_connection((host, int(port)), 20)
    if way == "connect":
        sock.sendall(b"CONNECT origin.g3.test:8765 HTTP/1.1\r\nHost: origin.g3.test:8765\r\n\r\n")
        reply = b""
        while not reply.endswith(b"\r\n\r\n"):
            reply += sock.recv(1)
        assert reply.startswith(b"HTTP/1.1 200 "), reply
    # The library's machine; the sockets and the absolute form are ours.
    client = ClientConnection(parse_uri(URL), max_size=None)
    request = client.connect()
    if way == "forward":
        request.path = URL.replace("ws:", "http:")
    client.send_request(request)
    received = events(sock, client)
    assert next(received).status_code == 101
    for message in ("hello", "", "häh?", os.urandom(3), os.urandom(5_000_000)):
        if isinstance(message, str):
            client.send_text(message.encode())
            expected = (OP_TEXT, message.encode())
        else:
            client.send_binary(message)
            expected = (OP_BINARY, message)
        frame = next(received)
        data = frame.data
        while not frame.fin:
            frame = next(received)
            data += frame.data
        assert (expected[0], data) == expected, f"{len(data)} bytes instead of {len(expected[1])}, or others"
    client.send_close(1000)
    list(received)
    print("closed", client.close_code)


def events(sock: socket.socket, client: ClientConnection) -> Iterator[Any]:
    """What comes from the server, one by one; what the machine has to say is sent before more is waited for."""
    while True:
        yield from client.events_received()
        for data in client.data_to_send():
            if data:
                sock.sendall(data)
        if data := sock.recv(65536):
            client.receive_data(data)
        else:
            client.receive_eof()
            return


main(*sys.argv[1:])
