"""What an FTP server can do wrong."""

from g3_machine import RemoteProtocolError


class FtpError(RemoteProtocolError):
    """The server broke the protocol; ``reason`` is a stable word for logs and for callers that tell faults apart."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LoginError(FtpError):
    """The server does not let us in; ``code`` is what it replied."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__("login", message)
        self.code = code
