"""A name server over HTTP/2 whose every response is the test's to choose."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from resolver.dns_server import Asked, Speak

OK = [(":status", "200"), ("content-type", "application/dns-message")]


@dataclass
class Request:
    """A request as it came."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def asked(self, source: tuple[str, int]) -> Asked:
        """The query in it."""
        wire = self.body
        if self.headers[":method"] == "GET":
            text = self.headers[":path"].partition("dns=")[2]
            wire = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        labels, position = [], 12
        while length := wire[position]:
            labels.append(wire[position + 1 : position + 1 + length].decode())
            position += 1 + length
        qtype = int.from_bytes(wire[position + 1 : position + 3], "big")
        return Asked(
            int.from_bytes(wire[:2], "big"), ".".join(labels), qtype, wire[12 : position + 5], source, tcp=True
        )


Act = Callable[[h2.connection.H2Connection, int, Request], None]
"""Does something with a connection, the number of a stream, and the request on it."""


def respond(body: bytes, headers: Sequence[tuple[str, str]] = OK) -> Act:
    """A response with this body."""

    def act(connection: h2.connection.H2Connection, stream: int, request: Request) -> None:
        connection.send_headers(stream, list(headers))
        connection.send_data(stream, body, end_stream=True)

    return act


def answer(speak: Speak) -> Act:
    """The first message that a name server would say."""

    def act(connection: h2.connection.H2Connection, stream: int, request: Request) -> None:
        (message,) = speak(request.asked(("", 0)))
        respond(message)(connection, stream, request)

    return act


@dataclass
class Http2Server:
    """Acts on each request."""

    act: Act
    pings: bool = False
    """Whether the client has to answer a ping before it gets its answer."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For `conversing`."""
        self.connections += 1
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        under_way: dict[int, Request] = {}
        held: list[tuple[int, Request]] = []
        while True:
            writer.write(connection.data_to_send())
            data = await reader.read(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                match event:
                    case h2.events.RequestReceived(stream_id=stream, headers=headers):
                        under_way[stream] = Request({str(name): str(value) for name, value in headers})
                    case h2.events.DataReceived(stream_id=stream, data=body):
                        under_way[stream].body += body
                    case h2.events.StreamEnded(stream_id=stream):
                        request = under_way.pop(stream)
                        self.requests.append(request)
                        if self.pings:
                            held.append((stream, request))
                            connection.ping(b"12345678")
                            continue
                        self.act(connection, stream, request)
                        if connection.state_machine.state is h2.connection.ConnectionState.CLOSED:
                            writer.write(connection.data_to_send())
                            return
                    case h2.events.PingAckReceived():
                        self.act(connection, *held.pop())
