"""Forwarding a request for an ftp URI to an HTTP proxy that serves it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from g3_http import RequestError, RequestHead, Target, pack_basic, parse_userinfo
from g3_machine import LocalProtocolError

from ..escaper.base import HttpHop
from .errors import Reason, TaskError
from .http_forward import HttpForward
from .http_upstream import HttpUpstream
from .notes import Stage, TaskNotes

if TYPE_CHECKING:
    from ..server.http_proxy import ProxyClient


class FtpForward(HttpForward):
    """One request over a connection that has been made for it."""

    __slots__ = ("_hop",)

    def __init__(
        self, client: "ProxyClient", head: RequestHead, target: Target, notes: TaskNotes, hop: HttpHop
    ) -> None:
        """``hop`` is a proxy, connected to as ``notes.connect`` tells."""
        super().__init__(client, head, target, None, notes)
        client.drop_kept()
        self._hop = hop

    async def _connect(self) -> HttpUpstream:
        client, notes = self._client, self._notes
        notes.stage = Stage.CONNECTED
        return client.connected(notes.upstream, self._hop, notes.connect)

    def _request(self, hop: HttpHop) -> bytes:
        """URIs are forwarded without a login: it goes in a field, of this request alone."""
        if self._target.userinfo:
            try:
                login = parse_userinfo(self._target.userinfo)
                field = (b"Authorization", pack_basic(login.username, login.password))
            except (RequestError, LocalProtocolError) as error:
                raise TaskError(Reason.INVALID_CLIENT_PROTOCOL, str(error), 400, close=False) from None
            self._head.remove((b"authorization",))
            hop = replace(hop, fields=(*hop.fields, field))
        return super()._request(hop)
