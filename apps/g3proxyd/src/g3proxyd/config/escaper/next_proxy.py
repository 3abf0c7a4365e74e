"""The keys of escapers whose next hops are proxies that want to be asked."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases
from ..values.acl import OneHost
from ..values.credentials import Password, Username
from ..values.duration import Timeout
from ..values.mistake import Mistake
from ..values.tls_client import TlsClient
from .common import EscaperConfig
from .next_hop import NextHopConfig

__all__ = ["NextProxyConfig", "SecureProxyKeys"]


class NextProxyConfig(NextHopConfig):
    """What every escaper has that asks a next proxy for connections."""

    proxy_username: Annotated[Username | None, Aliases("proxy_user")] = None
    """The user that the next proxy knows us as."""
    proxy_password: Annotated[Password | None, Aliases("proxy_passwd")] = None
    """The password of `proxy_username`, which needs one."""
    peer_negotiation_timeout: Timeout = 10.0
    """Time for the next proxy to do what it is asked for, after TCP and TLS."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.proxy_username is not None and self.proxy_password is None:
            conflicts.append(Mistake("needs 'proxy_password' beside it", path=("proxy_username",)))
        if self.proxy_password is not None and self.proxy_username is None:
            notes.append(Mistake("has no effect without 'proxy_username'", path=("proxy_password",)))
        return changes


class SecureProxyKeys(EscaperConfig):
    """What they have beside, if the next proxies are spoken to by TLS."""

    tls_client: Annotated[TlsClient, Aliases("tls")] = TlsClient()
    """TLS towards the next proxies."""
    tls_name: OneHost | None = None
    """The host that the certificates of all next proxies have to be for; unset is that of each one's address."""
