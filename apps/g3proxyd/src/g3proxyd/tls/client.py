"""TLS towards servers: handshakes with sessions that are resumed."""

import math
import ssl
from functools import cached_property, partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from ..io.stream import Stream
from ..io.tls import TlsStream
from ..io.tls_errors import TlsError, TlsFault
from .contexts import client_context
from .names import covered
from .sessions import Sessions
from .settings import ClientSettings

ServerName = str | IPv4Address | IPv6Address
"""Who a server has to be: a name in lower case without a dot at the end, or an address."""


class ClientTls:
    """One way to speak TLS to servers, in one process."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self.handshake_timeout = settings.handshake_timeout
        self._sessions = Sessions(settings.session_sites, settings.sessions_each)

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Made when it is first needed: the system's issuers take 20 ms to read and some memory to keep."""
        return client_context(self.settings)

    async def connect(self, stream: Stream, name: ServerName, port: int) -> TlsStream:
        """Shake hands with the server at the other end of the stream, who has to be ``name``.

        ``port`` tells sessions of several servers apart. Raises TlsError, TimeoutError and OSError, and has closed the
        stream then.
        """
        settings, site = self.settings, (name, port)
        try:
            tls = TlsStream(
                stream,
                self.context,
                name=str(name) if settings.send_name else None,
                session=self._sessions.take(site),
            )
        except ValueError as error:  # a name that is none for TLS: longer than 255 bytes, or with a NUL
            stream.close()
            raise TlsError(TlsFault.CERTIFICATE_NAME, str(error)) from None
        except BaseException:
            stream.close()
            raise
        try:
            await tls.handshake(self.handshake_timeout)
            if settings.verify and not settings.send_name:
                check_name(tls.tls, name)
        except BaseException:
            tls.close()
            raise
        if settings.session_sites:
            tls.on_session = partial(self._sessions.keep, site, until=expiry(tls.tls))
        return tls


def expiry(tls: ssl.SSLObject) -> float:
    """When the server's certificate expires, in seconds of the epoch; infinity if nobody has verified it."""
    certificate: Any = tls.getpeercert()
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else math.inf


def check_name(tls: ssl.SSLObject, name: ServerName) -> None:
    """Raise TlsError if the server's certificate, which is valid, is for others."""
    certificate: Any = tls.getpeercert() or {}  # its type is one for all fields
    kind = "DNS" if isinstance(name, str) else "IP Address"
    ours = [value for this, value in certificate.get("subjectAltName", ()) if this == kind]
    if isinstance(name, str):
        found = covered(name, [value.lower() for value in ours])
    else:
        found = name in map(ip_address, ours)
    if not found:
        raise TlsError(TlsFault.CERTIFICATE_NAME, f"the certificate is not for {name}")
