"""One connection to the control socket: HTTP/1.1 (RFC 9112) by h11 on a bare socket."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import h11
import msgspec

from .client import UPGRADE
from .operations import OperationError, Operations, Reason
from .routes import HANDOVER, Answer, Call, RefusalError, Route, find

__all__ = ["Connection", "Handover", "Limits", "pack_document", "pack_error"]

log = logging.getLogger(__name__)

RECEIVE_SIZE = 16 * 1024

_SWITCH = [("Upgrade", UPGRADE), ("Connection", "upgrade")]

STATUS = {
    Reason.INVALID: 400,
    Reason.NOT_FOUND: 404,
    Reason.STATE: 409,
    Reason.UNSUPPORTED: 409,
    Reason.CONFIGURATION: 409,
    Reason.RESOLUTION: 502,
    Reason.FAILED: 500,
}

Handover = Callable[[socket.socket, bytes], None]
"""Takes a connection that has left HTTP: the socket, non-blocking and now its own, and bytes that came too early."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may make large or long. Times are seconds."""

    head: int = 16 * 1024
    """Bytes of a request's head; up to as much again may have come before that is noticed."""
    body: int = 16 * 1024 * 1024
    """Bytes of what is published: the users of a large group take some megabytes."""
    connections: int = 32
    """At once. Each may hold a body."""
    receive_timeout: float = 30.0
    """For a whole request, and for the pause before it."""
    send_timeout: float = 1.0
    """For a whole answer."""
    close_timeout: float = 1.0
    """For operations under way when the server closes."""


class Connection:
    """Serves the requests of one client, one after the other."""

    def __init__(
        self, sock: socket.socket, operations: Operations, limits: Limits, handover: Handover | None = None
    ) -> None:
        """``sock`` is non-blocking and belongs to the connection."""
        self.sock = sock
        self.busy = False
        """A request is complete and its answer is not sent yet."""
        self.last = False
        """Set it to end the connection after the present request."""
        self._loop = asyncio.get_running_loop()
        self._operations = operations
        self._limits = limits
        self._handover = handover
        self._given_away = False
        self._whole = False
        self._head_only = False
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)

    async def run(self) -> None:
        """Serve until the client closes, or a limit ends it; `close` has to follow."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except OSError as error:
            log.debug("control: a client is gone: %s", error)

    def close(self) -> None:
        """Close the socket, unless a handover has it."""
        if not self._given_away:
            self.sock.close()

    async def _exchange(self) -> bool:
        """One request and its answer; whether there may be another."""
        headers: tuple[tuple[str, str], ...] = ()
        try:
            request = await self._request()
            if request is None:
                return False
            self.busy = True
            route, call = request
            if route.answer is None:
                await self._switch()
                return False
            status, document = await _perform(self._operations, route.answer, call)
        except RefusalError as refusal:
            status, document, headers = refusal.status, pack_error(refusal.reason, refusal.text), refusal.headers
        await self._answer(status, document, headers)
        self.busy = False
        return self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}

    async def _request(self) -> tuple[Route, Call] | None:
        """The next whole request; None at the end. Raises RefusalError."""
        self._whole = self._head_only = False
        try:
            async with asyncio.timeout(self._limits.receive_timeout):
                head = await self._next_event()
                if not isinstance(head, h11.Request):
                    return None
                self._head_only = head.method == b"HEAD"
                try:
                    route, call = _route(head)
                except RefusalError:
                    if _content_length(head) == 0:
                        await self._body(0)
                    raise
                body = await self._body(self._limits.body if route.takes_body else 0, _content_length(head))
        except TimeoutError:
            if self._http.their_state is h11.IDLE and not self._http.trailing_data[0]:
                return None
            seconds = f"{self._limits.receive_timeout:g}"
            raise RefusalError(408, "timeout", f"the request was not complete after {seconds} seconds") from None
        except h11.RemoteProtocolError as error:
            raise RefusalError(error.error_status_hint, "invalid", f"not HTTP/1.1 as it should be: {error}") from None
        try:
            return route, Call(call.name, call.parameters, body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RefusalError(400, "invalid", f"the body is not UTF-8: byte {error.start} cannot be there") from None

    async def _body(self, limit: int, announced: int = 0) -> bytes:
        body = bytearray()
        size = announced
        while size <= limit:
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                self._whole = True
                return bytes(body)
            body += cast(h11.Data, event).data
            size = max(size, len(body))
        where = f"at most {limit} bytes" if limit else "none"
        raise RefusalError(413, "too_large", f"the body is too large; this path takes {where}")

    async def _next_event(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return cast(h11.Event, event)
            if self._http.they_are_waiting_for_100_continue:
                await self._send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            # Receiving does not wait where bytes are there, and whoever sends fast must not have the loop to himself.
            await asyncio.sleep(0)
            self._http.receive_data(await self._loop.sock_recv(self.sock, RECEIVE_SIZE))

    async def _switch(self) -> None:
        """Leave HTTP for the handover. Raises RefusalError."""
        if self._handover is None:
            raise RefusalError(409, Reason.UNSUPPORTED.value, "this process gives its sockets to nobody")
        await self._send(self._http.send(h11.InformationalResponse(status_code=101, headers=_SWITCH)))
        self._given_away = True
        try:
            self._handover(self.sock, self._http.trailing_data[0])
        except Exception:
            log.exception("control: a fault of ours in a handover")
            self.sock.close()

    async def _answer(self, status: int, document: object, headers: tuple[tuple[str, str], ...]) -> None:
        body = pack_document(document)
        response = h11.Response(
            status_code=status,
            reason=HTTPStatus(status).phrase.encode("ascii"),
            headers=[
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                *headers,
                *([] if self._whole and not self.last else [("Connection", "close")]),
            ],
        )
        data = self._http.send(response)
        if self._head_only:
            body = b""
        data += self._http.send(h11.Data(data=body)) + self._http.send(h11.EndOfMessage())
        await self._send(data)

    async def _send(self, data: bytes | None) -> None:
        async with asyncio.timeout(self._limits.send_timeout):
            await self._loop.sock_sendall(self.sock, data or b"")


async def _perform(operations: Operations, answer: Answer, call: Call) -> tuple[int, object]:
    """The status and the document that answer a request."""
    try:
        return 200, await answer(operations, call)
    except OperationError as error:
        return STATUS[error.reason], pack_error(error.reason.value, error.text, error.details)
    except Exception:
        log.exception("control: a fault of ours")
        return 500, pack_error("internal", "a fault in the daemon; its log says more")


def pack_error(reason: str, message: str, details: Sequence[str] = ()) -> dict[str, object]:
    """The document that tells an error."""
    error: dict[str, object] = {"reason": reason, "message": message}
    if details:
        error["details"] = details
    return {"error": error}


def pack_document(document: object) -> bytes:
    """A document as JSON text; None is success with nothing to say."""
    text = json.dumps(msgspec.to_builtins({"ok": True} if document is None else document), ensure_ascii=False)
    # Names of files may hold bytes that are not UTF-8, as lone surrogates; Python's escape for them is JSON's too.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _content_length(head: h11.Request) -> int:
    return next((int(value) for name, value in head.headers if name == b"content-length"), 0)


def _route(head: h11.Request) -> tuple[Route, Call]:
    """The route for a request whose fields are as it wants them. Raises RefusalError."""
    route, call = find(head.method.decode("ascii"), head.target.decode("ascii"))
    if route.takes_body:
        _check_media_type(head)
    if route.path == HANDOVER:
        _check_upgrade(head)
    return route, call


def _check_media_type(head: h11.Request) -> None:
    value = next((value for name, value in head.headers if name == b"content-type"), b"").decode("latin-1").lower()
    media_type, *parameters = (part.strip() for part in value.split(";"))
    charset = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    if media_type != "application/json" or charset not in ([], ["utf-8"]):
        raise RefusalError(415, "media_type", "this path takes `Content-Type: application/json` in UTF-8")


def _check_upgrade(head: h11.Request) -> None:
    offered = b",".join(value for name, value in head.headers if name == b"upgrade").lower()
    if UPGRADE.encode("ascii") not in [word.strip() for word in offered.split(b",")]:
        raise RefusalError(426, "upgrade", f"this path is for a successor, which sends `Upgrade: {UPGRADE}`", _SWITCH)
