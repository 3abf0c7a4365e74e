"""A name server over QUIC (port 853) and HTTP/3 (port 443), of aioquic and dnspython: no part of it is g3's.

Every name is the origin's, but those below absent.g3.test. Prints connections and questions, each with its protocol.
"""

import asyncio
import os

import dns.message
import dns.rcode
import dns.rrset
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent, StreamDataReceived

PORTS = {"doq": 853, "h3": 443}
ORIGIN = os.environ["G3_NET"] + ".80"


class NameServer(QuicConnectionProtocol):
    """One connection."""

    protocol = ""
    http: H3Connection

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.protocol = event.alpn_protocol or ""
            self.bodies: dict[int, bytes] = {}
            if self.protocol == "h3":
                self.http = H3Connection(self._quic)
            print("connection", self.protocol, flush=True)
        elif self.protocol == "h3":
            for part in self.http.handle_event(event):
                if isinstance(part, DataReceived):
                    self.take(part.stream_id, part.data, part.stream_ended)
        elif isinstance(event, StreamDataReceived):
            self.take(event.stream_id, event.data, event.end_stream)

    def take(self, stream: int, data: bytes, ended: bool) -> None:
        body = self.bodies[stream] = self.bodies.get(stream, b"") + data
        if not ended:
            return
        if self.protocol == "h3":
            self.http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"application/dns-message")])
            self.http.send_data(stream, self.answer(body), True)
        else:
            answer = self.answer(body[2:])
            self._quic.send_stream_data(stream, len(answer).to_bytes(2, "big") + answer, True)
        self.transmit()

    def answer(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        print("question", self.protocol, name, flush=True)
        response = dns.message.make_response(query, recursion_available=True)
        if name.endswith(".absent.g3.test"):
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", ORIGIN))
        return response.to_wire()


async def main() -> None:
    for protocol, port in PORTS.items():
        configuration = QuicConfiguration(is_client=False, alpn_protocols=[protocol])
        configuration.load_cert_chain("/srv/tls/names.crt", "/srv/tls/names.key")
        await serve("0.0.0.0", port, configuration=configuration, create_protocol=NameServer)
    # Who waits for us to serve asks by TCP.
    async with await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", PORTS["doq"]) as ready:
        await ready.serve_forever()


asyncio.run(main())
