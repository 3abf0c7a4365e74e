"""Forwarding a request for another protocol, WebSocket for instance (RFC 9110 section 7.8, RFC 6455 section 4)."""

import asyncio

from g3_http import RequestHead, ResponseHead, forward_response

from .errors import Reason
from .http_forward import HttpForward
from .http_log import TASK_TYPE
from .http_upstream import HttpUpstream
from .tunnel import Tunnel, send_early

SWITCHING_PROTOCOLS = 101

NOT_PASSED_ON = b"h2c"
"""RFC 9113 section 3.1 has dropped it, its HTTP2-Settings never pass a proxy, and behind it requests would hide."""


def offers_upgrade(head: RequestHead) -> bool:
    """Take out of the head what no proxy passes on; return whether it still asks for any protocol."""
    head.upgrade = tuple(protocol for protocol in head.upgrade if protocol.lower() != NOT_PASSED_ON)
    return bool(head.upgrade)


class HttpUpgrade(HttpForward):
    """One request that asks for another protocol: it ends as a tunnel if the server agrees, else as any request.

    It is one task of the type HttpForward up to the end of the tunnel, whose bytes its log line counts as well.
    """

    _upgrade = True
    _tunnel: Tunnel | None = None

    async def serve(self) -> Tunnel | bool:
        """Return the tunnel, or whether the client's connection may carry another request."""
        self._client.drop_kept_proxy()
        keep = await self.run()
        return self._tunnel or keep

    async def _answer(self, connection: HttpUpstream, response: ResponseHead) -> bool:
        if response.status != SWITCHING_PROTOCOLS:
            return await super()._answer(connection, response)
        if self._upload is not None:
            # RFC 9110 section 7.8: the new protocol begins behind the whole request.
            await asyncio.wait([self._upload])
            if self._upload_fault is not None:
                raise self._upload_fault
        client, log = self._client, self._log
        chained = client.server.chained_info
        fields = () if chained is None else chained.of_response(response, self._notes.connect)
        await self._send(forward_response(response, upgrade=True, fields=fields) + connection.reader.take_unread())
        early = client.requests.take_unread()
        if early:
            await send_early(client.context, connection.stream, early)
        more = None
        if log is not None:
            log.response_received()
            more = log.finish()
            self._notes.from_client += len(early)
        self._handed_over = True
        self._tunnel = Tunnel(client.context, client.stream, connection.stream, self._notes, TASK_TYPE, more)
        return False

    def _end(self, reason: Reason, detail: str) -> None:
        if self._tunnel is None:  # else the task goes on, and the tunnel ends it
            super()._end(reason, detail)
