"""The keys that servers share."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases, NotYet, OldNames
from ..later import AUDIT, METRICS, SHARED_LOGGER, USERS
from ..module import ModuleConfig, NameOf
from ..values.acl import HostFilterSet, IngressNetworkFilter, PortFilter
from ..values.duration import Duration, format_duration
from ..values.listen import Listen, TcpListen
from ..values.metrics import MetricsTags
from ..values.mistake import Mistake
from ..values.numbers import Boolean, Count
from ..values.size import Size, format_size
from ..values.sockopts import TcpMiscSockOpts
from ..values.speed_limit import SocketSpeedLimit
from ..values.text import AsciiText, NodeName

__all__ = ["ListeningServerConfig", "ServerConfig", "TaskServerConfig", "TcpListeningServerConfig", "TcpServerConfig"]

COPY_BUFFER_MIN = 4 * 1024  # below this the cost of each round outweighs its bytes
COPY_YIELD_MIN = 256 * 1024  # below this a busy connection would yield at almost every round
IDLE_CHECK_MAX = 30 * 60.0


class ServerConfig(ModuleConfig):
    """What every server has."""


class ListeningServerConfig(ServerConfig):
    """What every server has that listens, or could."""

    listen: Listen | None = None
    """The listening socket."""
    listen_in_worker: Boolean = False
    """Listen in every worker."""
    ingress_network_filter: Annotated[IngressNetworkFilter | None, Aliases("ingress_net_filter")] = None
    """Which client addresses may connect; unset is all."""


class TcpListeningServerConfig(ListeningServerConfig):
    """What every server has that listens for TCP connections, or could."""

    listen: TcpListen | None = None
    """The listening socket."""

    def socket_options(self) -> TcpMiscSockOpts:
        """The options of accepted sockets."""
        return TcpMiscSockOpts()

    def transparent(self) -> bool:
        """Whether connections to addresses of other machines are taken (IP_TRANSPARENT)."""
        return False


class TaskServerConfig(TcpListeningServerConfig):
    """What every server has that takes TCP connections and makes tasks of them."""

    escaper: Annotated[str, NameOf("escaper")]
    """The escaper that connects to the remote side."""
    auditor: Annotated[NodeName | None, NotYet(AUDIT)] = None
    """The auditor that inspects the traffic."""
    user_group: Annotated[NodeName | None, NotYet(USERS)] = None
    """The user group that clients have to belong to."""
    shared_logger: Annotated[AsciiText | None, NotYet(SHARED_LOGGER)] = None
    """The name of a logger shared with other objects."""
    extra_metrics_tags: Annotated[MetricsTags | None, NotYet(METRICS)] = None
    """Further tags of this server's metrics."""
    tcp_sock_speed_limit: Annotated[
        SocketSpeedLimit, OldNames("tcp_conn_speed_limit", "tcp_conn_limit", "conn_limit")
    ] = None
    """Speed limit of each client connection."""
    tcp_copy_buffer_size: Size = 16 * 1024
    """Buffer of each direction of a relayed connection; at least 4KiB."""
    tcp_copy_yield_size: Size = 1024 * 1024
    """Bytes that one direction may move before others get their turn; at least 256KiB."""
    tcp_misc_opts: TcpMiscSockOpts = TcpMiscSockOpts()
    """Options of accepted sockets."""
    task_idle_check_interval: Annotated[Duration, OldNames("task_idle_check_duration")] = 60.0
    """Time between two looks at whether a task still moves bytes; at most 30 minutes."""
    task_idle_max_count: Count = 5
    """Looks in a row without a byte moved that end a task."""
    flush_task_log_on_created: Boolean = False
    """Write a task log record when a task begins."""
    flush_task_log_on_connected: Boolean = False
    """Write a task log record when the remote side is connected."""
    task_log_flush_interval: Duration | None = None
    """Write a task log record at this interval while a task runs; unset does not."""

    def socket_options(self) -> TcpMiscSockOpts:
        return self.tcp_misc_opts

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes: dict[str, object] = {}
        for key, least in (("tcp_copy_buffer_size", COPY_BUFFER_MIN), ("tcp_copy_yield_size", COPY_YIELD_MIN)):
            size = getattr(self, key)
            if size < least:
                message = f"{format_size(size)} is too small: {format_size(least)} is used"
                notes.append(Mistake(message, path=(key,)))
                changes[key] = least
        if self.task_idle_check_interval > IDLE_CHECK_MAX:
            message = f"{format_duration(self.task_idle_check_interval)} is too long: 30m is used"
            notes.append(Mistake(message, path=("task_idle_check_interval",)))
            changes["task_idle_check_interval"] = IDLE_CHECK_MAX
        if self.listen is not None:
            for key in ("netfilter_mark", "max_segment_size"):
                both = getattr(self.listen, key), getattr(self.tcp_misc_opts, key)
                if None not in both and both[0] != both[1]:
                    message = f"accepted connections have the {key} of 'listen', {both[0]}"
                    notes.append(Mistake(message, path=("tcp_misc_opts",)))
        conflicts += [
            Mistake("0 would never rest", expected="a duration above zero", path=(key,))
            for key in ("task_idle_check_interval", "task_log_flush_interval")
            if getattr(self, key) == 0
        ]
        return changes


class TcpServerConfig(TaskServerConfig):
    """What every server has whose clients say where they want to go."""

    dst_host_filter_set: HostFilterSet | None = None
    """Which remote hosts clients may ask for; unset is all."""
    dst_port_filter: PortFilter | None = None
    """Which remote ports clients may ask for; unset is all."""
