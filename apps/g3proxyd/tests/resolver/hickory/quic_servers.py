"""Name servers over QUIC and over HTTP/3, by aioquic and dnspython, and a network between that loses datagrams."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from typing import Any

import dns.message
import dns.rrset
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer, serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import HandshakeCompleted, QuicEvent, StreamDataReceived
from certificates import Leaf, authority
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from g3_dns import Server

NAME = "dns.test"


@dataclass
class Asked:
    """A query as it came, and what may be done with it."""

    connection: "NameServer"
    stream: int
    query: dns.message.Message

    def message(self, *addresses: str, ttl: int = 60) -> bytes:
        response = dns.message.make_response(self.query, recursion_available=True)
        if addresses:
            response.answer.append(dns.rrset.from_text_list(self.query.question[0].name, ttl, "IN", "A", addresses))
        return response.to_wire()

    def answer(self, *addresses: str) -> None:
        self.send(self.message(*addresses))

    def send(self, message: bytes) -> None:
        """Send this in place of a message."""
        self.connection.send(self.stream, message)

    def send_raw(self, data: bytes, ended: bool = False) -> None:
        """Send this in place of all."""
        self.connection.quic.send_stream_data(self.stream, data, ended)
        self.connection.transmit()

    def reset(self, code: int) -> None:
        self.connection.quic.reset_stream(self.stream, code)
        self.connection.transmit()

    def hang_up(self, code: int = 0) -> None:
        self.connection.close(code, "done")


Speak = Callable[[Asked], None]


def addresses(*values: str) -> Speak:
    return lambda asked: asked.answer(*values)


@dataclass
class Log:
    """What a server has seen."""

    server: Server
    connections: list["NameServer"] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def sources(self) -> set[str]:
        """Who has come, as addresses."""
        return {str(each.quic.get_peer_address()[0]) for each in self.connections}  # type: ignore[index]

    @property
    def open(self) -> int:
        """Connections that nobody has closed."""
        return sum(each.quic._close_event is None for each in self.connections)


class NameServer(QuicConnectionProtocol):
    """One connection with DNS over QUIC."""

    def __init__(self, *args: Any, log: Log, speak: Speak, **options: Any) -> None:
        super().__init__(*args, **options)
        self.quic = self._quic
        self._log = log
        self._speak = speak
        self._queries: dict[int, bytes] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self._log.connections.append(self)
            self.start()
        self.look(event)

    def start(self) -> None:
        """The handshake is over."""

    def look(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            data = self.add(event.stream_id, event.data)
            if event.end_stream:
                assert int.from_bytes(data[:2], "big") == len(data) - 2
                self.ask(event.stream_id, data[2:])

    def add(self, stream: int, data: bytes) -> bytes:
        self._queries[stream] = self._queries.get(stream, b"") + data
        return self._queries[stream]

    def ask(self, stream: int, query: bytes) -> None:
        message = dns.message.from_wire(query)
        assert message.id == 0
        assert len(query) % 128 == 0
        asked = Asked(self, stream, message)
        self._log.asked.append(asked)
        self._speak(asked)

    def send(self, stream: int, message: bytes) -> None:
        self.quic.send_stream_data(stream, len(message).to_bytes(2, "big") + message, True)
        self.transmit()


class Http3NameServer(NameServer):
    """One connection with DNS over HTTP/3."""

    http: H3Connection

    def start(self) -> None:
        self.http = H3Connection(self.quic)

    def look(self, event: QuicEvent) -> None:
        if self._log.connections and self in self._log.connections:
            for part in self.http.handle_event(event):
                if isinstance(part, DataReceived):
                    data = self.add(part.stream_id, part.data)
                    if part.stream_ended:
                        self.ask(part.stream_id, data)

    def send(self, stream: int, message: bytes) -> None:
        self.http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"application/dns-message")])
        self.http.send_data(stream, message, True)
        self.transmit()


@asynccontextmanager
async def name_server(
    speak: Speak, *, http3: bool = False, leaf: Leaf | None = None, client_ca: bool = False, **options: Any
) -> AsyncIterator[Log]:
    """A server for the length of the block."""
    leaf = leaf or authority().issue(NAME)
    configuration = QuicConfiguration(
        is_client=False,
        certificate=load_pem_x509_certificate(leaf.certificate),
        private_key=load_pem_private_key(leaf.key, None),
        **{"alpn_protocols": ["h3" if http3 else "doq"], "idle_timeout": 3600.0, **options},
    )
    log = Log(Server(IPv4Address("127.0.0.1")))

    def connect(*args: Any, **more: Any) -> NameServer:
        made = (Http3NameServer if http3 else NameServer)(*args, log=log, speak=speak, **more)
        if client_ca:  # aioquic's servers ask for certificates in its own tests alone
            vars(made.quic)["_initialize"] = _demanding(made.quic, made.quic._initialize)
        return made

    server: QuicServer = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=connect)
    assert server._transport is not None
    log.server = Server(IPv4Address("127.0.0.1"), server._transport.get_extra_info("sockname")[1])
    try:
        yield log
    finally:
        server.close()
        for each in log.connections:
            if each._timer is not None:
                each._timer.cancel()
        await asyncio.sleep(0)


def _demanding(quic: Any, initialize: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def demand(peer: bytes) -> None:
        initialize(peer)
        quic.tls._request_client_certificate = True

    return demand


class Relay(asyncio.DatagramProtocol):
    """A network between one client and a server, which loses and invents datagrams."""

    def __init__(self, server: Server, seed: int) -> None:
        self.chance = random.Random(seed)
        self.loss = 0.0
        self.server = server
        self.address = server
        """Where clients find it."""
        self.invents = b""
        """A datagram that the client gets before each one of the server's."""
        self._client: Any = None

    async def __aenter__(self) -> "Relay":
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        back = Back(self)
        self._back, _ = await loop.create_datagram_endpoint(
            lambda: back, remote_addr=(str(self.server.host), self.server.port)
        )
        host, port = self._front.get_extra_info("sockname")
        self.address = Server(ip_address(host), port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._front.close()
        self._back.close()
        await asyncio.sleep(0)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._client = addr
        if self.passes():
            self._back.sendto(data)

    def passes(self) -> bool:
        return self.chance.random() >= self.loss

    def to_client(self, data: bytes) -> None:
        if self.invents:
            self._front.sendto(self.invents, self._client)
        if self.passes():
            self._front.sendto(data, self._client)


class Back(asyncio.DatagramProtocol):
    """The side of a relay that the server sees."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._relay.to_client(data)
