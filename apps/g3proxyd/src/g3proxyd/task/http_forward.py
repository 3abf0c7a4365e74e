"""Forwarding one HTTP request and its response (RFC 9110 section 7.6, RFC 9112; g3's http forward task)."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar

from g3_http import (
    LAST_CHUNK,
    Form,
    Framing,
    HttpError,
    RequestHead,
    ResponseHead,
    Target,
    client_framing,
    forward_request,
    forward_response,
)

from ..escaper.base import ConnectNotes, HttpHop
from ..escaper.errors import TcpConnectError
from ..upstream import SecureUpstream
from .errors import Reason, TaskError, from_connect_error
from .http_body import BULK, Body, BodyError, download_fault, response_fault, upload_fault
from .http_log import TASK_TYPE, ForwardLog
from .http_upstream import HttpUpstream
from .notes import Event, Stage, TaskNotes
from .upstream_tls import shake_hands

if TYPE_CHECKING:
    from ..server.http_server import HttpClient

log = logging.getLogger(__name__)

FINISHED = Reason.FINISHED
ABSOLUTE, ORIGIN = Form.ABSOLUTE, Form.ORIGIN
NONE, CHUNKED, CLOSE = Framing.NONE, Framing.CHUNKED, Framing.CLOSE
REPLYING, RELAYING, DONE = Stage.REPLYING, Stage.RELAYING, Stage.FINISHED
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""

SAFE_TO_REPEAT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""Idempotent methods (RFC 9110 section 9.2.2): a proxy must not repeat any other on its own account."""

UPLOAD_PATIENCE = 86400.0
"""Seconds to wait for a response while the request body is still being sent; the body itself has its own patience."""

PROXY_AUTHENTICATION_REQUIRED = 407
HANDSHAKE_FAILED = 525
"""g3's own status for TLS with the origin."""
UPGRADE_REQUIRED = 426

GONE = frozenset((Reason.CLOSED_BY_UPSTREAM, Reason.UPSTREAM_READ_FAILED, Reason.UPSTREAM_WRITE_FAILED))
"""How it shows that the server has closed a kept connection in the very moment in which we used it again."""


class HttpForward:
    """One request of one client, from its head to the last byte of the response."""

    _upgrade: ClassVar[bool] = False
    """Whether the request asks for another protocol."""
    _handed_over = False
    """Whether somebody else has the connection to the server now."""

    __slots__ = (
        "_begun",
        "_client",
        "_framing",
        "_head",
        "_host",
        "_log",
        "_notes",
        "_target",
        "_upload",
        "_upload_fault",
    )

    def __init__(
        self, client: "HttpClient[Any]", head: RequestHead, target: Target, host: bytes | None, notes: TaskNotes
    ):
        """``target`` is where the request goes, ``host`` what Host will say there if not the target's authority."""
        self._client = client
        self._head = head
        self._target = target
        self._host = host
        self._notes = notes
        self._begun = False  # whether the client has seen a byte of the response
        self._framing = NONE  # how the client gets its body
        self._upload: asyncio.Task[None] | None = None
        self._upload_fault: TaskError | None = None
        self._log = ForwardLog(client, head, target, notes) if client.context.task_log.enabled else None

    async def run(self) -> bool:
        """Serve the request; return whether the client's connection may carry another one."""
        client, notes = self._client, self._notes
        reason, detail, keep = FINISHED, "", False
        try:
            client.server.check_destination(notes.upstream)
            connection = client.take_kept(notes.upstream)
            if connection is not None:
                notes.connect = connection.connect
                try:
                    keep = await self._converse(connection)
                except TaskError as error:
                    if not self._may_repeat(connection, error):
                        raise
                    connection = None
            if connection is None:
                keep = await self._converse(await self._connect())
            notes.stage = DONE
        except TaskError as error:
            reason, detail = error.reason, error.detail
            keep = await self._fail(error)
        except asyncio.CancelledError:
            reason = Reason.CANCELED_AS_SERVER_QUIT
            client.stream.abort()
            raise
        finally:
            if self._upload is not None:
                self._upload.cancel()
            self._end(reason, detail)
        return keep

    def _request(self, hop: HttpHop) -> bytes:
        server = self._client.server
        return forward_request(
            self._head,
            target=self._target,
            form=ABSOLUTE if hop.proxy else ORIGIN,
            host=self._host,
            drop_default_port=server.drops_default_port,
            keep_alive=server.keeps_connections or self._upgrade,
            upgrade=self._upgrade,
            drop=server.drops_fields,
            fields=hop.fields,
        )

    async def _stop_upload(self) -> bool:
        """Read no more of the request body; return whether that cut it short."""
        if self._upload is None or self._upload.done():
            return False
        self._upload.cancel()
        await asyncio.wait([self._upload])
        return True

    def _may_repeat(self, connection: HttpUpstream, error: TaskError) -> bool:
        """Whether a kept connection failed as those do: closed before it answered (RFC 9112 section 9.3.1)."""
        return (
            error.reason in GONE
            and not self._begun
            and connection.stream.received == connection.received_before
            and self._head.method in SAFE_TO_REPEAT
            and self._head.framing is Framing.NONE
        )

    async def _connect(self) -> HttpUpstream:
        client, notes = self._client, self._notes
        notes.stage = Stage.CONNECTING
        notes.connect = ConnectNotes()
        escaper = client.context.escaper
        try:
            if self._upgrade:
                # Proxies need not pass an upgrade on, but every tunnel does.
                hop = HttpHop(await escaper.tcp_connect(notes.upstream, notes.connect, notes))
            else:
                hop = await escaper.http_connect(notes.upstream, notes.connect, notes)
        except TcpConnectError as error:
            raise from_connect_error(error) from None
        notes.stage = Stage.CONNECTED
        if client.context.log_connected and self._log is not None:
            self._log.write(Event.CONNECTED)
        connection = client.connected(notes.upstream, hop, notes.connect)
        if type(notes.upstream) is SecureUpstream and not hop.proxy:
            tls = client.upstream_tls
            connection.stream = await shake_hands(
                client.context, connection.stream, tls, notes, TASK_TYPE, HANDSHAKE_FAILED
            )
        return connection

    async def _converse(self, connection: HttpUpstream) -> bool:
        """Send the request and pass the response on; keep the connection if both sides may, else close it."""
        client, log = self._client, self._log
        self._notes.stage = REPLYING
        try:
            request = self._request(connection.hop)
            connection.begin(self._head.method, self._upgrade)
            if log is not None:
                log.connection = connection
            try:
                if not connection.stream.write(request):
                    await connection.stream.drain(client.context.idle_seconds)
            except OSError as error:
                raise TaskError(Reason.UPSTREAM_WRITE_FAILED, str(error), 502) from None
            if log is not None:
                log.request_head_sent()
            if self._head.framing is not NONE and not client.requests.body_ended:
                self._upload = client.context.loop.create_task(self._send_body(connection), name="upload")
            elif log is not None:
                log.request_sent()
            response = await self._read_response(connection)
            keep = await self._answer(connection, response)
        except BaseException:
            await self._stop_upload()
            connection.stream.close()
            raise
        cut_short = self._upload is not None and await self._stop_upload()
        uploaded = not cut_short and self._upload_fault is None
        if uploaded and response.keep_alive and connection.reader.reusable:
            client.keep(connection)
        elif not self._handed_over:
            connection.stream.close()
        if cut_short:
            await client.stream.linger()
        return keep and uploaded

    async def _send_body(self, connection: HttpUpstream) -> None:
        """Pass the request body on, while the response may already be coming."""
        client = self._client
        body = Body(
            client.requests,
            client.stream,
            connection.stream,
            self._head.framing,
            client.context.idle_seconds,
            paces=connection.up,
        )
        if self._log is not None:
            self._log.upload = body
        try:
            await body.rest()
        except BodyError as error:
            self._upload_fault = upload_fault(error)
            if error.at_source:
                # Half a request must never look like a whole one: neither wait for its answer nor finish it.
                connection.stream.interrupt(ConnectionAbortedError())
            # A server that takes no more may have answered already: the response will tell.
        except Exception:
            log.exception("server %s: passing a request body on failed", client.server.name)
            self._upload_fault = TaskError(Reason.INTERNAL_SERVER_ERROR, "the request body was not passed on", 500)
            connection.stream.interrupt(ConnectionAbortedError())
        else:
            if self._log is not None:
                self._log.request_sent()
            connection.stream.extend(client.server.response_patience)

    async def _read_response(self, connection: HttpUpstream) -> ResponseHead:
        """The final response head; interim ones are passed on as they come (RFC 9110 section 15.2)."""
        reader, stream = connection.reader, connection.stream
        patience = self._client.server.response_patience
        deadline = 0.0
        while True:
            if self._upload is not None and not self._upload.done():
                wait = UPLOAD_PATIENCE
            elif deadline:
                wait = max(deadline - time.monotonic(), 0.0)
            else:
                deadline, wait = time.monotonic() + patience, patience
            try:
                await stream.readable(wait)
                data = stream.read()
            except OSError as error:
                raise self._receive_fault(error) from None
            if data:
                reader.receive_data(data)
            elif data is not None:
                reader.receive_eof()
            try:
                while (response := reader.next_event()) is not None:
                    if response.status >= 200 or not response.interim:
                        if self._log is not None:
                            self._log.response_head_received(response.status)
                        return response
                    if self._head.minor:  # RFC 9110 section 15.2: never to an HTTP/1.0 client
                        await self._send(forward_response(response))
                        self._begun = False  # the final response has not begun yet
            except HttpError as error:
                raise response_fault(error) from None

    def _receive_fault(self, error: OSError) -> TaskError:
        if isinstance(error, TimeoutError):
            return TaskError(Reason.UPSTREAM_APP_TIMEOUT, "no response head in time", 504)
        if self._upload_fault is not None and isinstance(error, ConnectionAbortedError):
            return self._upload_fault
        return TaskError(Reason.UPSTREAM_READ_FAILED, str(error), 502)

    async def _answer(self, connection: HttpUpstream, response: ResponseHead) -> bool:
        """Pass the response on; return whether the client may ask again on this connection."""
        client, head, notes = self._client, self._head, self._notes
        reader = connection.reader
        framing = self._framing = client_framing(response, head.minor)
        keep = (
            head.keep_alive
            and framing is not CLOSE
            and client.server.online
            and (self._upload is None or self._upload.done())
        )
        status = response.status
        if status == PROXY_AUTHENTICATION_REQUIRED and connection.hop.proxy:
            # It is us whom the next proxy asks, and our client cannot know the answer.
            raise TaskError(Reason.UPSTREAM_NOT_NEGOTIATED, "the next proxy wants other credentials", 502, close=False)
        upgrade = status == UPGRADE_REQUIRED  # RFC 9110 section 15.5.22: it says to which protocol
        chained = client.server.chained_info
        fields = () if chained is None else chained.of_response(response, notes.connect)
        data = forward_response(
            response, framing=framing, minor=head.minor, keep_alive=keep, upgrade=upgrade, fields=fields
        )
        notes.stage = RELAYING
        notes.ready = time.monotonic()
        paces = connection.down
        if response.framing is framing and not paces:
            try:
                data += reader.take_body(BULK)
            except HttpError as error:
                raise response_fault(error) from None
        await self._send(data)
        if not reader.body_ended:
            body = Body(
                reader,
                connection.stream,
                client.stream,
                response.framing,
                client.context.idle_seconds,
                target_framing=framing,
                paces=paces,
            )
            try:
                await body.rest()
            except BodyError as error:
                raise download_fault(error) from None
        elif framing is CHUNKED is not response.framing:
            await self._send(LAST_CHUNK)
        if self._log is not None:
            self._log.response_received()
        return keep

    async def _send(self, data: bytes) -> None:
        stream = self._client.stream
        self._begun = True
        try:
            if not stream.write(data):
                await stream.drain(self._client.context.idle_seconds)
        except OSError as error:
            raise TaskError(Reason.CLIENT_TCP_WRITE_FAILED, str(error), None) from None

    async def _fail(self, error: TaskError) -> bool:
        """Tell the client, if it has not heard anything yet; else cut the response off where it is."""
        client = self._client
        if self._begun:
            if self._framing is CLOSE:
                # Only a reset tells this client that the end is not the end; others miss a length or a last chunk.
                client.stream.abort()
            return False
        if error.status is None:
            return False
        await self._stop_upload()
        if self._log is not None:
            self._log.status = error.status
        chained = client.server.chained_info
        fields = () if chained is None else chained.of_reply(self._notes.connect)
        message = f"{self._notes.upstream}: {error.detail}"
        return await client.refuse(error.status, self._head, message, error.close, fields)

    def _end(self, reason: Reason, detail: str) -> None:
        more = None if self._log is None else self._log.finish()
        self._client.context.end_task(self._notes, TASK_TYPE, reason, detail, more=more)
