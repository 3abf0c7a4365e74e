"""The client's side of the control socket, blocking: for g3proxy-ctl and for a successor."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import h11

__all__ = ["UPGRADE", "ControlClient", "ControlError", "NoAnswerError", "RefusedError"]

HOST = "g3"
"""What the Host field says: something is required (RFC 9112 section 3.2), and nothing depends on it."""

TIMEOUT = 60.0
"""Seconds that an answer may take unless the caller says otherwise; a reload of many objects takes some."""

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer: a million names fit."""

RECEIVE_SIZE = 64 * 1024

UPGRADE = "g3-handover"
"""What a successor asks to speak instead of HTTP."""


class ControlError(Exception):
    """The daemon did not do what it was asked for."""


class RefusedError(ControlError):
    """The daemon has answered, and it was no."""

    def __init__(self, status: int, reason: str, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        """One word for programs, see docs/control.md."""
        self.text = text
        self.details = details
        """Further lines, such as the problems of a configuration."""


class NoAnswerError(ControlError):
    """The daemon has not answered in time, or not as it should. It may have done what it was asked for."""


class ControlClient:
    """A connection to one daemon, of no use after NoAnswerError, nor after the daemon has refused to read a body."""

    def __init__(self, path: Path, timeout: float = TIMEOUT) -> None:
        """Connect. Raises OSError; ConnectionRefusedError and FileNotFoundError mean that nobody is there."""
        self.path = path
        self._timeout = timeout
        self._http = h11.Connection(h11.CLIENT)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.settimeout(timeout)
            self._sock.connect(bytes(path))
        except OSError as error:
            self._sock.close()
            # What Python itself finds wrong, such as a path that is too long, has no number.
            raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; not one that a handover has taken out."""
        self._sock.close()

    def get(self, *path: str, parameters: Mapping[str, str | int] | None = None) -> Any:
        """Ask for the document at /v1/PATH/... Raises ControlError."""
        target = _target(path)
        if parameters:
            target += "?" + urlencode(parameters, errors="surrogateescape")
        return self._ask("GET", target, None)

    def post(self, *path: str, body: bytes | None = None) -> Any:
        """Have /v1/PATH/... done, with JSON text if it takes some; return its document. Raises ControlError."""
        return self._ask("POST", _target(path), body)

    def handover(self) -> tuple[socket.socket, bytes]:
        """Leave HTTP for the handover: the socket, blocking with our timeout, and what has come early.

        The socket is the caller's then. Raises ControlError.
        """
        deadline = time.monotonic() + self._timeout
        headers = [("Host", HOST), ("Upgrade", UPGRADE), ("Connection", "upgrade")]
        try:
            self._send(h11.Request(method="POST", target=_target(["handover"]), headers=headers), b"", deadline)
            answer = self._next_event(deadline)
            if not isinstance(answer, h11.InformationalResponse):
                self._document(answer, deadline)
                raise NoAnswerError(f"{self.path}: this is no daemon that hands over")
        except (OSError, h11.ProtocolError) as error:
            raise self._no_answer(error) from None
        sock = socket.socket(fileno=self._sock.detach())
        sock.settimeout(self._timeout)
        return sock, self._http.trailing_data[0]

    def _ask(self, method: str, target: str, body: bytes | None) -> Any:
        deadline = time.monotonic() + self._timeout
        headers = [("Host", HOST), ("Content-Length", str(len(body or b"")))]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        try:
            self._send(h11.Request(method=method, target=target, headers=headers), body or b"", deadline)
            return self._document(self._next_event(deadline), deadline)
        except (OSError, h11.ProtocolError) as error:
            raise self._no_answer(error) from None

    def _send(self, request: h11.Request, body: bytes, deadline: float) -> None:
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        data = self._http.send(request) or b""
        data += (self._http.send(h11.Data(data=body)) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        self._sock.settimeout(_left(deadline))
        # A daemon that closes before it has read everything may have answered that this is too much.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._sock.sendall(data)

    def _next_event(self, deadline: float) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._sock.settimeout(_left(deadline))
            self._http.receive_data(self._sock.recv(RECEIVE_SIZE))

    def _document(self, head: Any, deadline: float) -> Any:
        """The document of an answer. Raises RefusedError if it tells an error."""
        body = bytearray()
        while isinstance(event := self._next_event(deadline), h11.Data):
            body += event.data
            if len(body) > MAX_ANSWER:
                raise NoAnswerError(f"{self.path}: the answer is longer than {MAX_ANSWER} bytes")
        try:
            document = json.loads(body)
            if head.status_code == 200:
                return document
            error = document["error"]
            details = tuple(map(str, error.get("details", ())))
            raise RefusedError(head.status_code, str(error["reason"]), str(error["message"]), details)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NoAnswerError(f"{self.path}: this does not answer as a daemon does") from None

    def _no_answer(self, error: Exception) -> NoAnswerError:
        if isinstance(error, TimeoutError):
            return NoAnswerError(f"{self.path}: no answer within {self._timeout:g} seconds")
        return NoAnswerError(f"{self.path}: the connection broke before there was an answer: {error}")


def _target(path: tuple[str, ...] | list[str]) -> str:
    # A name may be anything, also bytes of a command line that are not UTF-8.
    return "/".join(("/v1", *(quote(part, safe="", errors="surrogateescape") for part in path)))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
