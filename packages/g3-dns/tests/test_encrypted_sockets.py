"""A real peer over real sockets: kdig asks our server half over TLS, HTTPS and QUIC."""

import asyncio
import base64
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from g3_dns import TcpServer
from quic_peer import NAME, RESPONDER, certificate

LOCALHOST = "127.0.0.1"
TIMEOUT = 60

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def dns_over_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    server = TcpServer()
    while data := await reader.read(65_536):
        server.receive_data(data)
        while (query := server.next_event()) is not None:
            server.reply(RESPONDER.respond_tcp(query) or b"")
            writer.write(server.data_to_send())


async def dns_over_https(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="ascii"))
    http.initiate_connection()
    queries: dict[int, bytes] = {}
    while data := await reader.read(65_536):
        for event in http.receive_data(data):
            match event:
                case h2.events.RequestReceived(stream_id=stream, headers=headers):
                    fields = {str(name): str(value) for name, value in headers}
                    text = fields[":path"].partition("dns=")[2]
                    queries[stream] = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
                case h2.events.DataReceived(stream_id=stream, data=body):
                    queries[stream] += body
                case h2.events.StreamEnded(stream_id=stream):
                    answer = RESPONDER.respond_tcp(queries.pop(stream)) or b""
                    http.send_headers(stream, [(":status", "200"), ("content-type", "application/dns-message")])
                    http.send_data(stream, answer, end_stream=True)
        writer.write(http.data_to_send())


class DnsOverQuic(QuicConnectionProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._servers: dict[int, TcpServer] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if not isinstance(event, StreamDataReceived):
            return
        server = self._servers.setdefault(event.stream_id, TcpServer())
        server.receive_data(event.data)
        if (query := server.next_event()) is not None:
            server.reply(RESPONDER.respond_tcp(query) or b"")
            self._quic.send_stream_data(event.stream_id, server.data_to_send(), end_stream=True)
            self.transmit()


@asynccontextmanager
async def streams(converse: Converse, folder: Path, alpn: str) -> AsyncIterator[int]:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    chain, key = certificate()
    pem = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(secret + chain.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_alpn_protocols([alpn])
    listener = await asyncio.start_server(begin, LOCALHOST, 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


@asynccontextmanager
async def quic() -> AsyncIterator[int]:
    chain, key = certificate()
    configuration = QuicConfiguration(
        is_client=False, alpn_protocols=["doq"], certificate=chain, private_key=key, idle_timeout=5
    )
    server = await serve(LOCALHOST, 0, configuration=configuration, create_protocol=DnsOverQuic)
    assert server._transport is not None
    try:
        yield server._transport.get_extra_info("sockname")[1]
    finally:
        server.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("transport", ["+tls", "+https", "+quic"])
def test_kdig(transport: str, tmp_path: Path) -> None:
    program = shutil.which("kdig")
    if program is None:
        pytest.skip("there is no kdig on this machine")
    authority = tmp_path / "authority.pem"
    authority.write_bytes(certificate()[0].public_bytes(Encoding.PEM))

    async def ask(name: str) -> str:
        server = {
            "+tls": lambda: streams(dns_over_tls, tmp_path, "dot"),
            "+https": lambda: streams(dns_over_https, tmp_path, "h2"),
            "+quic": quic,
        }[transport]()
        async with server as port:
            options = [f"+tls-ca={authority}", f"+tls-hostname={name}", transport, "+norecurse", "+timeout=30"]
            process = await asyncio.create_subprocess_exec(
                program,
                *(f"@{LOCALHOST}", "-p", str(port), *options, "A.example", "A"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            printed, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
            return printed.decode()

    printed = asyncio.run(ask(NAME))
    if f"invalid option: {transport}" in printed:
        pytest.skip(f"this kdig has no {transport}")
    assert "status: NOERROR" in printed, printed
    assert "192.0.2.1" in printed
    assert "malformed" not in printed.lower()
    assert "status: NOERROR" not in asyncio.run(ask("other.example"))
