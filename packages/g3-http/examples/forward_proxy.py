"""A forward proxy for one exchange, on blocking sockets: the heads are rewritten, the bodies pass by count."""

import socket
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from g3_http import HttpError, RequestReader, ResponseReader, error_response, forward_request, forward_response


def read_head(reader: Any, source: socket.socket) -> Any:
    while (head := reader.next_event()) is None:
        if not (data := source.recv(65536)):
            reader.receive_eof()
            return reader.next_event()  # None, or a fault
        reader.receive_data(data)
    return head


def pass_body(reader: Any, source: socket.socket, sink: socket.socket) -> None:
    while not reader.body_ended:
        if data := reader.take_body():
            sink.sendall(data)
        elif data := source.recv(65536):
            reader.receive_data(data)
        else:
            reader.receive_eof()


def serve(client: socket.socket) -> None:
    requests, responses = RequestReader(), ResponseReader()
    try:
        if (request := read_head(requests, client)) is None:
            return
        with socket.create_connection((request.target.host, request.target.port)) as upstream:
            upstream.sendall(forward_request(request, keep_alive=False))
            pass_body(requests, client, upstream)
            responses.expect(request.method)
            while (response := read_head(responses, upstream)).interim:
                client.sendall(forward_response(response))
            client.sendall(forward_response(response, keep_alive=False))
            pass_body(responses, upstream, client)
    except HttpError as fault:
        client.sendall(fault.reply or error_response(502))


class Origin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(f"HTTP/1.1 200 OK\r\n\r\n{self.requestline} for {self.headers['Host']}".encode())


with HTTPServer(("127.0.0.1", 0), Origin) as origin, socket.create_server(("127.0.0.1", 0)) as listener:
    threading.Thread(target=origin.handle_request).start()
    browser = HTTPConnection(*listener.getsockname())
    browser.request("GET", f"http://127.0.0.1:{origin.server_port}/hello")
    with listener.accept()[0] as client:
        serve(client)
    print(browser.getresponse().read().decode())
    browser.close()
