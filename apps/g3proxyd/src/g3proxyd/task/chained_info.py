"""What a proxy says in the head of a response about itself and its connection (g3's X-BD fields).

Some of the fields say what is nearest to the remote side, so the first proxy to set them is the only one; to the others
each proxy on the way adds its own.
"""

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING

from g3_http import Field, ResponseHead

from ..escaper.base import ConnectNotes
from ..log import encode

if TYPE_CHECKING:
    from ..config.server.http_proxy import HttpProxyConfig

UPSTREAM_ID = b"X-BD-Upstream-Id"
UPSTREAM_ADDR = b"X-BD-Upstream-Addr"
OUTGOING_IP = b"X-BD-Outgoing-IP"
CONNECTION_INFO = b"X-BD-Remote-Connection-Info"
EGRESS_INFO = b"X-BD-Dynamic-Egress-Info"


class ChainedInfo:
    """What one server adds to its responses."""

    __slots__ = ("_echo", "_mark", "_server_id")

    def __init__(self, server_id: str | None, mark: bool, echo: bool) -> None:
        """``mark`` names the server as the one that the remote side answered, ``echo`` tells the addresses."""
        self._server_id = server_id
        self._mark = server_id is not None and mark
        self._echo = echo

    def of_response(self, response: ResponseHead, connect: ConnectNotes) -> list[Field]:
        """What is added to a response of the remote side, or of the next proxy."""
        fields: list[Field] = []
        if self._mark and self._server_id is not None:
            fields.append((UPSTREAM_ID, self._server_id.encode("ascii")))
        present = {name.lower() for name, _ in response.end_to_end}
        fields = [field for field in fields + self._addresses(connect) if field[0].lower() not in present]
        return fields + self._connection(connect)

    def of_reply(self, connect: ConnectNotes) -> list[Field]:
        """What is added to a reply that the server gives itself; never that it came from the remote side."""
        return self._addresses(connect) + self._connection(connect)

    def _addresses(self, connect: ConnectNotes) -> list[Field]:
        fields: list[Field] = []
        if self._echo and connect.next_peer_addr is not None:
            fields.append((UPSTREAM_ADDR, _text(encode.address(connect.next_peer_addr))))
        if self._echo and connect.next_bound_addr is not None:
            fields.append((OUTGOING_IP, _text(connect.next_bound_addr[0])))
        return fields

    def _connection(self, connect: ConnectNotes) -> list[Field]:
        if self._server_id is None:
            return []
        known: tuple[tuple[str, str | None], ...] = (
            ("bind", encode.ip(connect.next_bind_ip)),
            ("local", encode.address(connect.next_bound_addr)),
            ("remote", encode.address(connect.next_peer_addr)),
            ("expire", encode.expiry(connect.expire)),
        )
        fields = [(CONNECTION_INFO, self._words(known))]
        if (egress := connect.egress) is not None:
            known = (("isp", _base64(egress.isp)), ("ip", encode.ip(egress.ip)), ("area", _base64(egress.area)))
            fields.append((EGRESS_INFO, self._words(known)))
        return fields

    def _words(self, known: Iterable[tuple[str, str | None]]) -> bytes:
        said = (f"{name}={value}" for name, value in known if value is not None)
        return _text("; ".join((self._server_id or "", *said)))


def chained_info(config: "HttpProxyConfig") -> ChainedInfo | None:
    """What the configuration wants to be added; None for nothing."""
    if config.server_id is None and not config.echo_chained_info:
        return None
    return ChainedInfo(config.server_id, config.http_forward_mark_upstream, config.echo_chained_info)


def _base64(value: str | None) -> str | None:
    return None if value is None else base64.b64encode(value.encode()).decode()


def _text(value: str | None) -> bytes:
    return (value or "").encode("ascii")
