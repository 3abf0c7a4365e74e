"""The keys of the log drivers that are not supported yet, so that they can be listed and refused by name."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from .keys import Aliases
from .later import LOG_DRIVERS
from .section import Section
from .values.address import IpAddress, ListedAddress
from .values.duration import Duration
from .values.keepalive import TcpKeepalive
from .values.numbers import Boolean, Count
from .values.text import AsciiText, Text

__all__ = ["FluentdConfig", "SyslogConfig"]


class SyslogConfig(Section):
    """Writing to syslog."""

    not_yet: ClassVar[str] = LOG_DRIVERS

    target_unix: Annotated[Any, Aliases("backend_unix")] = None
    """The socket of the local syslog daemon."""
    target_udp: Annotated[Any, Aliases("backend_udp")] = None
    """The address of a syslog daemon."""
    target: Annotated[Any, Aliases("backend")] = None
    """Another spelling of both."""
    format_rfc5424: Any = None
    """Write in the format of RFC 5424 instead of RFC 3164."""
    use_cee_log_syntax: Annotated[Boolean, Aliases("use_cls")] = False
    """Put a cookie before the JSON, as the Common Event Expression syntax wants it."""
    cee_event_flag: Annotated[AsciiText, Aliases("cee_cookie")] = "@cee:"
    """The cookie."""
    emit_hostname: Boolean = False
    """Write the host name."""
    append_report_ts: Boolean = False
    """Write the time of the report."""


class FluentdConfig(Section):
    """Writing to fluentd or fluent-bit."""

    not_yet: ClassVar[str] = LOG_DRIVERS

    address: Annotated[ListedAddress | None, Aliases("addr")] = None
    """The address of the daemon; unset is 127.0.0.1:24224."""
    bind_ip: Annotated[IpAddress | None, Aliases("bind")] = None
    """The local address."""
    shared_key: Text | None = None
    """The key that both sides know."""
    username: Text | None = None
    """The user name, if the daemon asks for one."""
    password: Text | None = None
    """The password, if the daemon asks for one."""
    hostname: Text | None = None
    """The name of this machine; unset is its host name."""
    tcp_keepalive: TcpKeepalive = TcpKeepalive(enable=True)
    """Keep-alive of the connection."""
    tls_client: Annotated[Any, Aliases("tls")] = None
    """TLS towards the daemon."""
    tls_name: Text | None = None
    """The name that the daemon's certificate must have."""
    connect_timeout: Duration = 10.0
    """Time to connect."""
    connect_delay: Duration = 10.0
    """Time from a failure to the next attempt to connect."""
    write_timeout: Duration = 1.0
    """Time to write a record."""
    flush_interval: Duration = 0.1
    """Time between two flushes."""
    retry_queue_len: Count = 10
    """Records that wait for the connection to come back."""
