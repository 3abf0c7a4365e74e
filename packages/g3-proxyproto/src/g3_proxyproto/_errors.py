"""What is wrong with a header, in a word for logs and in a sentence for people."""

from g3_machine import RemoteProtocolError


class HeaderError(RemoteProtocolError):
    """The peer sent no header, or one that the specification or a limit of ours forbids; there is nothing to reply.

    ``reason`` is a stable word for logs and counters (the README lists them all). The text never repeats what the
    peer sent.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
