"""Who broke HTTP, how, and which answer that deserves."""

from g3_machine import RemoteProtocolError

from ._pack import error_response


class HttpError(RemoteProtocolError):
    """The peer broke HTTP or went beyond a limit of ours; raised only as one of its two subclasses.

    ``reason`` is a stable word for logs and counters (the README lists them all); the text is for people and never
    repeats what the peer sent. ``status`` is the status code that the proxy's client deserves.
    """

    def __init__(self, reason: str, message: str, status: int = 400, *, reply: bytes = b"") -> None:
        super().__init__(message, reply)
        self.reason = reason
        self.status = status


class RequestError(HttpError):
    """A request that we refuse.

    ``reply`` is the whole response to send before closing; a reader has queued it for ``data_to_send()``. Send it
    only if no byte of another response to the same request has been sent.
    """

    def __init__(self, reason: str, message: str, status: int = 400) -> None:
        super().__init__(reason, message, status, reply=error_response(status))


class ResponseError(HttpError):
    """A response that we refuse: there is nothing to tell the upstream, and our client gets 502."""

    def __init__(self, reason: str, message: str, status: int = 502) -> None:
        """``status`` is what the same fault in a request would earn; it is not used."""
        super().__init__(reason, message, 502)
