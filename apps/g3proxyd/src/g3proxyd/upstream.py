"""Where a client wants to go."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Upstream:
    """A host and a port as the client named them, before any name is resolved.

    ``host`` is an address, or a name in the one spelling that rules, logs and resolvers know: that of
    `g3_acl.parse_host`, ASCII in lower case without a dot at the end. ``port`` is 0 to 65535.
    """

    host: str | IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        """``host:port``, or ``[address]:port`` for IPv6 (RFC 3986 section 3.2.2)."""
        if isinstance(self.host, IPv6Address):
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SecureUpstream(Upstream):
    """One that is to be spoken to by TLS, which begins here. It is never equal to one that is not."""

    tls_name: str | IPv4Address | IPv6Address | None = None
    """Who it has to be, unless that is ``host``."""

    __str__ = Upstream.__str__
