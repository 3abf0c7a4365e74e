"""TLS towards clients that come over QUIC: `quic_server`."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases, NoEffect
from .mistake import Mistake
from .numbers import Boolean
from .tls_server import TlsServer

__all__ = ["QuicServer"]

_NEVER = "sessions over QUIC are never resumed"


class QuicServer(TlsServer):
    """TLS of QUIC connections: the same keys as those of `tls_server`."""

    no_session_ticket: Annotated[Boolean, Aliases("disable_session_ticket"), NoEffect(_NEVER)] = False
    """Give out no tickets."""
    no_session_cache: Annotated[Boolean, Aliases("disable_session_cache"), NoEffect(_NEVER)] = False
    """Remember no sessions."""
    use_session_ticket: Annotated[Boolean | None, NoEffect(_NEVER)] = None
    """The opposite of `no_session_ticket`, as older configurations say it."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if not conflicts:
            # Read here for a second reason: the supervisor has the library before it forks.
            from ...tls.quic import QuicTls

            try:
                QuicTls(self.settings)
            except ValueError as error:
                conflicts.append(Mistake(str(error)))
        return changes
