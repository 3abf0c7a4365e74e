"""Who may come to a port for QUIC: certificates of both sides, names, hostile datagrams, limits."""

import asyncio
import logging
import os
import random
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode, QuicPacketType, encode_quic_version_negotiation, pull_quic_header
from certificates import DAY as DAYS
from certificates import Authority, Leaf, authority
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from g3proxyd.io import quic_connection, quic_listener
from g3proxyd.io.quic_answers import SMALLEST_FIRST
from g3proxyd.io.quic_listener import HALF_OPEN, HALF_OPEN_UNPROVEN, QuicListener
from loopback import run
from proxy import Address, Proxy, echo, origin
from quic import HTTP, Client, client_configuration, port, quic, udp_bound
from serving import serving
from tls.secure import GRANTED, NAME, ca


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`quic_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


async def works(client: Client) -> None:
    """A request goes through."""
    reader, writer = await client.create_stream()
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 ")


def listener_of(p: Proxy) -> QuicListener:
    (listener,) = p.worker.modules.servers["port"]._listeners  # type: ignore[union-attr]
    assert isinstance(listener, QuicListener)
    return listener


async def refused(address: Address, configuration: QuicConfiguration) -> int | None:
    """The code with which a connection ends before it has begun; None if we ended it ourselves."""
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class Remembers(Client):
        def quic_event_received(self, event: Any) -> None:
            super().quic_event_received(event)
            if self.ended is not None and not ended.done():
                ended.set_result(self.ended.error_code)

    with pytest.raises(ConnectionError):
        async with quic(address, configuration, Remembers) as client:
            await client.until(lambda c: c.ended)
            raise ConnectionError
    return await ended


# --- certificates ---


def test_a_client_that_trusts_somebody_else(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """It goes away with its alert, which the log tells; others are served."""

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            wrong = client_configuration(cadata=Authority("Somebody else").pem)
            assert await refused(p.addresses["port"], wrong) == QuicErrorCode.CRYPTO_ERROR + 42
            async with quic(p.addresses["port"]) as client:
                await works(client)
            wrong = client_configuration(server_name="other.test")
            assert await refused(p.addresses["port"], wrong) == QuicErrorCode.CRYPTO_ERROR + 42

    run(main())
    assert caplog.text.count("the QUIC handshake failed with code 0x12a") == 2


def test_a_client_that_asks_for_a_protocol(tls: dict[str, Any]) -> None:
    """There is one protocol, which the configuration tells: none is negotiated, and a client that insists goes."""

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            insists = client_configuration(alpn_protocols=["h3"])
            assert await refused(p.addresses["port"], insists) == QuicErrorCode.CRYPTO_ERROR + 120
            async with quic(p.addresses["port"]) as client:
                assert client.quic.tls.alpn_negotiated is None
                await works(client)

    run(main())


@pytest.mark.parametrize("name", [NAME, "other.test", "www.wild.test"])
@pytest.mark.parametrize("rsa_bits", [0, 2048])
def test_the_certificate_for_the_name(tmp_path: Path, name: str, rsa_bits: int) -> None:
    names = {"first": NAME, "second": "other.test", "third": "*.wild.test"}
    pairs = [authority().issue(n, rsa_bits=rsa_bits).pair(tmp_path, file) for file, n in names.items()]

    async def main() -> None:
        async with serving(HTTP, port({"cert_pairs": pairs}), sockets={"port": udp_bound()}) as p:
            async with quic(p.addresses["port"], client_configuration(server_name=name)) as client:
                await works(client)
            async with quic(
                p.addresses["port"], client_configuration(server_name=None, verify_mode=ssl.CERT_NONE)
            ) as client:
                shown = client.quic.tls._peer_certificate
                assert shown is not None
                alternatives = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                assert alternatives.get_values_for_type(x509.DNSName) == [NAME]

    run(main())


@pytest.mark.parametrize(("algorithm", "rsa_bits"), [(0x0403, 0), (0x0804, 2048)])
def test_of_two_certificates_for_a_name_the_one_that_the_client_can_check(
    tmp_path: Path, algorithm: int, rsa_bits: int
) -> None:
    leaves = {bits: authority().issue(NAME, rsa_bits=bits) for bits in (0, 2048)}
    pairs = [leaf.pair(tmp_path, str(bits)) for bits, leaf in leaves.items()]

    class Picky(Client):
        """A client that knows one kind of signature, and so cannot check the authority's."""

        def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
            initialize = quic._initialize

            def pick(peer_cid: bytes) -> None:
                initialize(peer_cid)
                quic.tls._signature_algorithms = [algorithm]

            quic._initialize = pick  # type: ignore[method-assign]
            super().__init__(quic, stream_handler)

    async def main() -> None:
        checks_nothing = client_configuration(verify_mode=ssl.CERT_NONE)
        async with (
            serving(HTTP, port({"cert_pairs": pairs}), sockets={"port": udp_bound()}) as p,
            quic(p.addresses["port"], checks_nothing, Picky) as client,
        ):
            assert client.quic.tls._peer_certificate == x509.load_pem_x509_certificate(leaves[rsa_bits].certificate)

    run(main())


def with_certificate(leaf: Leaf) -> QuicConfiguration:
    return client_configuration(
        certificate=x509.load_pem_x509_certificate(leaf.certificate), private_key=load_pem_private_key(leaf.key, None)
    )


def test_clients_that_have_to_show_a_certificate(
    tls: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls |= {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}
    good = authority().issue(client=True)
    wrong = {
        "no_certificate": (client_configuration(), 116),
        "certificate_purpose": (with_certificate(authority().issue()), 43),
        "certificate_issuer": (with_certificate(Authority("Nobody").issue(client=True)), 48),
        "certificate_weak": (with_certificate(authority().issue(client=True, rsa_bits=1024)), 42),
        "certificate_expired": (with_certificate(authority().issue(client=True, valid=(-DAYS * 2, -DAYS))), 45),
        "certificate_not_yet_valid": (with_certificate(authority().issue(client=True, valid=(DAYS, DAYS * 2))), 42),
    }

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            async with quic(p.addresses["port"], with_certificate(good)) as client:
                await works(client)
            for word, (configuration, alert) in wrong.items():
                caplog.clear()
                assert await refused(p.addresses["port"], configuration) == QuicErrorCode.CRYPTO_ERROR + alert
                (message,) = caplog.messages
                expected = f"server port: refused a connection from 127.0.0.1: the TLS handshake failed: {word} ("
                assert message.startswith(expected)
            port_server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
            assert port_server.stats.connection_total == 1

    run(main())


def test_the_reasons_of_refused_certificates(
    tls: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls |= {"enable_client_auth": True}  # whom the system trusts: not the tests' authority

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            await refused(p.addresses["port"], client_configuration())
            await refused(p.addresses["port"], with_certificate(authority().issue(client=True)))

    run(main())
    assert "the TLS handshake failed: no_certificate (" in caplog.text
    assert "the TLS handshake failed: certificate_issuer (" in caplog.text


# --- hostile datagrams ---


class Socket:
    """A socket that says anything to the port."""

    def __init__(self, address: Address) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(address)

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *datagrams: bytes) -> None:
        for data in datagrams:
            self.sock.send(data)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, 65536)

    def silent(self) -> bool:
        """Whether nothing has come."""
        try:
            self.sock.recv(1)
        except BlockingIOError:
            return True
        return False


def initial(padding: int = SMALLEST_FIRST, version: int = 1, token: bytes = b"", body: bytes = b"") -> bytes:
    """An Initial packet that nobody can read."""
    head = bytes([0xC0]) + version.to_bytes(4, "big") + b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8)
    head += (0x4000 | len(token)).to_bytes(2, "big") + token
    rest = max(padding - len(head) - 2, 0)
    return head + (0x4000 | rest).to_bytes(2, "big") + (body + os.urandom(rest))[:rest]


def first_flight() -> bytes:
    """What a client says first."""
    client = QuicConnection(configuration=client_configuration())
    client.connect(("127.0.0.1", 1), now=0.0)
    return client.datagrams_to_send(now=0.0)[0][0]


def test_garbage(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that cannot be read has an answer, or leaves anything behind."""
    chance = random.Random(4)
    good = first_flight()

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            address = p.addresses["port"]
            with Socket(address) as sock:
                sock.send(*(chance.randbytes(size) for size in (1, 2, 9, 20, 1199, 1200, 1400, 4000)))
                sock.send(*(bytes([first]) + chance.randbytes(1300) for first in range(256)))
                sock.send(b"", initial(1199), initial(30), bytes(9000))
                for at in range(1, len(good), 37):
                    sock.send(good[:at], good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
                async with quic(address) as client:
                    await works(client)
                    assert len(listener_of(p)) <= 2
            assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    run(main())


def test_another_version(tls: dict[str, Any]) -> None:
    """It gets the list of ours, unless it is so small that the answer would be worth a lie about its address."""

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            with Socket(p.addresses["port"]) as sock:
                sock.send(initial(1199, version=0x1A2A3A4A))
                sock.send(
                    encode_quic_version_negotiation(
                        source_cid=bytes(8), destination_cid=bytes(8), supported_versions=[1]
                    ).ljust(1200)
                )
                sock.send(initial(version=0x1A2A3A4A))
                header = pull_quic_header(Buffer(data=await sock.receive()))
                assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
                assert set(header.supported_versions) == {1, 0x6B3343CF}
                assert sock.silent()

    run(main())


def test_a_flood_of_first_packets(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """After some handshakes that nobody goes on with, clients have to prove where they are; those who do are served."""

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            address = p.addresses["port"]
            with Socket(address) as sock:
                for _ in range(HALF_OPEN_UNPROVEN):
                    sock.send(first_flight())
                    await sock.receive()
                assert len(listener_of(p)) == HALF_OPEN_UNPROVEN
                while not sock.silent():
                    pass
                sock.send(first_flight())
                answer = await sock.receive()
                while pull_quic_header(Buffer(data=answer)).packet_type is not QuicPacketType.RETRY:
                    answer = await sock.receive()  # the handshakes' own packets, sent again
                assert len(answer) < SMALLEST_FIRST
                assert len(listener_of(p)) == HALF_OPEN_UNPROVEN
            async with quic(address) as client:
                assert client.quic._retry_count == 1
                await works(client)

    run(main())


def test_a_token_of_somebody_else(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            with Socket(p.addresses["port"]) as sock:
                sock.send(initial(token=bytes(80)))
                answer = await sock.receive()
                assert pull_quic_header(Buffer(data=answer)).packet_type is QuicPacketType.INITIAL
                assert len(answer) < 100
                assert len(listener_of(p)) == 0

    run(main())


@pytest.mark.parametrize("limit", ["CONNECTIONS", "HALF_OPEN"])
def test_no_more_connections(tls: dict[str, Any], limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes too late hears so at once."""
    monkeypatch.setattr(quic_listener, limit, 1)
    assert HALF_OPEN > HALF_OPEN_UNPROVEN

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p:
            with Socket(p.addresses["port"]) as sock:
                sock.send(first_flight())
                await sock.receive()
                code = await refused(p.addresses["port"], client_configuration())
                assert code == QuicErrorCode.CONNECTION_REFUSED

    run(main())


def test_a_handshake_that_stops(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        quick = tls | {"handshake_timeout": "100ms"}
        async with serving(HTTP, port(quick), sockets={"port": udp_bound()}) as p:
            with Socket(p.addresses["port"]) as sock:
                sock.send(first_flight())
                await sock.receive()
                server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
                await server.connections_done()
                assert server.stats.listen_timeout == 1
                assert len(listener_of(p)) == 0

    run(main())
    assert "no QUIC handshake in time" in caplog.text


def test_who_may_not_come_hears_nothing(tls: dict[str, Any]) -> None:
    async def main() -> None:
        closed = port(tls, ingress_network_filter={"default": "forbid", "forbid": "127.0.0.1"})
        async with serving(HTTP, closed, sockets={"port": udp_bound()}) as p:
            with Socket(p.addresses["port"]) as sock:
                sock.send(first_flight(), initial(version=0x1A2A3A4A))
                while p.worker.modules is None or p.worker.modules.servers["port"].stats.listen_dropped < 2:
                    await asyncio.sleep(0)
                assert sock.silent()
                assert len(listener_of(p)) == 0

    run(main())


def test_more_streams_than_there_may_be(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has to wait until one has ended; one that does not wait is cut off, and so is one in one direction."""
    monkeypatch.setattr(quic_connection, "STREAMS", 2)

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p, origin(echo) as (_, to):
            said = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % to
            async with quic(p.addresses["port"]) as client:
                streams = []
                for _ in range(3):
                    streams.append(await client.create_stream())
                    streams[-1][1].write(said)
                for reader, _ in streams[:2]:
                    assert await reader.readexactly(len(GRANTED)) == GRANTED
                assert client.quic._streams[8].is_blocked
                streams[0][1].write_eof()
                assert await streams[2][0].readexactly(len(GRANTED)) == GRANTED
            for unidirectional in (False, True):
                async with quic(p.addresses["port"]) as client:
                    client.quic._remote_max_streams_bidi = client.quic._remote_max_streams_uni = 100
                    for _ in range(3):
                        _, writer = await client.create_stream(unidirectional)
                        writer.write(b"x")
                    await client.until(lambda c: c.ended)
                    assert client.ended is not None
                    assert client.ended.error_code == QuicErrorCode.STREAM_LIMIT_ERROR

    run(main())


def test_more_than_the_window(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            quic(p.addresses["port"]) as client,
        ):
            _reader, writer = await client.create_stream()
            writer.write(b"G")
            stream = client.quic._streams[0]
            stream.max_stream_data_remote = client.quic._remote_max_data = 1 << 30
            stream.sender._buffer_start = stream.sender._buffer_stop = stream.sender.highest_offset = 1 << 29
            stream.sender._pending.shift()
            writer.write(b"far away")
            await client.until(lambda c: c.ended)
            assert client.ended is not None
            assert client.ended.error_code == QuicErrorCode.FLOW_CONTROL_ERROR

    run(main())
