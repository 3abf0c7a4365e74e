"""Serving one HTTP request for an ftp URI (g3's FTP over HTTP task)."""

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING

from g3_ftp import FtpError, Limits, ListingReader, Reply
from g3_http import (
    LAST_CHUNK,
    Field,
    Framing,
    RequestHead,
    Target,
    pack_challenge,
    pack_chunk,
    pack_response_head,
)

from ..escaper.base import ConnectNotes
from ..escaper.errors import TcpConnectError
from ..io.pacing import allowed
from .errors import Reason, TaskError, from_connect_error
from .ftp_control import ftp_fault, refused
from .ftp_forward import FtpForward
from .ftp_log import TASK_TYPE, FtpLog
from .ftp_request import FtpRequest, read_request
from .ftp_session import FtpSession
from .http_body import BULK, Body, BodyError, upload_fault
from .notes import Stage, TaskNotes

if TYPE_CHECKING:
    from ..server.http_proxy import ProxyClient

CHUNKED, CLOSE, LENGTH, NONE = Framing.CHUNKED, Framing.CLOSE, Framing.LENGTH, Framing.NONE

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

BINARY = (b"Content-Type", b"application/octet-stream")
TEXT = (b"Content-Type", b"text/plain; charset=utf-8")
"""Of listings, and of files that the server translates: RFC 2640 wants names in UTF-8."""


class FtpOverHttp:
    """One request of one client: a session at the FTP server for it alone."""

    _begun = False
    """Whether the client has seen a byte of the response."""
    _framing = NONE
    """How the client gets its body."""
    _log: FtpLog | None = None

    def __init__(self, client: "ProxyClient", head: RequestHead, target: Target, notes: TaskNotes) -> None:
        self._client = client
        self._head = head
        self._target = target
        self._notes = notes
        if client.context.task_log.enabled:
            self._log = FtpLog(client, head, target, notes)
        self._options = client.server.config.ftp_client
        self._session = FtpSession(client.context, self._options, notes, self._log)

    async def run(self) -> bool:
        """Serve the request; return whether the client's connection may carry another one."""
        reason, detail, keep = Reason.FINISHED, "", False
        forward: FtpForward | None = None
        try:
            self._client.server.check_destination(self._notes.upstream)
            if self._client.context.escaper.forwards_ftp:
                forward = await self._forward()
                if forward is not None:
                    return await forward.run()
            if self._log is not None:
                self._log.begin()
            request = read_request(self._head, self._target)
            await self._session.open(request)
            match self._head.method:
                case b"PUT":
                    keep = await self._store(request)
                case b"DELETE":
                    keep = await self._delete(request)
                case _:
                    keep = await self._retrieve(request)
            self._notes.stage = Stage.FINISHED
        except TaskError as error:
            reason, detail = error.reason, error.detail
            keep = await self._fail(error)
        except asyncio.CancelledError:
            reason = Reason.CANCELED_AS_SERVER_QUIT
            self._client.stream.abort()
            raise
        finally:
            self._session.close()
            if forward is None:  # else the task has ended there
                self._end(reason, detail)
        return keep

    async def _forward(self) -> FtpForward | None:
        """The request on its way to an HTTP proxy that takes it, if the escaper knows one. Raises TaskError."""
        client, notes = self._client, self._notes
        notes.stage, notes.connect = Stage.CONNECTING, ConnectNotes()
        try:
            hop = await client.context.escaper.ftp_connect(notes.upstream, self._head.method, notes.connect, notes)
        except TcpConnectError as error:
            raise from_connect_error(error) from None
        return None if hop is None else FtpForward(client, self._head, self._target, notes, hop)

    async def _retrieve(self, request: FtpRequest) -> bool:
        """GET and HEAD of what may be a file or a directory."""
        session, path = self._session, request.path
        if request.directory:
            return await self._list(request)
        await session.set_type(b"A" if request.text else b"I")
        found = await session.size(path)
        if isinstance(found, Reply) and found.code == 550 and (await session.control.ask(b"CWD", path)).completed:
            return await self._list(request, entered=True)
        size = None if isinstance(found, Reply) or request.text else found
        modified = await session.modified(path)
        fields = [TEXT if request.text else BINARY]
        if modified is not None:
            fields.append((b"Last-Modified", http_date(modified)))
        if size is not None:
            fields.append((b"Accept-Ranges", b"bytes"))
        if self._head.method == b"HEAD":
            if isinstance(found, Reply) and found.code == 550 and modified is None:
                raise refused(found)
            return await self._answer(200, fields, size)
        return await self._download(request, fields, size)

    async def _download(self, request: FtpRequest, fields: list[Field], size: int | None) -> bool:
        """The file, or the part of it that the client wants (RFC 9110 section 14)."""
        session, wanted, status = self._session, request.wanted, 200
        start, end = 0, size
        dated = any(value == request.if_range for name, value in fields if name == b"Last-Modified")
        if wanted is not None and size is not None and (request.if_range is None or dated):
            span = wanted.of(size)
            if span is None:
                return await self._answer(416, [(b"Content-Range", b"bytes */%d" % size)], 0)
            status, (start, end) = 206, span
        await session.open_data()
        if start and not (await session.control.ask(b"REST", b"%d" % start)).intermediate:
            status, start, end = 200, 0, size  # RFC 9110 section 14.2: whoever cannot send a part may send all
        await session.transfer(b"RETR", request.path)
        if size is None or end is None:
            await self._answer(200, fields, None)
            await self._pass_on(None)
            return await self._finish()
        if status == 206:
            fields.append((b"Content-Range", b"bytes %d-%d/%d" % (start, end - 1, size)))
        keep = await self._answer(status, fields, end - start)
        await self._pass_on(end - start)
        if end == size:
            await session.control.last_reply(self._options.transfer.end_wait_timeout)
        return keep

    async def _list(self, request: FtpRequest, entered: bool = False) -> bool:
        """The lines of a directory as the server writes them.

        LIST gets no argument: many servers hand it to a program, which takes a dash for options.
        """
        session, options = self._session, self._options.transfer
        await session.set_type(b"A")
        if request.path and not entered:
            reply = await session.control.ask(b"CWD", request.path)
            if not reply.completed:
                raise refused(reply)
        if self._head.method == b"HEAD":
            return await self._answer(200, [TEXT], None)
        await session.open_data()
        await session.transfer(b"LIST")
        await self._answer(200, [TEXT], None)
        reader = ListingReader(Limits(entry_length=options.list_max_line_len, entries=options.list_max_entries))
        deadline = time.monotonic() + options.list_all_timeout
        try:
            while data := await self._receive(BULK, deadline):
                reader.receive_data(data)
                await self._send_lines(reader)
            reader.receive_eof()
            await self._send_lines(reader)
        except FtpError as error:
            raise ftp_fault(error) from None
        return await self._finish()

    async def _store(self, request: FtpRequest) -> bool:
        """PUT: the body becomes the file (RFC 9110 section 9.3.4)."""
        client, session = self._client, self._session
        await session.set_type(b"A" if request.text else b"I")
        exists = isinstance(await session.size(request.path), int)
        await session.open_data()
        await session.transfer(b"STOR", request.path, of_550=403)
        if self._head.expect_continue and not client.requests.body_ended:
            await self._send(CONTINUE)
            self._begun = False  # the final response has not begun yet
        framing, data = self._head.framing, session.data
        target = CLOSE if framing is CHUNKED else framing
        patience = client.context.idle_seconds
        body = Body(client.requests, client.stream, data, framing, patience, target_framing=target, paces=session.up)
        if self._log is not None:
            self._log.upload = body
        try:
            await body.rest()
        except BodyError as error:
            if not error.at_source:  # the server may say why it takes no more
                reply = await session.control.last_reply(self._options.transfer.end_wait_timeout)
                if reply.failed:
                    raise refused(reply, of_550=403) from None
            raise upload_fault(error) from None
        data.close()
        reply = await session.control.last_reply()
        if not reply.completed:
            raise refused(reply, of_550=403)
        return await self._answer(204 if exists else 201, [], None if exists else 0)

    async def _delete(self, request: FtpRequest) -> bool:
        """DELETE: a file, or with a slash at its end a directory, which has to be empty."""
        directory = request.path.rstrip(b"/")
        if request.directory and not directory:
            raise TaskError(Reason.INVALID_CLIENT_PROTOCOL, "the root cannot be deleted", 400, close=False)
        command = (b"RMD", directory) if request.directory else (b"DELE", request.path)
        reply = await self._session.control.ask(*command)
        if not reply.completed:
            raise refused(reply)
        return await self._answer(204, [], None)

    async def _answer(self, status: int, fields: list[Field], length: int | None) -> bool:
        """Send the head of the response; return whether the client may ask again on this connection.

        ``length`` None is a body whose length is not known, if the status and the method have one at all.
        """
        client, head = self._client, self._head
        if length is None and status == 200 and head.method != b"HEAD":
            self._framing = CHUNKED if head.minor else CLOSE
        keep = (
            head.keep_alive
            and head.minor > 0
            and self._framing is not CLOSE
            and client.server.online
            and client.requests.body_ended
        )
        fields = list(fields)
        if length is not None:
            fields.append((b"Content-Length", b"%d" % length))
        elif self._framing is CHUNKED:
            fields.append((b"Transfer-Encoding", b"chunked"))
        if not keep:
            fields.append((b"Connection", b"close"))
        fields += self._chained()
        if self._log is not None:
            self._log.status = status
        await self._send(pack_response_head(status, fields))
        return keep

    async def _pass_on(self, length: int | None) -> None:
        """Pass so many bytes of the data connection on, or all until its end."""
        left = length
        while left is None or left > 0:
            data = await self._receive(BULK if left is None else min(left, BULK))
            if not data:
                break
            await self._send(pack_chunk(data) if self._framing is CHUNKED else data)
            if left is not None:
                left -= len(data)
        if left:
            raise TaskError(Reason.CLOSED_BY_UPSTREAM, f"{left} bytes of the file did not come", 502)

    async def _finish(self) -> bool:
        """The end of a body whose length nobody knew: it is whole only if the server says so."""
        reply = await self._session.control.last_reply(self._options.transfer.end_wait_timeout)
        if not reply.completed:
            raise TaskError(Reason.CLOSED_BY_UPSTREAM, f"the transfer failed: {reply.code} {reply.text}", 502)
        if self._framing is not CHUNKED:
            return False
        await self._send(LAST_CHUNK)
        return self._head.keep_alive and self._client.server.online and self._client.requests.body_ended

    async def _receive(self, size: int, deadline: float | None = None) -> bytes:
        session, patience = self._session, self._client.context.idle_seconds
        if deadline is not None:
            patience = min(patience, max(deadline - time.monotonic(), 0.0))
        if session.down:
            size = await allowed(session.down, size)
        try:
            data = await session.data.receive(patience, size)
        except TimeoutError:
            raise TaskError(Reason.UPSTREAM_APP_TIMEOUT, "the FTP server sends no bytes", 504) from None
        except OSError as error:
            raise TaskError(Reason.UPSTREAM_READ_FAILED, str(error), 502) from None
        for pace in session.down:
            pace.spend(len(data))
        return data

    async def _send_lines(self, reader: ListingReader) -> None:
        lines = b"".join([line + b"\r\n" for line in iter(reader.next_event, None)])
        if lines:
            await self._send(pack_chunk(lines) if self._framing is CHUNKED else lines)

    async def _send(self, data: bytes) -> None:
        self._begun = True
        try:
            await self._client.stream.send(data, self._client.context.idle_seconds)
        except OSError as error:
            raise TaskError(Reason.CLIENT_TCP_WRITE_FAILED, str(error), None) from None

    async def _fail(self, error: TaskError) -> bool:
        """Tell the client, if it has not heard anything yet; else cut the response off where it is."""
        client = self._client
        if self._begun:
            if self._framing is CLOSE:
                client.stream.abort()  # only a reset tells this client that the end is not the end
            return False
        if error.status is None:
            return False
        fields = self._chained()
        if error.status == 401:
            fields.append((b"WWW-Authenticate", pack_challenge(f"ftp {self._notes.upstream}")))
        if self._log is not None:
            self._log.status = error.status
        message = f"{self._notes.upstream}: {error.detail}"
        return await client.refuse(error.status, self._head, message, error.close, fields)

    def _chained(self) -> list[Field]:
        """What the server adds to all its replies."""
        chained = self._client.server.chained_info
        return [] if chained is None else chained.of_reply(self._notes.connect)

    def _end(self, reason: Reason, detail: str) -> None:
        more = None if self._log is None else self._log.finish()
        self._client.context.end_task(self._notes, TASK_TYPE, reason, detail, more=more)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(moment: datetime) -> bytes:
    """An IMF-fixdate (RFC 9110 section 5.6.7) of a moment in UTC, whatever the language of the machine."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT".encode("ascii")
