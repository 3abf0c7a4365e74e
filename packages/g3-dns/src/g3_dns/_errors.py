"""Faults of DNS servers that a caller tells apart."""

from g3_machine import RemoteProtocolError


class MessageError(RemoteProtocolError):
    """Bytes that are no DNS message, or one that a limit of ours forbids."""


class HttpsError(RemoteProtocolError):
    """An HTTP response that holds no DNS message: ``status`` says what the server called it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
