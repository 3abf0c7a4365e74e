"""Clients that speak QUIC, with the same library as the daemon, and what they do wrong."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from certificates import authority
from g3proxyd.config.values.listen import UdpListen
from g3proxyd.io.listening import open_udp_bound
from proxy import Address
from tls.secure import NAME

HTTP = {"name": "http", "type": "http_proxy", "escaper": "direct"}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "direct"}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def udp_bound(address: str = "127.0.0.1:0") -> socket.socket:
    """A socket as the supervisor opens it, on a port of the kernel's choice."""
    return open_udp_bound(UdpListen.model_validate(address))


def port(tls: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The configuration of a port."""
    return {"name": "port", "type": "plain_quic_port", "server": "http", "quic_server": tls, **keys}


class Client(QuicConnectionProtocol):
    """A client that remembers how its streams and its connection ended."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        super().__init__(quic, stream_handler)
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self.writers: list[asyncio.StreamWriter] = []
        self.ended: events.ConnectionTerminated | None = None
        self._changed = asyncio.Event()

    @property
    def quic(self) -> QuicConnection:
        return self._quic

    def quic_event_received(self, event: events.QuicEvent) -> None:
        match event:
            case events.StreamReset():
                self.resets[event.stream_id] = event.error_code
                if event.stream_id in self._stream_readers:
                    self._stream_readers[event.stream_id].set_exception(ConnectionResetError())
            case events.StopSendingReceived():
                self.stops[event.stream_id] = event.error_code
            case events.ConnectionTerminated():
                self.ended = event
                super().quic_event_received(event)
            case _:
                super().quic_event_received(event)
        self._changed.set()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        super().datagram_received(data, addr)
        self._changed.set()

    def _create_stream(self, stream_id: int) -> Streams:
        streams = super()._create_stream(stream_id)
        self.writers.append(streams[1])
        return streams

    async def until(self, happened: Callable[["Client"], object]) -> None:
        """Wait for something; each datagram is a reason to look again."""
        while not happened(self):
            self._changed.clear()
            await self._changed.wait()

    def reset(self, writer: asyncio.StreamWriter) -> None:
        """Give up our half of a stream."""
        self._quic.reset_stream(writer.get_extra_info("stream_id"), 7)
        self.transmit()


def client_configuration(**keys: Any) -> QuicConfiguration:
    """A client that trusts the tests' authority alone and wants `NAME`."""
    keys = {"server_name": NAME, "cadata": authority().pem, "verify_mode": ssl.CERT_REQUIRED, **keys}
    return QuicConfiguration(is_client=True, **keys)


@contextlib.asynccontextmanager
async def quic(
    address: Address, configuration: QuicConfiguration | None = None, kind: type[Client] = Client
) -> AsyncIterator[Client]:
    """A connection that has shaken hands."""
    configuration = configuration or client_configuration()
    async with connect(*address[:2], configuration=configuration, create_protocol=kind) as client:
        try:
            yield cast(Client, client)
        finally:
            for writer in cast(Client, client).writers:
                writer.transport._closing = True  # type: ignore[attr-defined]  # else each one closes itself too late
