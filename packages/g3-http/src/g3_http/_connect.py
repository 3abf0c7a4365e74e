"""The client's half of CONNECT: asking a proxy for a tunnel (RFC 9110 section 9.3.6)."""

from collections.abc import Iterable

from g3_machine import LocalProtocolError

from ._limits import STRICT, Leniency, Limits
from ._pack import Field, pack_request_head
from ._response import ResponseHead, ResponseReader

CONNECT_LIMITS = Limits(head_size=4096)
"""The answers of proxies have a few short fields; g3proxy takes as much."""


class ConnectClient(ResponseReader):
    """Asks for one tunnel: its one event is the final response, which grants it with a 2xx status and refuses else.

    Once granted, ``take_unread()`` gives what the other end has said already; it belongs to the tunnel. A refusal
    leaves nothing but to close the connection. Interim responses are passed over, `MAX_INTERIM_RESPONSES` at most.
    """

    __slots__ = ()

    def __init__(
        self,
        authority: bytes,
        fields: Iterable[Field] = (),
        *,
        limits: Limits = CONNECT_LIMITS,
        leniency: Leniency = STRICT,
    ) -> None:
        """``authority`` is the host and the port of the tunnel's end; ``fields`` go along, Host is among them already.

        Raises LocalProtocolError for what would break the request.
        """
        super().__init__(limits, leniency)
        self._outbox += pack_request_head(b"CONNECT", authority, [(b"Host", authority), *fields])
        self.expect(b"CONNECT")
        self._state = ConnectClient._read_answer

    def _read_answer(self) -> ResponseHead | None:
        """RFC 9110 section 15.2: any number of interim responses may come before the final one."""
        while (head := self._read_response()) is not None:
            if not head.interim:
                if head.status >= 300:
                    self._state = ConnectClient._refused
                return head
        return None

    def _refused(self) -> ResponseHead | None:
        raise LocalProtocolError("the proxy has refused, and nothing more may be asked on this connection")
