"""What a ClientHello says: the one event of the reader."""

from dataclasses import dataclass

from ._codes import TLS1_3, ExtensionType


@dataclass(frozen=True, slots=True)
class ClientHello:
    """A whole ClientHello; it and all behind it are still unread.

    Numbers are in the client's order, and those of GREASE (RFC 8701) are left out, but for ``extensions``, which holds
    all of them as they came.
    """

    tlcp: bool
    """Whether this is TLCP (GB/T 38636), which no TLS server can answer."""
    legacy_version: int
    """The version in the hello itself: the highest that the client speaks, up to TLS 1.2."""
    random: bytes
    session_id: bytes
    """0 to 32 bytes: not empty if the client resumes a session by its id, or makes TLS 1.3 look like that."""
    cipher_suites: tuple[int, ...]
    compression_methods: bytes
    extensions: tuple[tuple[int, bytes], ...]
    """Type and data of each, as they stand on the wire; `ExtensionType` names the usual types."""
    server_name: str | None
    """The host that the client wants (RFC 6066 section 3), in its spelling; never an address."""
    alpn: tuple[bytes, ...]
    """The protocols that the client would speak (RFC 7301); empty if it does not say."""
    supported_versions: tuple[int, ...] | None
    """The versions in the extension (RFC 8446 section 4.2.1); None without it: ``legacy_version`` counts then."""
    size: int
    """Bytes of the message, with its 4 of header and without those of records."""

    @property
    def highest_version(self) -> int:
        """The highest version that the client offers."""
        if self.supported_versions is None:
            return self.legacy_version
        return max(self.supported_versions, default=0)

    @property
    def session_ticket(self) -> bytes | None:
        """The ticket by which the client resumes (RFC 5077); empty if it only asks for one, None if it does not."""
        return self.extension(ExtensionType.SESSION_TICKET)

    @property
    def resumes(self) -> bool:
        """Whether the client tries to resume a session: by its id, a ticket, or a pre-shared key."""
        by_id = bool(self.session_id) and self.highest_version < TLS1_3
        return by_id or bool(self.session_ticket) or self.extension(ExtensionType.PRE_SHARED_KEY) is not None

    def extension(self, kind: int) -> bytes | None:
        """Return the data of the extension of this type, or None without it."""
        return next((data for found, data in self.extensions if found == kind), None)
