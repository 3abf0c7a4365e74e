"""Telling systemd what the process is doing: the protocol of sd_notify(3)."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping

__all__ = ["SEND_TIMEOUT", "Notifier"]

log = logging.getLogger(__name__)

SEND_TIMEOUT = 1.0
"""Seconds that a message may wait for room in systemd's queue; a lost READY=1 would cost the process its life."""


class Notifier:
    """Messages to the service manager. Without one they go nowhere; none of the methods ever raises.

    Its messages count only from a process that the unit's `NotifyAccess=` lets speak.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        """`address` is that of a datagram socket: a path, or an abstract name after `@`; empty is silence."""
        self.watchdog_seconds = watchdog_seconds
        """The longest time between two calls of `watchdog` before systemd acts; None when it does not watch.

        It is wise to call at half of that time.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._failed = False
        if address and not address.startswith(("/", "@")):
            log.warning("cannot tell systemd anything: NOTIFY_SOCKET is no path and no abstract name: %r", address)
            self._address = ""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Notifier:
        """What `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` ask for.

        They are removed, so that no other program started from here takes them for its own.
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        interval = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        watched = address and interval and pid in ("", str(os.getpid()))
        return cls(address, _seconds(interval) if watched else None)

    @property
    def enabled(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self) -> None:
        """Starting, or reloading, is done."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it. The time makes it fit `Type=notify-reload`."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """A line for people, which `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def main_pid(self, pid: int) -> None:
        """Another process is the one to watch from now on."""
        self._send(f"MAINPID={pid}")

    def watchdog(self) -> None:
        """The process is well."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(SEND_TIMEOUT)
                sock.sendto(message.encode("utf-8", "backslashreplace"), self._address)
        except OSError as error:
            if not self._failed:
                log.warning("cannot tell systemd %r: %s", message.partition("\n")[0], error)
            self._failed = True


def _seconds(microseconds: str) -> float | None:
    if len(microseconds) > 20 or not (microseconds.isascii() and microseconds.isdecimal() and int(microseconds)):
        log.warning("systemd's watchdog is not served: WATCHDOG_USEC is no positive number: %r", microseconds)
        return None
    return int(microseconds) / 1_000_000
