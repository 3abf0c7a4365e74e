"""The HTTP proxy server."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases, NotYet
from ..later import USERS
from ..module import TypeName
from ..values.acl import HostList
from ..values.ftp import FtpClient
from ..values.mistake import Mistake
from ..values.numbers import Boolean
from ..values.text import HeaderName
from ..values.tls_client import TlsClient
from ..values.tls_server import TlsServer, TlsTicketer
from ..values.username_params import UsernameParams
from .common import TcpServerConfig
from .http_server import HttpServerConfig

__all__ = ["HttpProxyConfig"]


class HttpProxyConfig(HttpServerConfig, TcpServerConfig):
    """Forwards HTTP requests and opens tunnels for CONNECT."""

    type: Annotated[Literal["http_proxy"], TypeName("http_proxy")] = "http_proxy"
    """What the object is."""
    tls_server: Annotated[TlsServer | None, Aliases("tls")] = None
    """TLS on the listening socket."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
    local_server_name: HostList = ()
    """Host names and addresses under which a request is meant for this proxy itself."""
    username_params: Annotated[UsernameParams | None, Aliases("username_params_to_escaper_addr"), NotYet(USERS)] = None
    """Choosing the next proxy by parameters in the user name."""
    tls_client: TlsClient = TlsClient()
    """TLS for requests that ask for an https URI in the absolute form."""
    ftp_client: FtpClient = FtpClient()
    """FTP for requests that ask for an ftp URI."""
    allow_custom_host: Boolean = True
    """Accept a Host that differs from the host of the request's URI."""
    drop_default_port_in_host: Boolean = False
    """Send the remote side a Host without `:80` for http and `:443` for https."""
    http_forward_mark_upstream: Boolean = False
    """Tell in a header which proxy a response came through; needs server_id."""
    echo_chained_info: Boolean = False
    """Tell in headers which address a response came from."""
    egress_path_selection_header: Annotated[HeaderName | None, Aliases("path_selection_header")] = None
    """The request header by which clients choose a path: a number for this server's escaper."""
    steal_forwarded_for: Boolean = False
    """Remove Forwarded and X-Forwarded-For from requests."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.tls_ticketer is not None and self.tls_server is None:
            notes.append(Mistake("has no effect: 'tls_server' is not set", path=("tls_ticketer",)))
        if self.http_forward_mark_upstream and self.server_id is None:
            notes.append(Mistake("has no effect: 'server_id' is not set", path=("http_forward_mark_upstream",)))
        return changes
