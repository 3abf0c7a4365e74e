"""Who broke the protocol: us or the peer."""


class ProtocolError(Exception):
    """Somebody broke the protocol; never raised itself, only as one of its two subclasses."""


class LocalProtocolError(ProtocolError):
    """Our own code asked for something that the protocol forbids now: a bug in the driver."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol, or sent what a limit of ours forbids.

    ``reply`` holds the bytes that the protocol has us send before we close; the machine has already
    queued them for ``data_to_send()``. Packages subclass this where a caller tells faults apart.
    """

    def __init__(self, message: str, reply: bytes = b"") -> None:
        super().__init__(message)
        self.reply = reply
