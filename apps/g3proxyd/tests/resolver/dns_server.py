"""A tiny name server on the loopback that says exactly what a test wants it to say."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

A, CNAME, AAAA = 1, 5, 28
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it came."""

    id: int
    name: str
    qtype: int
    question: bytes
    """The question section."""
    source: tuple[str, int]
    tcp: bool


Speak = Callable[[Asked], Sequence[bytes]]
"""Returns the messages to send for a query."""


def wire_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(owner: str, value: str, ttl: int = 60) -> bytes:
    """An A, AAAA or CNAME record, whichever the value is."""
    try:
        address = ip_address(value)
        qtype, data = (A if address.version == 4 else AAAA), address.packed
    except ValueError:
        qtype, data = CNAME, wire_name(value)
    return wire_name(owner) + struct.pack("!HHIH", qtype, 1, ttl, len(data)) + data


def reply(
    asked: Asked,
    *records: bytes,
    rcode: int = NOERROR,
    truncated: bool = False,
    message_id: int | None = None,
    question: bytes | None = None,
) -> bytes:
    """A response message."""
    flags = 0x8180 | (0x0200 if truncated else 0) | rcode
    number = asked.id if message_id is None else message_id
    header = struct.pack("!6H", number, flags, 1, len(records), 0, 0)
    return header + (asked.question if question is None else question) + b"".join(records)


def addresses(*values: str, ttl: int = 60) -> Speak:
    """Answer each query with those of the values that are of its type."""

    def speak(asked: Asked) -> Sequence[bytes]:
        version = 4 if asked.qtype == A else 6
        fitting = [value for value in values if ip_address(value).version == version]
        return [reply(asked, *(record(asked.name, value, ttl) for value in fitting))]

    return speak


def with_code(rcode: int) -> Speak:
    """Answer everything with this code."""
    return lambda asked: [reply(asked, rcode=rcode)]


def silence(asked: Asked) -> Sequence[bytes]:
    """Answer nothing."""
    return []


@dataclass
class DnsServer:
    """Listens on one port for UDP and TCP."""

    speak: Speak
    asked: list[Asked] = field(default_factory=list)
    address: str = ""
    """As the configuration spells it."""
    arrival: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a query comes."""
    udp: asyncio.DatagramTransport | None = None

    def receive(self, message: bytes, source: tuple[str, int], tcp: bool) -> Sequence[bytes]:
        """Note a query; what is to be answered."""
        labels, position = [], 12
        while length := message[position]:
            labels.append(message[position + 1 : position + 1 + length].decode())
            position += 1 + length
        (number,) = struct.unpack_from("!H", message)
        (qtype,) = struct.unpack_from("!H", message, position + 1)
        asked = Asked(number, ".".join(labels), qtype, message[12 : position + 5], source, tcp)
        self.asked.append(asked)
        self.arrival.set()
        return self.speak(asked)

    async def until_asked(self, times: int) -> None:
        """Wait until so many queries have come."""
        while len(self.asked) < times:
            self.arrival.clear()
            await self.arrival.wait()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self.server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.server.udp is not None
        for message in self.server.receive(data, addr[:2], False):
            self.server.udp.sendto(message, addr)


@asynccontextmanager
async def serving(speak: Speak, host: str = "127.0.0.1") -> AsyncIterator[DnsServer]:
    """A server that runs for the length of the block."""
    server = DnsServer(speak)
    loop = asyncio.get_running_loop()
    udp, tcp = _same_port(host)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                source = writer.get_extra_info("peername")[:2]
                for message in server.receive(await reader.readexactly(length), source, True):
                    writer.write(struct.pack("!H", len(message)) + message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), sock=udp)
    server.udp = transport
    listener = await asyncio.start_server(converse, sock=tcp)
    port = udp.getsockname()[1]
    server.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        yield server
    finally:
        transport.close()
        listener.close()
        await asyncio.sleep(0)


def _same_port(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        tcp = socket.socket(family, socket.SOCK_STREAM)
        try:
            tcp.bind((host, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
        else:
            udp.setblocking(False)
            tcp.setblocking(False)
            return udp, tcp
