"""The escapers that go through HTTP proxies."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import NoEffect
from ..later import NO_NAMES
from ..module import TypeName
from ..values.http_forward import HttpForwardCapability
from ..values.mistake import Mistake
from ..values.numbers import Boolean
from ..values.proxy_protocol import ProxyProtocol
from ..values.size import Size
from .next_proxy import NextProxyConfig, SecureProxyKeys

__all__ = ["HttpProxyHopConfig", "ProxyHttpConfig", "ProxyHttpsConfig"]

RESPONSE_MIN = 64  # the usual answer has 39 bytes


class HttpProxyHopConfig(NextProxyConfig):
    """What they have in common."""

    pass_proxy_userid: Annotated[Boolean, NoEffect(NO_NAMES)] = False
    """Tell the next proxy the client's user name, as Basic credentials with the password `g3proxy`."""
    http_forward_capability: HttpForwardCapability = HttpForwardCapability()
    """What the next proxies forward beside http targets; for all else they are asked for tunnels."""
    http_connect_rsp_header_max_size: Size = 4096
    """Bytes of the answer to CONNECT; at least 64."""
    use_proxy_protocol: ProxyProtocol | None = None
    """Tell the next proxies the client's address by a PROXY header of this version."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.proxy_username and self.pass_proxy_userid:
            message = "there is one user name at a time: 'proxy_username' is set"
            conflicts.append(Mistake(message, path=("pass_proxy_userid",)))
        if self.http_connect_rsp_header_max_size < RESPONSE_MIN:
            message = f"{self.http_connect_rsp_header_max_size} is too small for any answer"
            expected = f"at least {RESPONSE_MIN}"
            conflicts.append(Mistake(message, expected, path=("http_connect_rsp_header_max_size",)))
        return changes


class ProxyHttpConfig(HttpProxyHopConfig):
    """Goes through HTTP proxies."""

    type: Annotated[Literal["proxy_http"], TypeName("proxy_http")] = "proxy_http"
    """What the object is."""


class ProxyHttpsConfig(HttpProxyHopConfig, SecureProxyKeys):
    """Goes through HTTP proxies that are spoken to by TLS."""

    type: Annotated[Literal["proxy_https"], TypeName("proxy_https")] = "proxy_https"
    """What the object is."""
