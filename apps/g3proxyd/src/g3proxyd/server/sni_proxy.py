"""Reads where a client wants to go from its TLS ClientHello or its HTTP request (g3's ``sni_proxy``)."""

import contextlib
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar

from g3_acl import Host, HostError, parse_host
from g3_http import Form, Leniency, RequestHead, RequestReader, error_response
from g3_machine import Machine, RemoteProtocolError
from g3_tls import (
    TLCP_VERSION,
    TLS_VERSION,
    Alert,
    ClientHello,
    ClientHelloReader,
    is_client_hello,
    pack_alert,
)

from ..io.addresses import Peer, is_local, server_address
from ..io.stream import Stream
from ..task.tcp_stream import TcpStream
from ..upstream import Upstream
from .base import Server, Stage
from .context import ServerContext
from .refusals import Refusals

if TYPE_CHECKING:
    from ..config.server.sni_proxy import SniProxyConfig

AUTHORITY = Form.AUTHORITY
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""

LENIENT = Leniency(raw_target=True)
"""What browsers do against the standard; the origin judges the rest."""

HELLO_SIZE_MAX = 0xFFFFFF
"""What the length of a handshake message holds (RFC 8446 section 4)."""

REPLY_PATIENCE = 10.0
"""Seconds without progress that a client has to take the few bytes of a reply."""

SLOW = "timeout: the first message did not come in time"
TOO_SLOW = error_response(408, message="The request did not come in time.")

T = TypeVar("T")


class SniProxyServer(Server):
    """g3's ``sni_proxy``."""

    type_name = "SniProxy"

    def __init__(self, context: ServerContext, config: "SniProxyConfig") -> None:
        super().__init__(context, config.ingress_network_filter)
        self.config = config
        self.hello_size = min(config.tls_max_client_hello_size, HELLO_SIZE_MAX)
        self.refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Read the first message."""
        return FirstMessage(self, stream, peer)

    def own_address(self, stream: Stream) -> Peer | None:
        """The address of our end, where whoever connects comes to this server; None for that of another machine."""
        address, listen = stream.local_address(), self.config.listen
        if not self.config.listen_transparent or listen is None:
            return address
        is_ours = address[1] == listen.address.port and is_local(ip_address(address[0].partition("%")[0]))
        return address if is_ours else None

    def allow(self, asked: Upstream) -> Upstream | None:
        """Where a client gets to who asks for this, or None."""
        hosts = self.config.allowed_hosts
        if hosts is None:
            return asked
        allowed = hosts.find(asked.host)
        if allowed is None:
            return None
        host = asked.host if allowed.redirect_host is None else allowed.redirect_host
        return Upstream(host, allowed.redirect_port or asked.port)


class RefusedError(Exception):
    """The client gets no further; ``reply`` tells it so in its own protocol."""

    def __init__(self, reason: str, reply: bytes = b"") -> None:
        super().__init__(reason)
        self.reply = reply


class FirstMessage:
    """From the first byte to the end of a ClientHello or a request head, all of which travels on."""

    __slots__ = ("_peer", "_seen", "_server", "_since", "_stream")

    def __init__(self, server: SniProxyServer, stream: Stream, peer: Peer) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer
        self._seen = bytearray()
        self._since = time.monotonic()

    async def run(self) -> Stage | None:
        """Connect to the host that the message names."""
        server, stream = self._server, self._stream
        try:
            upstream = await self._read()
        except RefusedError as refused:
            server.refusals.note(self._peer, str(refused))
            with contextlib.suppress(OSError):
                await stream.send(refused.reply, REPLY_PATIENCE)
                await stream.linger()
            return None
        except TimeoutError:
            server.refusals.note(self._peer, SLOW)
            return None
        except OSError as error:
            server.refusals.note(self._peer, f"closed: {error}")
            return None
        stream.unread(bytes(self._seen))
        return TcpStream(server.context, stream, self._peer, upstream, self._since, server.own_address(stream))

    async def _read(self) -> Upstream:
        """Where the client gets to. Raises RefusedError and OSError."""
        config, seen = self._server.config, self._seen
        try:
            await self._receive(config.request_wait_timeout)
        except TimeoutError:
            raise RefusedError("timeout: the client said nothing") from None
        deadline = time.monotonic() + config.request_recv_timeout
        while (is_tls := is_client_hello(seen)) is None:
            await self._receive(deadline - time.monotonic())
        if is_tls:
            hello = await self._message(ClientHelloReader(max_hello_size=self._server.hello_size), deadline, b"")
            alert = pack_alert(Alert.UNRECOGNIZED_NAME, version=TLCP_VERSION if hello.tlcp else TLS_VERSION)
            return self._allowed(self._asked_by_hello(hello, alert), alert)
        head = await self._message(RequestReader(leniency=LENIENT), deadline, TOO_SLOW)
        return self._allowed(self._asked_by_request(head), error_response(403, method=head.method))

    async def _message(self, reader: Machine[T], deadline: float, too_slow: bytes) -> T:
        """The first message, of which a part has come. Raises RefusedError and OSError."""
        reader.receive_data(self._seen)
        try:
            while (message := reader.next_event()) is None:
                reader.receive_data(await self._receive(deadline - time.monotonic()))
        except RemoteProtocolError as fault:
            reason = getattr(fault, "reason", "fault")
            raise RefusedError(f"{reason}: {fault}", reader.data_to_send()) from None
        except TimeoutError:
            raise RefusedError(SLOW, too_slow) from None
        return message

    async def _receive(self, patience: float) -> bytes:
        """More of the message. Raises RefusedError and OSError, TimeoutError among them."""
        data = await self._stream.receive(max(patience, 0.0))
        if not data:
            raise RefusedError("closed: the client left before its first message was complete")
        self._seen += data
        return data

    def _asked_by_hello(self, hello: ClientHello, alert: bytes) -> Upstream:
        if hello.server_name is None:
            raise RefusedError("server_name: a ClientHello that names no server", alert)
        return Upstream(parse(hello.server_name, alert), self._port())

    def _asked_by_request(self, head: RequestHead) -> Upstream:
        target = head.target
        if target.form is AUTHORITY:
            raise RefusedError("method: CONNECT, which is for proxies", error_response(405))
        if not target.host or not head.host_matches:
            raise RefusedError("host: a request that names no host, or two", error_response(400))
        return Upstream(parse(target.host, error_response(400)), target.port or self._port())

    def _port(self) -> int:
        """The port that the client connected to."""
        return server_address(self._stream.sock, self._peer)[1]

    def _allowed(self, asked: Upstream, reply: bytes) -> Upstream:
        upstream = self._server.allow(asked)
        if upstream is None:
            self._server.stats.dest_denied += 1
            raise RefusedError("not_allowed: a host that allowed_hosts does not have", reply)
        return upstream


def parse(name: str, reply: bytes) -> Host:
    """The host in the one spelling that rules know. Raises RefusedError."""
    try:
        return parse_host(name)
    except HostError:
        raise RefusedError("host: no host name or address", reply) from None
