"""A name server that knows every name, over UDP, TCP, TLS, HTTP/2, HTTP/3 and QUIC: whom resolvers ask while they are
measured. Messages are patched together, so that it is quicker than most who ask.

``python -m bench.name_server CERTIFICATE KEY`` prints its ports as JSON, and serves until its input ends.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import uvloop
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent, StreamDataReceived

HOST = "127.0.0.1"
RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01"
"""The name of the question, A, IN, 3600 seconds, 192.0.2.1."""
HEADERS = [(":status", "200"), ("content-type", "application/dns-message")]


def respond(query: bytes) -> bytes:
    """The answer to a query for an address; without EDNS, which nobody misses here."""
    end = query.index(0, 12) + 5
    return query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:end] + RECORD


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


class Udp(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(respond(data), addr)


async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """TCP and TLS."""
    while True:
        size = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(framed(respond(await reader.readexactly(size))))


async def http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """POST alone."""
    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    http.initiate_connection()
    queries: dict[int, bytes] = {}
    while data := await reader.read(65_536):
        for event in http.receive_data(data):
            if isinstance(event, h2.events.DataReceived) and event.stream_id is not None:
                queries[event.stream_id] = queries.get(event.stream_id, b"") + event.data
                http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded) and event.stream_id is not None:
                http.send_headers(event.stream_id, HEADERS)
                http.send_data(event.stream_id, respond(queries.pop(event.stream_id)), end_stream=True)
        writer.write(http.data_to_send())


class Quic(QuicConnectionProtocol):
    """DNS over QUIC and, where that is wanted, over HTTP/3."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http: H3Connection | None = None
        self._queries: dict[int, bytes] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated) and event.alpn_protocol == "h3":
            self._http = H3Connection(self._quic)
        elif self._http is not None:
            for part in self._http.handle_event(event):
                if isinstance(part, DataReceived) and self._take(part.stream_id, part.data, part.stream_ended):
                    self._http.send_headers(part.stream_id, [(a.encode(), b.encode()) for a, b in HEADERS])
                    self._http.send_data(part.stream_id, respond(self._queries.pop(part.stream_id)), True)
        elif isinstance(event, StreamDataReceived) and self._take(event.stream_id, event.data, event.end_stream):
            answer = framed(respond(self._queries.pop(event.stream_id)[2:]))
            self._quic.send_stream_data(event.stream_id, answer, True)

    def _take(self, stream: int, data: bytes, ended: bool) -> bool:
        self._queries[stream] = self._queries.get(stream, b"") + data
        return ended


async def listen(
    converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> int:
    """A port where each connection is served so."""

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(begin, HOST, 0, ssl=context)
    return int(listener.sockets[0].getsockname()[1])


async def main(certificate: Path, key: Path) -> None:
    """Serve until the input ends."""
    ports: dict[str, int] = {}
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(Udp, local_addr=(HOST, 0))
    ports["udp"] = udp.get_extra_info("sockname")[1]
    ports["tcp"] = await listen(streams)
    for name, alpn, converse in (("tls", "dot", streams), ("https", "h2", http2)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols([alpn])
        ports[name] = await listen(converse, context)
    for name, alpn in (("quic", "doq"), ("h3", "h3")):
        configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
        configuration.load_cert_chain(certificate, key)
        server = await serve(HOST, 0, configuration=configuration, create_protocol=Quic)
        assert server._transport is not None
        ports[name] = server._transport.get_extra_info("sockname")[1]
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
