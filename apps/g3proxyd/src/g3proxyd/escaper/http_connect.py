"""Asking an HTTP proxy for a tunnel (RFC 9110 section 9.3.6)."""

from collections.abc import Sequence

from g3_http import ConnectClient, Field, Leniency, Limits, ResponseHead

from ..upstream import Upstream
from .errors import ConnectReason, TcpConnectError
from .negotiation import Negotiation

LENIENT = Leniency(bare_status_line=True)
"""Many proxies send "HTTP/1.1 200" without the space that the standard demands behind the code."""

TIMEOUTS = (504, 522, 524)
"""By these a proxy says that the target did not answer: 522 is g3's own, 524 that of some CDNs."""

SHOWN_REASON = 64
"""Bytes of a reason phrase that logs and error pages get to see."""


async def ask_for_tunnel(talk: Negotiation, upstream: Upstream, fields: Sequence[Field], limits: Limits) -> None:
    """Ask for a tunnel to the upstream; ``fields`` go along with the request. Raises TcpConnectError.

    What the upstream has said already is unread in the stream: with many protocols it is the server that begins.
    """
    client = ConnectClient(str(upstream).encode("ascii"), fields, limits=limits, leniency=LENIENT)
    answer = await talk.next_event(client)
    if answer.status >= 300:
        raise refusal(answer)
    if early := client.take_unread():
        talk.stream.unread(early)


def refusal(answer: ResponseHead) -> TcpConnectError:
    """Why there is no tunnel."""
    said = f"{answer.status} {answer.reason[:SHOWN_REASON].decode('latin-1')}"
    reason = ConnectReason.NEGOTIATION_PEER_TIMEOUT if answer.status in TIMEOUTS else ConnectReason.NEGOTIATION_REJECTED
    return TcpConnectError(reason, detail=said)
