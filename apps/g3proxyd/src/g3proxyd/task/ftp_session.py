"""One login at an FTP server, with its data connection: what the commands of FTP over HTTP are made of."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from g3_ftp import (
    FtpClient,
    FtpError,
    Limits,
    Login,
    LoginError,
    Reply,
    parse_extended_passive,
    parse_features,
    parse_modified,
    parse_passive,
    parse_size,
)

from ..escaper.base import Connection, ConnectNotes
from ..escaper.errors import TcpConnectError
from ..io.pacing import Pace, paces
from ..io.stream import Stream
from ..upstream import Upstream
from .errors import Reason, TaskError, from_connect_error
from .ftp_control import FtpControl, ftp_fault, refused
from .ftp_log import FtpLog
from .ftp_request import FtpRequest
from .notes import Stage, TaskNotes

if TYPE_CHECKING:
    from ..config.values.ftp import FtpClient as FtpOptions
    from ..server.context import ServerContext


class FtpSession:
    """A control connection, and one data connection at a time. It owns both."""

    def __init__(self, context: "ServerContext", options: "FtpOptions", notes: TaskNotes, log: FtpLog | None) -> None:
        self._context = context
        self._options = options
        self._notes = notes
        self._log = log
        self._control: FtpControl | None = None
        self._data: Stream | None = None
        self._extended = options.always_try_epsv
        self.up: list[Pace] = []
        self.down: list[Pace] = []
        """The limits on what goes to the server, and on what comes from it, over the data connection."""

    @property
    def control(self) -> FtpControl:
        """The control connection; there is one after `open`."""
        assert self._control is not None  # noqa: S101 - a mistake of ours
        return self._control

    @property
    def data(self) -> Stream:
        """The data connection; there is one after `open_data`."""
        assert self._data is not None  # noqa: S101 - a mistake of ours
        return self._data

    async def open(self, request: FtpRequest) -> None:
        """Connect and log in. Raises TaskError."""
        context, notes, options = self._context, self._notes, self._options
        notes.stage = Stage.CONNECTING
        notes.connect = ConnectNotes()
        found = await self._connect(context.escaper.tcp_connect(notes.upstream, notes.connect, notes))
        stream = context.relays.stream(found)
        limits = Limits(line_length=options.control.max_line_len, reply_lines=options.control.max_multi_lines)
        self._control = control = FtpControl(stream, FtpClient(limits), options.control.command_timeout)
        notes.stage = Stage.CONNECTED
        if self._log is not None:
            self._log.control = stream
            self._log.connected()
        login = Login(request.username, request.password)
        reply = await control.last_reply(options.greeting_timeout)
        try:
            while (command := login.answer(reply)) is not None:
                await control.send(*command)
                reply = await control.last_reply()
        except LoginError as error:
            # What was wrong with the greeting is no matter of passwords.
            status = 401 if control.replies > 1 else 502
            raise TaskError(Reason.UPSTREAM_NOT_AVAILABLE, str(error), status, close=False) from None
        if not self._extended:
            self._extended = "EPSV" in parse_features(await control.ask(b"FEAT"))
        notes.stage = Stage.LOGGED_IN

    async def set_type(self, kind: bytes) -> None:
        """Choose how files are transferred: ``I`` as they are, ``A`` as text. Raises TaskError."""
        reply = await self.control.ask(b"TYPE", kind)
        if not reply.completed:
            raise refused(reply)

    async def size(self, path: bytes) -> int | Reply:
        """The bytes of a file, or why the server does not tell. Raises TaskError."""
        reply = await self.control.ask(b"SIZE", path)
        try:
            return parse_size(reply)
        except FtpError:
            return reply

    async def modified(self, path: bytes) -> datetime | None:
        """When a file was changed, if the server says so. Raises TaskError."""
        with contextlib.suppress(FtpError):
            return parse_modified(await self.control.ask(b"MDTM", path))
        return None

    async def open_data(self) -> None:
        """Make a data connection to the server. Raises TaskError."""
        extended = self._extended
        try:
            await self._open_data()
        except TaskError as error:
            # Between us and the server there may be something that knows PASV only.
            if not extended or not self._extended or error.reason is not Reason.UPSTREAM_NOT_CONNECTED or self._is_v6():
                raise
            self._extended = False
            await self._open_data()

    async def transfer(self, verb: bytes, path: bytes | None = None, of_550: int = 404) -> None:
        """Have the server begin a transfer over the data connection. Raises TaskError."""
        reply = await self.control.ask(verb, path)
        if not reply.preliminary:
            raise refused(reply, of_550)
        self._notes.stage = Stage.RELAYING
        self._notes.ready = time.monotonic()

    def close(self) -> None:
        """Close both connections; a transfer that was not finished is cut off, so that a part is not taken for all."""
        if self._data is not None:
            self._data.abort()
        if self._control is not None:
            self._control.close()

    async def _open_data(self) -> None:
        context, notes = self._context, self._notes
        connect = ConnectNotes()
        if self._log is not None:
            self._log.data_connect = connect
        # The port alone is taken from the server. An address of its choice could be anybody's.
        target = Upstream(notes.upstream.host, await self._passive_port())
        found = await self._connect(context.escaper.tcp_connect_beside(target, notes.connect, connect, notes))
        self._data = context.relays.stream(found)
        self.up, self.down = paces(time.monotonic, context.speed_limit, connect.speed_limit)
        if self._log is not None:
            self._log.data = self._data

    async def _passive_port(self) -> int:
        """RFC 2428 section 3, and RFC 959 for servers that do not know it."""
        try:
            if self._extended:
                reply = await self.control.ask(b"EPSV")
                if reply.completed:
                    return parse_extended_passive(reply)
                self._extended = False
            reply = await self.control.ask(b"PASV")
            if reply.completed:
                return parse_passive(reply)[1]
        except FtpError as error:
            raise ftp_fault(error) from None
        raise refused(reply, 502)

    def _is_v6(self) -> bool:
        return ip_address(self.control.stream.sock.getpeername()[0].partition("%")[0]).version == 6

    async def _connect(self, connecting: Awaitable[Connection]) -> Connection:
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                return await connecting
        except TimeoutError:
            detail = "no connection within the connect_timeout of ftp_client"
            raise TaskError(Reason.UPSTREAM_NOT_CONNECTED, detail, 504, close=False) from None
        except TcpConnectError as error:
            raise from_connect_error(error) from None
