"""The HTTP proxy server."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..keys import Aliases, NoEffect, NotYet, OldNames
from ..later import USERS
from ..module import TypeName
from ..values.acl import HostList
from ..values.duration import Duration
from ..values.ftp import FtpClient
from ..values.keepalive import HttpKeepalive
from ..values.mistake import Mistake
from ..values.numbers import Boolean, Count, PositiveCount
from ..values.size import Size
from ..values.speed_limit import SocketSpeedLimit
from ..values.text import AsciiText, HeaderName, ServerId
from ..values.tls_client import TlsClient
from ..values.tls_server import TlsServer, TlsTicketer
from .common import TcpServerConfig

__all__ = ["HttpProxyConfig"]

HEAD_SIZE_MIN = 64  # shorter than the shortest head that a client sends
BODY_LINE_MIN = 18  # the longest chunk size, 16 digits, with its line end

_ONE_BY_ONE = "requests are answered one by one, and those sent ahead wait in the socket"


class HttpProxyConfig(TcpServerConfig):
    """Forwards HTTP requests and opens tunnels for CONNECT."""

    type: Annotated[Literal["http_proxy"], TypeName("http_proxy")] = "http_proxy"
    """What the object is."""
    tls_server: Annotated[TlsServer | None, Aliases("tls")] = None
    """TLS on the listening socket."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
    server_id: ServerId | None = None
    """The name of this proxy in headers that chained proxies exchange; set, responses tell their connections."""
    auth_realm: Annotated[AsciiText, NotYet(USERS)] = "proxy"
    """The realm in replies that ask for a user name."""
    req_header_recv_timeout: Duration = 30.0
    """Time for a whole request head to arrive."""
    rsp_header_recv_timeout: Duration = 60.0
    """Time for a whole response head to arrive after the request was sent."""
    req_header_max_size: Size = 64 * 1024
    """Bytes in a request head."""
    rsp_header_max_size: Size = 64 * 1024
    """Bytes in a response head."""
    log_uri_max_chars: Annotated[Count, Aliases("uri_log_max_chars")] = 1024
    """Characters of a URI in the logs."""
    pipeline_size: Annotated[PositiveCount, NoEffect(_ONE_BY_ONE)] = 10
    """Requests without a body that a client may send ahead."""
    pipeline_read_idle_timeout: Duration = 300.0
    """Time without a request after which a client's connection is closed."""
    no_early_error_reply: Boolean = False
    """Close without a reply on faults before the client is known to be allowed in."""
    body_line_max_length: Count = 8192
    """Bytes in a chunk-size or trailer line."""
    http_forward_upstream_keepalive: HttpKeepalive = HttpKeepalive()
    """Keeping connections to the remote side for further requests."""
    untrusted_read_speed_limit: Annotated[SocketSpeedLimit, OldNames("untrusted_read_limit"), NotYet(USERS)] = None
    """Speed at which the request body of a client that has not logged in is read and thrown away."""
    local_server_name: HostList = ()
    """Host names and addresses under which a request is meant for this proxy itself."""
    username_params: Annotated[Any, Aliases("username_params_to_escaper_addr"), NotYet(USERS)] = None
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
        for key, least in (
            ("req_header_max_size", HEAD_SIZE_MIN),
            ("rsp_header_max_size", HEAD_SIZE_MIN),
            ("body_line_max_length", BODY_LINE_MIN),
        ):
            if getattr(self, key) < least:
                message = f"{getattr(self, key)} is too small for any message"
                conflicts.append(Mistake(message, expected=f"at least {least}", path=(key,)))
        if self.tls_ticketer is not None and self.tls_server is None:
            notes.append(Mistake("has no effect: 'tls_server' is not set", path=("tls_ticketer",)))
        if self.http_forward_mark_upstream and self.server_id is None:
            notes.append(Mistake("has no effect: 'server_id' is not set", path=("http_forward_mark_upstream",)))
        return changes
