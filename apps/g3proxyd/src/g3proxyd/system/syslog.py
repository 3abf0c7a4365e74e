"""The process log of a daemon in the background: to the local syslog (RFC 3164 as /dev/log takes it)."""

from __future__ import annotations

import contextlib
import logging
import socket
from pathlib import Path

__all__ = ["DEFAULT", "FORMAT", "Syslog"]

DEFAULT = Path("/dev/log")

FORMAT = "%(message)s"
"""The time and the level are syslog's own."""

DAEMON = 3 << 3
"""The facility of system daemons."""

SEVERITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class Syslog(logging.Handler):
    """Writes to the syslog that listens at ``path``. A line that it does not take is lost: nobody waits for a log."""

    def __init__(self, path: Path = DEFAULT) -> None:
        """Raises OSError when there is no syslog."""
        super().__init__()
        self._path = path
        self._socket = self._connected()
        self.setFormatter(logging.Formatter(FORMAT))

    def fileno(self) -> int:
        """The descriptor of the connection."""
        return self._socket.fileno()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line; see `logging.Handler`."""
        priority = DAEMON | SEVERITIES.get(record.levelno, 6)
        line = f"<{priority}>g3proxyd: {self.format(record)}".encode("utf-8", "backslashreplace")
        try:
            self._socket.send(line)
        except BlockingIOError:
            pass
        except OSError:  # it was started anew
            with contextlib.suppress(OSError):
                self._socket.connect(str(self._path))
                self._socket.send(line)

    def after_fork(self) -> None:
        """In a child that has closed the descriptors of its parent: connect anew, and close none that is another's."""
        self._socket.detach()
        try:
            self._socket = self._connected()
        except OSError:
            logging.getLogger().removeHandler(self)

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
        super().close()

    def _connected(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.connect(str(self._path))
        except BaseException:
            sock.close()
            raise
        return sock
