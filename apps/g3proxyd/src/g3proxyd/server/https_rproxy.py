"""The HTTP reverse proxy behind TLS (``enable_tls_server`` of g3's ``http_rproxy``): each site has a TLS of its own."""

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

from g3_acl import HostError, parse_host
from g3_tls import TLCP_VERSION, TLS_VERSION, Alert, ClientHello, ClientHelloReader, HelloError, NotTlsError, pack_alert

from ..io.addresses import Peer, server_address
from ..io.stream import Stream
from ..tls.server import ServerTls
from ..tls.settings import ServerSettings
from .base import Stage
from .context import ServerContext
from .http_rproxy import HttpRproxyServer, SiteClient
from .http_server import ALPN, REPLY_PATIENCE
from .refusals import Refusals
from .tls_entrance import FAILED, SLOW, TLS_IN_TLS, TlsEntrance, make_tls

if TYPE_CHECKING:
    from ..config.server.http_rproxy import HttpRproxyConfig, HttpRproxyHost
    from ..config.values.tls_server import TlsServer


class HttpsRproxyServer(HttpRproxyServer):
    """The same for clients that speak TLS: the name that their first message asks for chooses the site, and its TLS."""

    def __init__(self, context: ServerContext, config: "HttpRproxyConfig") -> None:
        """Raises ValueError for what the TLS library does not take."""
        self._name = config.name
        self._ticketer = config.tls_ticketer
        self._global = config.global_tls_server
        self._made: dict[ServerSettings, ServerTls] = {}
        super().__init__(context, config)
        self.hello_patience: float = config.client_hello_recv_timeout
        self.refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Read the first message of TLS."""
        return SiteHello(self, stream, peer)

    def entrance_for(self, hello: ClientHello, address: Peer) -> ServerTls | None:
        """The TLS for a client that has connected to this address; None for one whose host is not served.

        One that names no host (RFC 6066 section 3 has no names for addresses) gets the TLS of the address's site.
        """
        if hello.server_name is None:
            site = self.sites.find(parse_host(address[0].partition("%")[0]))
            return self._make(self._global) if site is None else site.entrance
        try:
            site = self.sites.find(parse_host(hello.server_name))
        except HostError:
            return None
        return None if site is None else site.entrance

    def _entrance_of(self, host: "HttpRproxyHost") -> ServerTls | None:
        return self._make(host.tls_server or self._global)

    def _make(self, tls_server: "TlsServer | None") -> ServerTls | None:
        """The same for equal settings: to clients there is no difference."""
        if tls_server is None:
            return None
        settings = tls_server.settings
        if settings not in self._made:
            self._made[settings] = make_tls(self._name, tls_server, self._ticketer, ALPN)
        return self._made[settings]


class SiteHello:
    """From the first byte to the end of the ClientHello, which is left in place for the handshake."""

    __slots__ = ("_peer", "_server", "_stream")

    def __init__(self, server: HttpsRproxyServer, stream: Stream, peer: Peer) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer

    async def run(self) -> Stage | None:
        """The handshake comes next."""
        server, stream, peer = self._server, self._stream, self._peer
        if not stream.bare:
            server.refusals.note(peer, TLS_IN_TLS)
            return None
        reader = ClientHelloReader()
        try:
            hello = await self._read(reader)
        except (HelloError, NotTlsError) as fault:
            await self._refuse(f"{fault.reason} ({fault})", reader.data_to_send())
            return None
        except TimeoutError:
            server.stats.listen_timeout += 1
            server.refusals.note(peer, SLOW)
            return None
        except OSError as error:
            server.refusals.note(peer, f"closed: {error}")
            return None
        entrance = server.entrance_for(hello, server_address(stream.sock, peer))
        if entrance is None:
            server.stats.dest_denied += 1
            alert = pack_alert(Alert.UNRECOGNIZED_NAME, version=TLCP_VERSION if hello.tlcp else TLS_VERSION)
            await self._refuse("unrecognized_name (a host that is not served by TLS)", alert)
            return None
        stream.unread(reader.take_unread())
        following = partial(SiteClient, server, entrance=entrance)
        return TlsEntrance(server, entrance, server.refusals, stream, peer, following)

    async def _read(self, reader: ClientHelloReader) -> ClientHello:
        """Raises RemoteProtocolError and OSError, TimeoutError among them."""
        deadline = time.monotonic() + self._server.hello_patience
        while (hello := reader.next_event()) is None:
            if data := await self._stream.receive(max(deadline - time.monotonic(), 0.0)):
                reader.receive_data(data)
            else:
                reader.receive_eof()
        return hello

    async def _refuse(self, reason: str, alert: bytes) -> None:
        self._server.refusals.note(self._peer, f"{FAILED}{reason}")
        with contextlib.suppress(OSError):
            await self._stream.send(alert, REPLY_PATIENCE)
            await self._stream.linger()
