"""Opening the tunnel that an HTTP client asks for with CONNECT (RFC 9110 section 9.3.6)."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from g3_http import Field, RequestHead, pack_response_head

from ..escaper.base import ConnectNotes
from ..escaper.errors import TcpConnectError
from .errors import Reason, TaskError, from_connect_error
from .notes import Event, Stage, TaskNotes
from .tunnel import TASK_TYPE, Tunnel, send_ahead

if TYPE_CHECKING:
    from ..server.http_proxy import HttpClient

GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
"""No fields about a body: a 2xx to CONNECT has no body, and must not claim one (RFC 9110 section 9.3.6)."""

REPLY_PATIENCE = 10.0
"""Seconds without progress that a client has to take the reply."""


def granted(fields: Iterable[Field]) -> bytes:
    """The same with fields about the connection."""
    return pack_response_head(200, fields, reason=b"Connection established")


class HttpConnect:
    """One CONNECT request."""

    __slots__ = ("_client", "_head", "_notes")

    def __init__(self, client: "HttpClient", head: RequestHead, notes: TaskNotes) -> None:
        self._client = client
        self._head = head
        self._notes = notes

    async def run(self) -> Tunnel | bool:
        """Return the tunnel, or whether the client's connection may carry another request."""
        client, context, notes = self._client, self._client.context, self._notes
        try:
            upstream = await self._connect()
            try:
                await self._grant()
                await send_ahead(context, upstream, client.requests.take_unread(), notes)
            except BaseException:
                upstream.close()
                raise
        except TaskError as error:
            context.end_task(notes, TASK_TYPE, error.reason, error.detail)
            if error.status is None:
                return False
            chained = client.server.chained_info
            fields = () if chained is None else chained.of_reply(notes.connect)
            message = f"{notes.upstream}: {error.detail}"
            keep = await client.refuse(error.status, self._head, message, error.close, fields)
            if keep:
                client.requests.resume()
            return keep
        except BaseException:
            context.end_task(notes, TASK_TYPE, Reason.CANCELED_AS_SERVER_QUIT)
            raise
        return Tunnel(context, client.stream, upstream, notes)

    async def _connect(self) -> socket.socket:
        client, notes = self._client, self._notes
        client.server.check_destination(notes.upstream)
        notes.stage = Stage.CONNECTING
        notes.egress_path = client.egress_path
        notes.connect = ConnectNotes()
        try:
            sock = await client.context.escaper.tcp_connect(notes.upstream, notes.connect, notes)
        except TcpConnectError as error:
            raise from_connect_error(error) from None
        notes.stage = Stage.CONNECTED
        if client.context.log_connected:
            notes.log(client.context.task_log, TASK_TYPE, Event.CONNECTED)
        return sock

    async def _grant(self) -> None:
        self._notes.stage = Stage.REPLYING
        chained = self._client.server.chained_info
        reply = GRANTED if chained is None else granted(chained.of_reply(self._notes.connect))
        try:
            await self._client.stream.send(reply, REPLY_PATIENCE)
        except OSError as error:
            raise TaskError(Reason.CLIENT_TCP_WRITE_FAILED, str(error), None) from None
