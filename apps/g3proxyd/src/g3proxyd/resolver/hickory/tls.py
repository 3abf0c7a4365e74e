"""Connections to name servers over TLS: plain DNS over it (RFC 7858), or HTTP/2 (RFC 8484)."""

import secrets
from functools import partial

from g3_dns import PADDING_BLOCK, StreamSettings, TcpClient

from ...io.stream import Stream
from ...io.tls_errors import TlsError, TlsFault
from ...tls.client import ClientTls, ServerName
from .stream import StreamTransport
from .tcp import TcpConnector

HTTPS_PORT = 443
HTTP2 = "h2"


class TlsConnector:
    """Opens connections to one name server, who has to prove that it is ``name``."""

    def __init__(self, connector: TcpConnector, tls: ClientTls, name: ServerName) -> None:
        self._connector = connector
        self._tls = tls
        self._name = name

    async def connect(self) -> Stream:
        """A connection after its handshake. Raises OSError, of which TlsError is one."""
        stream = await self._connector.connect()
        secure = await self._tls.connect(stream, self._name, self._connector.server.port)
        wanted = self._tls.settings.alpn
        if wanted and secure.tls.selected_alpn_protocol() not in wanted:
            secure.close()
            raise TlsError(TlsFault.NO_SHARED_PROTOCOL, f"the server does not speak {', '.join(wanted)}")
        return secure


def tls_transport(connector: TlsConnector, connect_timeout: float, request_timeout: float) -> StreamTransport:
    """Questions over TLS; times are in seconds."""
    settings = encrypted_settings(request_timeout)
    return StreamTransport(connector.connect, partial(TcpClient, secrets.randbelow, settings), connect_timeout)


def https_transport(
    connector: TlsConnector, authority: str, connect_timeout: float, request_timeout: float
) -> StreamTransport:
    """Questions over HTTP/2, for which the connector has to have agreed on it; times are in seconds."""
    from g3_dns.http2 import Http2Client  # h2 takes a tenth of a second to import, which nobody else pays

    start = partial(Http2Client, authority, settings=encrypted_settings(request_timeout), post=True)
    return StreamTransport(connector.connect, start, connect_timeout)


def authority_of(name: ServerName, port: int) -> str:
    """The authority of an https URI (RFC 3986 section 3.2)."""
    host = f"[{name}]" if not isinstance(name, str) and name.version == 6 else str(name)
    return host if port == HTTPS_PORT else f"{host}:{port}"


def encrypted_settings(request_timeout: float) -> StreamSettings:
    return StreamSettings(query_timeout=request_timeout, padding=PADDING_BLOCK)
