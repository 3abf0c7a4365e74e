"""TLS with an upstream, behind a connection that an escaper has made."""

from typing import TYPE_CHECKING

from ..escaper.log import log_tls_handshake
from ..io.inner import for_tls
from ..io.stream import Stream
from ..io.tls import TlsStream
from ..tls.client import ClientTls
from ..upstream import SecureUpstream
from .errors import Reason, TaskError
from .notes import TaskNotes

if TYPE_CHECKING:
    from ..server.context import ServerContext


async def shake_hands(
    context: "ServerContext",
    stream: Stream,
    tls: ClientTls,
    notes: TaskNotes,
    application: str,
    status: int | None,
) -> TlsStream:
    """TLS over the stream to the task's upstream, which is a `SecureUpstream`.

    Raises TaskError with this ``status``, and has closed the stream then; the escape log says it, too, with the
    ``application`` that would have been spoken inside.
    """
    upstream = notes.upstream
    assert isinstance(upstream, SecureUpstream)  # noqa: S101 - a mistake of ours
    name = upstream.tls_name or upstream.host
    try:
        return await tls.connect(for_tls(context.relays, stream), name, upstream.port)
    except OSError as error:
        if isinstance(error, TimeoutError):
            reason, detail = Reason.UPSTREAM_TLS_HANDSHAKE_TIMEOUT, "no TLS handshake in time"
        else:
            reason, detail = Reason.UPSTREAM_TLS_HANDSHAKE_FAILED, f"the TLS handshake failed: {error}"
        if context.escape_log.enabled:
            escaper = context.escapers[notes.connect.escaper]  # not the server's, which may be a route
            log_tls_handshake(
                context.escape_log.bind(escaper_type=escaper.type_name, escaper_name=escaper.name),
                detail,
                upstream,
                notes.connect,
                notes,
                tls_name=str(name),
                tls_peer=upstream,
                tls_application=application,
            )
        raise TaskError(reason, detail, status, close=False) from None
