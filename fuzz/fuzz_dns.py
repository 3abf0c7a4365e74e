"""Hostile bytes for g3-dns: datagrams, streams, HTTP/2, QUIC, HTTP/3, responses with a right beginning, queries.

The first byte of an input picks what it is for, the second says where a stream is split.
"""

import importlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-dns" / "tests" / "vectors"
HEAD = 12
KINDS = 8


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    targets: list[Callable[[bytes, int], None]]
    targets = [datagram, answer, query, stream_client, stream_server, http2, quic, http3]
    targets[data[0] % KINDS](data[2:], data[1])


def datagram(data: bytes, split: int) -> None:
    """Whatever comes by UDP: nothing but the answer ends the query, unless by way of TCP."""
    from g3_dns import CookieJar, Lost, Response, Server, UdpClient, UdpSettings, UseTcp

    server, draw = Server(IPv4Address("192.0.2.53")), random.Random(1).randrange
    client = UdpClient(question(), server, draw, 0.0, UdpSettings(mixed_case=True), CookieJar(draw))
    (sent,) = client.datagrams_to_send()
    client.receive_datagram(data, server)
    assert isinstance(client.next_event(), UseTcp | None)
    # The same bytes behind a header and a question that are right.
    client.receive_datagram(sent[:2] + b"\x81" + data[:1] + sent[4:6] + data[1:7].ljust(6, b"\0") + sent[12:27], server)
    client.receive_datagram(sent[:2] + b"\x81\x80" + sent[4:6] + data[:6].ljust(6, b"\0") + sent[12:27] + data, server)
    assert isinstance(client.next_event(), UseTcp | Lost | Response | None)
    client.handle_timeout(1e9)


def answer(data: bytes, split: int) -> None:
    """A response that parses has a meaning."""
    from g3_dns import Addresses, Failed, MessageError, parse_message, read_answer

    try:
        message = parse_message(data)
    except MessageError:
        return
    result = read_answer(message, question(), split)
    assert isinstance(result, Failed) or result.ttl >= 0
    assert not isinstance(result, Addresses) or result.addresses


def query(data: bytes, split: int) -> None:
    """The server answers with what it can read itself."""
    from g3_dns import Responder, parse_message

    responder = Responder({"example": {"SOA": ["ns. host. 1 2 3 4 5"]}, "a.example": {"A": ["192.0.2.1"] * 2}})
    for response in (responder.respond_udp(data), responder.respond_tcp(data)):
        assert response is None or parse_message(response).id == int.from_bytes(data[:2], "big")


def stream_client(data: bytes, split: int) -> None:
    from g3_dns import TcpClient

    play(lambda: asked(TcpClient(lambda limit: 7)), data, split)


def stream_server(data: bytes, split: int) -> None:
    from g3_dns import TcpServer

    play(TcpServer, data, split)


def http2(data: bytes, split: int) -> None:
    from g3_dns.http2 import Http2Client

    play(lambda: asked(Http2Client("dns.example")), data, split)


def quic(data: bytes, split: int) -> None:
    from g3_dns.quic import QuicClient

    play_stream(lambda: QuicClient(quic_configuration(), *quic_server()), data, split)


def http3(data: bytes, split: int) -> None:
    from g3_dns.http3 import Http3Client

    play_stream(lambda: Http3Client(quic_configuration(), *quic_server(), "dns.example"), data, split)


def play_stream(make: Callable[[], Any], data: bytes, split: int) -> None:
    """What comes on a stream, whole and in two pieces, behind the handshake: no fuzzer gets through the keys."""
    stories = [tell(make(), pieces) for pieces in ([data], [data[:split], data[split:]])]
    assert stories[0] == stories[1]


def tell(client: Any, pieces: list[bytes]) -> list[str]:
    from aioquic.quic.events import StreamDataReceived
    from g3_machine import RemoteProtocolError

    client._is_connected = True
    client._start()
    asked(client)
    for number, piece in enumerate(pieces, 1):
        if not client._is_over and (piece or number == len(pieces)):
            client._take(StreamDataReceived(piece, number == len(pieces), 0))
    story = [str(client._quic._close_event)]
    try:
        while (event := client.next_event()) is not None:
            story.append(event.message.to_text() if hasattr(event, "message") else str(event))
    except RemoteProtocolError as fault:
        story.append(str(fault))
    return story


def quic_configuration() -> Any:
    from aioquic.quic.configuration import QuicConfiguration

    return QuicConfiguration(server_name="dns.example")


def play(make: Callable[[], Any], data: bytes, split: int) -> None:
    from g3_dns import Closed, Response
    from g3_machine.testing import assert_splits_agree

    def shown(events: list[Any]) -> list[Any]:
        # Two parsed messages are equal when their texts are.
        return [(one.query, one.message.to_text(), one.age) if isinstance(one, Response) else one for one in events]

    assert_splits_agree(make, data, lambda machine, event: isinstance(event, Closed), [split], merge=shown)


def asked(client: Any) -> Any:
    client.ask(question(), 0.0)
    client.ask(question(), 0.0)
    return client


def quic_server() -> tuple[Any, float]:
    from g3_dns import Server

    return Server(IPv4Address("192.0.2.53"), 853), 0.0


def question() -> Any:
    from dns.rdatatype import A
    from g3_dns import Question

    return Question("a.example", A)


def seeds() -> Iterator[bytes]:
    """The messages of the package's own test vectors, for each target, as they are and with a length before them."""
    for path in sorted(VECTORS.glob("rfc1035*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            message = wire(vector["in"])
            for kind in range(KINDS):
                yield bytes((kind, 3)) + message
                yield bytes((kind, 3)) + len(message).to_bytes(2, "big") + message
            yield bytes((0, 0)) + message[HEAD - 6 :]
    settings, ping = b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0" + bytes(8)
    reset, headers = b"\0\0\4\3\0\0\0\0\1" + bytes(4), b"\0\0\1\1\4\0\0\0\1\x88"
    go_away = b"\0\0\x08\7\0\0\0\0\0" + bytes(8)
    fields = b"\1\x0a\0\0\xd9\x5f\1\x04" + b"text"
    for kind in (6, 7):
        yield bytes((kind, 5)) + b"\0\x0c" + bytes(12)
        yield bytes((kind, 5)) + fields + b"\0\2hi" + b"\x21\1x"
    yield bytes((5, 9)) + settings + ping + headers + b"\0\0\2\0\1\0\0\0\1hi" + reset + go_away


def wire(text: str) -> bytes:
    """The bytes of ``00 07 "example" 6e*255``."""
    parts = (token.partition("*") for token in text.split())
    return b"".join(
        (part[1:-1].encode() if part.startswith('"') else bytes.fromhex(part)) * int(times or 1)
        for part, _, times in parts
    )


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_dns", "g3_machine", "dns"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_dns.http2")
        importlib.import_module("g3_dns.http3")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
