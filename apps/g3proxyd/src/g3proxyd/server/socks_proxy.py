"""The SOCKS proxy: SOCKS4, 4a and 5 clients get their TCP connection, or UDP (RFC 1928; g3's ``socks_proxy``)."""

import contextlib
import logging
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

from g3_acl import HostError, parse_host, unmap
from g3_escape import EgressPath
from g3_machine import RemoteProtocolError
from g3_socks import Bind, Connect, Credentials, Reply, SocksServer, UdpAssociate

from ..escaper.base import Connection, ConnectNotes
from ..escaper.errors import TcpConnectError
from ..io.addresses import Peer, server_address
from ..io.stream import Stream
from ..task.errors import Reason, TaskError, from_connect_error, socks_reply
from ..task.notes import Event, TaskNotes
from ..task.notes import Stage as Progress
from ..task.socks_udp import SocksUdp
from ..task.socks_udp_notes import UdpNotes
from ..task.tunnel import TASK_TYPE, Tunnel, send_ahead
from ..upstream import Upstream
from .base import Server, Stage
from .context import ServerContext
from .destination import DestinationFilter
from .socks_udp import ASSOCIATIONS_MAX, UdpEntrance

if TYPE_CHECKING:
    from ..config.server.socks_proxy import SocksProxyConfig

log = logging.getLogger(__name__)

REPLY_PATIENCE = 10.0
"""Seconds without progress that a client has to take the few bytes of a reply."""


class SocksProxyServer(Server):
    """g3's ``socks_proxy``."""

    type_name = "SocksProxy"

    def __init__(self, context: ServerContext, config: "SocksProxyConfig") -> None:
        destinations = DestinationFilter(config.name, config.dst_host_filter_set, config.dst_port_filter)
        super().__init__(context, config.ingress_network_filter, destinations)
        self.negotiation_timeout = config.negotiation_timeout
        """Seconds that a client has to say what it wants."""
        self.udp = UdpEntrance(config)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Shake hands."""
        return SocksHandshake(self, stream, peer)

    def admits_datagrams(self, source: Peer) -> bool:
        """Whether the ingress filter lets this source of datagrams in."""
        return self._ingress is None or self._admits(self._ingress, source)


class SocksHandshake:
    """From the first byte of a client to the tunnel or association, or to the reply that says why there is none."""

    __slots__ = ("_machine", "_path", "_peer", "_server", "_stream", "_user")

    def __init__(self, server: SocksProxyServer, stream: Stream, peer: Peer) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer
        self._machine = SocksServer()
        self._user: str | None = None  # the name that the client has logged in with
        self._path: EgressPath | None = None

    async def run(self) -> Stage | None:
        """Serve the one request of this connection."""
        accepted = time.monotonic()
        try:
            request = await self._read_request(accepted + self._server.negotiation_timeout)
            if request is None:
                return None
            if isinstance(request, UdpAssociate):
                return await self._associate(request, accepted)
            if isinstance(request, Bind):
                await self._refuse(Reply.COMMAND_NOT_SUPPORTED)
                return None
            return await self._connect(request, accepted)
        except OSError:  # the client is gone, or too slow; TimeoutError is an OSError as well
            return None

    async def _read_request(self, deadline: float) -> Connect | Bind | UdpAssociate | None:
        """The request; None when the client did not make one, and has been told so as far as SOCKS can."""
        machine, stream = self._machine, self._stream
        while True:
            try:
                event = machine.next_event()
            except RemoteProtocolError:
                if refusal := machine.data_to_send():
                    await stream.send(refusal, REPLY_PATIENCE)
                    await stream.linger()
                return None
            await self._say()
            match event:
                case None:
                    data = await stream.receive(max(deadline - time.monotonic(), 0.0))
                    if not data:
                        return None
                    machine.receive_data(data)
                case Credentials():
                    # Nobody is asked for credentials while there are no users, so these were not asked for either.
                    machine.authenticate(False)
                case _:
                    return event

    async def _connect(self, request: Connect, accepted: float) -> Stage | None:
        """Make the connection that was asked for; the tunnel through it is the next stage."""
        context = self._server.context
        try:
            upstream = upstream_of(request)
        except HostError:
            await self._refuse(Reply.GENERAL_FAILURE)
            return None
        notes = context.begin_task(self._stream.sock, self._peer, upstream, accepted)
        notes.user, notes.egress_path = self._user, self._path
        if context.log_created:
            notes.log(context.task_log, TASK_TYPE, Event.CREATED)
        try:
            connection = await self._dial(notes)
            try:
                if early := await self._grant(notes):
                    await send_ahead(context, connection, early, notes)
            except BaseException:
                connection.close()
                raise
        except TaskError as error:
            context.end_task(notes, TASK_TYPE, error.reason, error.detail)
            return None
        except BaseException:
            context.end_task(notes, TASK_TYPE, Reason.CANCELED_AS_SERVER_QUIT)
            raise
        return Tunnel(context, self._stream, connection, notes)

    async def _associate(self, request: UdpAssociate, accepted: float) -> Stage | None:
        """Open a socket for the client's datagrams; the association is the next stage."""
        server = self._server
        context, entrance = server.context, server.udp
        if entrance.associations >= ASSOCIATIONS_MAX:
            log.warning("server %s: %d UDP associations, and no more", server.name, ASSOCIATIONS_MAX)
            await self._refuse(Reply.GENERAL_FAILURE)
            return None
        control, peer = self._stream.local_address(), self._peer
        target = Upstream(request.host, request.port)
        server_addr = server_address(self._stream.sock, peer)
        notes = UdpNotes(context.type_name, server.name, server_addr, peer, target, accepted)
        notes.user, notes.egress_path = self._user, self._path
        permits, admits = server.check_destination, server.admits_datagrams
        association = SocksUdp(context, entrance, notes, request, permits, admits)
        try:
            listening = association.open(control)
            self._machine.grant(entrance.told(listening), listening[1])
            await self._say()
            if self._machine.take_unread():
                association.fail(Reason.INVALID_CLIENT_PROTOCOL, "bytes behind the request on the TCP connection")
                return None
        except TcpConnectError as error:
            failure = from_connect_error(error)
            association.fail(failure.reason, failure.detail)
            await self._refuse(socks_reply(error))
            return None
        except OSError as error:
            if notes.stage is Progress.REPLYING:
                association.fail(Reason.CLIENT_TCP_WRITE_FAILED, str(error))
            else:
                association.fail(Reason.INTERNAL_SERVER_ERROR, str(error))
                await self._refuse(Reply.GENERAL_FAILURE)
            return None
        except BaseException:
            association.fail(Reason.CANCELED_AS_SERVER_QUIT, "")
            raise
        association.hold(self._stream)
        return association

    async def _dial(self, notes: TaskNotes) -> Connection:
        """The connection; the client is told why when there is none. Raises TaskError."""
        context = self._server.context
        try:
            self._server.check_destination(notes.upstream)
        except TaskError:
            await self._refuse(Reply.NOT_ALLOWED)
            raise
        notes.stage = Progress.CONNECTING
        notes.connect = ConnectNotes()
        try:
            connection = await context.escaper.tcp_connect(notes.upstream, notes.connect, notes)
        except TcpConnectError as error:
            await self._refuse(socks_reply(error))
            raise from_connect_error(error) from None
        notes.stage = Progress.CONNECTED
        if context.log_connected:
            notes.log(context.task_log, TASK_TYPE, Event.CONNECTED)
        return connection

    async def _grant(self, notes: TaskNotes) -> bytes:
        """Tell the client that it is connected; return what it already sent to its target. Raises TaskError."""
        notes.stage = Progress.REPLYING
        bound = notes.connect.next_bound_addr
        assert bound is not None  # noqa: S101 - it is connected
        host, port = bound[:2]
        self._machine.grant(ip_address(host), port)
        try:
            await self._say()
        except OSError as error:
            raise TaskError(Reason.CLIENT_TCP_WRITE_FAILED, str(error), None) from None
        return self._machine.take_unread()

    async def _refuse(self, code: Reply) -> None:
        """Answer the request with a failure; a client that does not take it is as gone as it would be anyway."""
        self._machine.refuse(code)
        with contextlib.suppress(OSError):
            await self._say()
            await self._stream.linger()

    async def _say(self) -> None:
        if output := self._machine.data_to_send():
            await self._stream.send(output, REPLY_PATIENCE)


def upstream_of(request: Connect) -> Upstream:
    """The target in the one spelling that rules, logs and escapers know. Raises HostError."""
    host = request.host
    return Upstream(parse_host(host) if isinstance(host, str) else unmap(host), request.port)
