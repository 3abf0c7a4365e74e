"""A QUIC server in memory, by aioquic, and a clock, for the clients of DNS over QUIC and over HTTP/3."""

import datetime
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address
from typing import Any, Generic, TypeVar

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamDataReceived, StreamReset
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from g3_dns import Question, Responder, Response, Server, StreamEvent
from g3_dns.quic._connection import Connection

RESPONDER = Responder({"example": {"SOA": ["ns host 1 2 3 4 5"]}, "a.example": {"A": ["192.0.2.1"]}})
SERVER = Server(IPv4Address("192.0.2.53"), 853)
CLIENT = ("192.0.2.9", 4000)
NAME = "dns.example"
ANSWER = ["a.example. 300 IN A 192.0.2.1"]

C = TypeVar("C", bound=Connection)


@cache
def certificate() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """One that has signed itself, for `NAME`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    return builder.sign(key, hashes.SHA256()), key


def trusting(name: str = NAME) -> QuicConfiguration:
    """The configuration of a client that trusts the server."""
    return QuicConfiguration(server_name=name, cadata=certificate()[0].public_bytes(Encoding.PEM))


@dataclass
class Stream:
    """What came on a stream."""

    data: bytes = b""
    ended: bool = False
    reset: int | None = None
    stopped: int | None = None


@dataclass
class Peer:
    """The server's side."""

    quic: QuicConnection
    streams: dict[int, Stream] = field(default_factory=dict)
    is_begun: bool = False
    end: ConnectionTerminated | None = None

    def look(self) -> list[Any]:
        events = []
        while (event := self.quic.next_event()) is not None:
            events.append(event)
            stream = self.streams.setdefault(getattr(event, "stream_id", -1), Stream())
            match event:
                case StreamDataReceived(data=data, end_stream=ended):
                    stream.data += data
                    stream.ended = ended
                case StreamReset(error_code=code):
                    stream.reset = code
                case StopSendingReceived(error_code=code):
                    stream.stopped = code
        self.end = self.quic._close_event
        return events


class Play(Generic[C]):
    """A client, its server, and the network between them."""

    def __init__(self, client: C, **options: Any) -> None:
        options = {"alpn_protocols": [client.ALPN], "idle_timeout": 600.0, **options}
        chain, key = certificate()
        self.client = client
        self.now = 100.0
        self.peer = Peer(
            QuicConnection(
                configuration=QuicConfiguration(is_client=False, certificate=chain, private_key=key, **options),
                original_destination_connection_id=client._quic.original_destination_connection_id,
            )
        )
        self.lost = 0
        """Datagrams to lose, in either direction."""

    def exchange(self) -> None:
        """Carry what both have to say; acknowledgements and paces take some time."""
        self.wait(0.1)

    def wait(self, seconds: float) -> None:
        """Let time pass, and timers go off."""
        until = self.now + seconds
        while True:
            while self._carry():
                pass
            is_awake = self.peer.is_begun and not self.peer.end
            timers = (self.client.next_timeout(), self.peer.quic.get_timer() if is_awake else None)
            due = min((time for time in timers if time is not None), default=until + 1)
            if due > until:
                self.now = until
                return
            self.now = max(self.now, due)
            if timers[0] is not None and self.now >= timers[0]:
                self.client.handle_timeout(self.now)
            if timers[1] is not None and self.now >= timers[1]:
                self.peer.quic.handle_timer(self.now)

    def _carry(self) -> bool:
        """Whether anybody had anything to say."""
        ours = self.client.datagrams_to_send(self.now)
        for data in ours:
            if not self._is_lost():
                self.peer.is_begun = True
                self.peer.quic.receive_datagram(data, CLIENT, self.now)
        self.look()
        theirs = self.peer.quic.datagrams_to_send(self.now) if self.peer.is_begun else []
        for data, _ in theirs:
            if not self._is_lost():
                self.client.receive_datagram(data, SERVER, self.now)
        return bool(ours or theirs)

    def look(self) -> None:
        """Let the server see what came."""
        self.peer.look()

    def _is_lost(self) -> bool:
        self.lost -= 1
        return self.lost >= 0

    def ask(self, question: Question) -> int:
        stream = self.client.ask(question, self.now)
        self.exchange()
        return stream

    def event(self) -> object:
        self.exchange()
        event = shown(self.client.next_event())
        self.exchange()
        return event


def shown(event: StreamEvent | None) -> object:
    if isinstance(event, Response):
        return event.query, [rrset.to_text() for rrset in event.message.answer], event.age
    return event
