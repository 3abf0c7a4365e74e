"""The control connection to an FTP server: commands out, replies in, each in its time."""

import contextlib
import time

from g3_ftp import SERVICE_CLOSES, FtpClient, FtpError, Reply

from ..io.stream import Stream
from .errors import Reason, TaskError

LAST_WORD = b"QUIT"


class FtpControl:
    """Drives an `FtpClient` over a stream, which it owns."""

    __slots__ = ("_client", "_patience", "replies", "stream")

    def __init__(self, stream: Stream, client: FtpClient, patience: float) -> None:
        """``patience`` is the time in seconds in which a server has to reply to a command."""
        self.stream = stream
        self._client = client
        self._patience = patience
        self.replies = 0
        """Replies that have come."""

    async def ask(self, verb: bytes, argument: bytes | None = None) -> Reply:
        """Give a command and return the first reply to it, which may be a preliminary one. Raises TaskError."""
        await self.send(verb, argument)
        return await self.reply()

    async def send(self, verb: bytes, argument: bytes | None = None) -> None:
        """Give a command. Raises TaskError."""
        self._client.command(verb, argument)
        try:
            await self.stream.send(self._client.data_to_send(), self._patience)
        except TimeoutError:
            raise TaskError(Reason.UPSTREAM_APP_TIMEOUT, "the FTP server takes no commands", 504) from None
        except OSError as error:
            raise TaskError(Reason.UPSTREAM_WRITE_FAILED, str(error), 502) from None

    async def reply(self, patience: float | None = None) -> Reply:
        """Return the next reply, which has to come within ``patience`` seconds.

        Raises TaskError, also for a server that says that it closes.
        """
        client, deadline = self._client, time.monotonic() + (self._patience if patience is None else patience)
        try:
            while (reply := client.next_event()) is None:
                if data := await self.stream.receive(max(deadline - time.monotonic(), 0.0)):
                    client.receive_data(data)
                else:
                    client.receive_eof()
        except TimeoutError:
            raise TaskError(Reason.UPSTREAM_APP_TIMEOUT, "the FTP server does not reply in time", 504) from None
        except OSError as error:
            raise TaskError(Reason.UPSTREAM_READ_FAILED, str(error), 502) from None
        except FtpError as error:
            raise ftp_fault(error) from None
        self.replies += 1
        if reply.code == SERVICE_CLOSES:
            raise TaskError(Reason.UPSTREAM_NOT_AVAILABLE, f"the FTP server closes: {reply.text}", 503, close=False)
        return reply

    async def last_reply(self, patience: float | None = None) -> Reply:
        """Return the next reply that is not preliminary; each has ``patience`` seconds. Raises TaskError."""
        while (reply := await self.reply(patience)).preliminary:
            pass
        return reply

    def close(self) -> None:
        """Say goodbye if the server waits for a command, and close; may be called again."""
        if self.stream.fd >= 0 and not self._client.waiting:
            self._client.command(LAST_WORD)
            with contextlib.suppress(OSError):
                self.stream.write(self._client.data_to_send())
        self.stream.close()


def ftp_fault(error: FtpError) -> TaskError:
    """What is wrong with what a server says."""
    reason = Reason.CLOSED_BY_UPSTREAM if error.reason == "closed" else Reason.INVALID_UPSTREAM_PROTOCOL
    return TaskError(reason, f"FTP: {error}", 502, close=False)


# Replies whose status is the same whatever the command was; the others are told by their command.
STATUS_OF_CODE = {430: 401, 450: 503, 452: 507, 530: 401, 532: 401, 552: 507, 553: 403}


def refused(reply: Reply, of_550: int = 404) -> TaskError:
    """The server did not do what was asked: an answer like any other, by the code of its reply.

    ``of_550`` is what 550 stands for, which is "no such file" as well as "not allowed" (RFC 959 section 4.2.2).
    """
    status = of_550 if reply.code == 550 else STATUS_OF_CODE.get(reply.code, 502)
    return TaskError(Reason.FINISHED, f"the FTP server says {reply.code} {reply.text}", status, close=False)
