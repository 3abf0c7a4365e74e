"""The server that learns from its clients' first bytes where they want to go."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from ..keys import Aliases, NotYet
from ..later import AUDIT, USERS
from ..module import TypeName
from ..section import Section
from ..values.acl import OneHost, parse_host
from ..values.duration import Timeout
from ..values.host_match import HostMatch, check_keys, host_match_schema, parse_host_match
from ..values.mistake import Mistake
from ..values.numbers import U16_MAX, U32, Boolean, integer_from, span
from ..values.value import Value
from .common import TaskServerConfig

__all__ = ["SniProxyConfig", "SniProxyHost"]

HELLO_SIZE_MIN = 256  # shorter than what clients send

_PORT = {"type": ["integer", "string"]}

parse_port = integer_from(1, U16_MAX)


class SniProxyHost(Section):
    """What hosts of `allowed_hosts` get; the keys exact_match, child_match and set_default beside these tell which."""

    redirect_host: OneHost | None = None
    """The host to connect to instead."""
    redirect_port: Annotated[int | None, Value(span(1, U16_MAX), parse_port, _PORT)] = None
    """The port to connect to instead."""


def parse_allowed_host(data: dict[str, object]) -> SniProxyHost:
    """A map of `redirect_host` and `redirect_port`, of which either may be missing."""
    return SniProxyHost.model_validate(check_keys(data, {"redirect_host": parse_host, "redirect_port": parse_port}))


AllowedHosts: TypeAlias = Annotated[
    HostMatch[SniProxyHost],
    Value(
        "hosts with exact_match, child_match or set_default, redirect_host and redirect_port, or list of them",
        parse_host_match(parse_allowed_host),
        host_match_schema({"redirect_host": {"type": "string"}, "redirect_port": _PORT}),
        instance=HostMatch,
    ),
]


class SniProxyConfig(TaskServerConfig):
    """Connects each client to the host that its TLS ClientHello or its HTTP request names, and passes all bytes on."""

    type: Annotated[Literal["sni_proxy"], TypeName("sni_proxy")] = "sni_proxy"
    """What the object is."""
    tls_max_client_hello_size: U32 = 65536
    """Bytes of a ClientHello."""
    request_wait_timeout: Timeout = 60.0
    """Time for the first byte to arrive."""
    request_recv_timeout: Timeout = 4.0
    """Time from the first byte until the ClientHello or the request head is complete."""
    protocol_inspection: Annotated[Any, NotYet(AUDIT)] = None
    """Limits of inspection."""
    server_tcp_portmap: Annotated[Any, NotYet(AUDIT)] = None
    """The protocols that inspection expects by the server's port."""
    client_tcp_portmap: Annotated[Any, NotYet(AUDIT)] = None
    """The protocols that inspection expects by the client's port."""
    allowed_hosts: Annotated[AllowedHosts | None, Aliases("allowed_sites")] = None
    """Which hosts clients may ask for, and where they get to instead; unset is all."""
    listen_transparent: Boolean = False
    """Take connections to other machines that rules of the firewall lead here (IP_TRANSPARENT, CAP_NET_ADMIN)."""
    auth_by_client_ip: Annotated[Boolean, NotYet(USERS)] = False
    """Let the client's address tell the user."""
    auth_by_server_name: Annotated[Boolean, NotYet(USERS)] = False
    """Let the host that is asked for tell the user."""

    def transparent(self) -> bool:
        return self.listen_transparent

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.tls_max_client_hello_size < HELLO_SIZE_MIN:
            message = f"{self.tls_max_client_hello_size} is too small for any client"
            conflicts.append(Mistake(message, f"at least {HELLO_SIZE_MIN}", path=("tls_max_client_hello_size",)))
        return changes
