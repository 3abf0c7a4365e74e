"""The HTTP reverse proxy server."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, TypeAlias

from g3_http import via_field
from g3_machine import LocalProtocolError

from ...upstream import Upstream
from ..keys import Aliases, NotYet
from ..later import USERS
from ..module import TypeName
from ..section import Section
from ..section_list import SectionList
from ..values.acl import DomainList, HostList, OneHost
from ..values.duration import Timeout
from ..values.forwarded import ForwardedFor, ForwardedHeader
from ..values.host_match import HostMatch, match_hosts
from ..values.mistake import Mistake, MistakeError
from ..values.numbers import Boolean
from ..values.text import AsciiText
from ..values.tls_server import TlsServer, TlsTicketer
from ..values.upstream import parse_upstream
from ..values.upstream_tls import MaybeTls
from ..values.value import Value
from .http_server import HttpServerConfig

__all__ = ["HttpRproxyConfig", "HttpRproxyHost", "HttpRproxyService"]

PORT = 80
"""The port of upstreams that are written without one, as in g3, with TLS or without."""

NO_EFFECT = "has no effect: 'enable_tls_server' is not set"

HttpUpstream: TypeAlias = Annotated[
    Upstream,
    Value(
        "host with an optional port",
        partial(parse_upstream, default_port=PORT),
        {"type": "string", "minLength": 1},
        instance=Upstream,
    ),
]


class HttpRproxyService(Section):
    """What stands behind some of the hosts."""

    upstream: HttpUpstream | None = None
    """Where requests go, to port 80 unless it is given. It has to be there."""
    tls_server: TlsServer | None = None
    """TLS towards clients of these hosts, instead of `global_tls_server`."""
    tls_client: MaybeTls = None
    """TLS towards the upstream; unset is none."""
    tls_name: OneHost | None = None
    """The host that the upstream's certificate has to be for; unset is that of `upstream`."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.upstream is None:
            conflicts.append(Mistake("the key 'upstream' is missing"))
        elif self.tls_client is not None and self.upstream.port == PORT:
            notes.append(Mistake("TLS is going to be spoken to port 80", path=("upstream",)))
        if self.tls_name is not None and self.tls_client is None:
            notes.append(Mistake("has no effect without 'tls_client'", path=("tls_name",)))
        return {}


class HttpRproxyHost(HttpRproxyService):
    """Some of the hosts, and what stands behind them. Without a match it is for all others."""

    exact_match: HostList = ()
    """These hosts."""
    child_match: DomainList = ()
    """These domains and all below them; the longest wins, and an exact match before it."""
    set_default: Boolean = False
    """All other hosts as well."""
    services: HttpRproxyService | None = None
    """The other keys may stand in here, as g3's documentation has it."""

    @property
    def is_default(self) -> bool:
        """Whether it is for all other hosts."""
        return self.set_default or not {"exact_match", "child_match"} & self.model_fields_set

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.services is None:
            return super().settle(conflicts, notes)
        inner = HttpRproxyService.model_fields
        conflicts += [
            Mistake("given beside 'services'", expected="in there, or without 'services'", path=(key,))
            for key in inner
            if key in self.model_fields_set
        ]
        return {key: getattr(self.services, key) for key in inner} | {"services": None}


class HttpRproxyConfig(HttpServerConfig):
    """Stands in front of web servers: each request goes to the one that serves its host."""

    type: Annotated[Literal["http_rproxy"], TypeName("http_rproxy", "http_reverse_proxy", "http_gateway")] = (
        "http_rproxy"
    )
    """What the object is."""
    auth_realm: Annotated[AsciiText, NotYet(USERS)] = "g3proxy"
    """The realm in replies that ask for a user name."""
    append_forwarded_for: ForwardedHeader = ForwardedFor.CLASSIC
    """How upstreams are told the client's address: in X-Forwarded-For, in Forwarded, or not at all."""
    enable_tls_server: Boolean = False
    """Speak TLS to clients, for all hosts; connections for one without a certificate are closed."""
    global_tls_server: TlsServer | None = None
    """TLS for hosts without a `tls_server` of their own."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
    client_hello_recv_timeout: Timeout = 1.0
    """Time for a client's first message of TLS, which names the host."""
    hosts: Annotated[
        tuple[HttpRproxyHost, ...],
        SectionList(HttpRproxyHost, least=1),
        Aliases("sites"),
    ]
    """The hosts that are served; requests for others get a 404."""

    @property
    def sites(self) -> HostMatch[HttpRproxyHost]:
        """The hosts, ready to be looked up. Raises MistakeError for one that is there twice."""
        return match_hosts((host.exact_match, host.child_match, host.is_default, host) for host in self.hosts)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        try:
            self.sites  # noqa: B018 - for what it raises
        except MistakeError as error:
            conflicts += error.under("hosts")
        if self.server_id is not None and not _fits_via(self.server_id):
            notes.append(Mistake("is not added to Via, where it would be read differently", path=("server_id",)))
        if self.enable_tls_server:
            self._check_certificates(conflicts, notes)
        else:
            notes += [
                Mistake(NO_EFFECT, path=(key,))
                for key in ("global_tls_server", "tls_ticketer")
                if getattr(self, key) is not None
            ]
            if any(host.tls_server is not None for host in self.hosts):
                notes.append(Mistake(f"'tls_server' {NO_EFFECT}", path=("hosts",)))
        return changes

    def _check_certificates(self, conflicts: list[Mistake], notes: list[Mistake]) -> None:
        if self.global_tls_server is not None:
            return
        without = [str(host.upstream) for host in self.hosts if host.tls_server is None]
        if len(without) == len(self.hosts):
            expected = "global_tls_server, or tls_server of hosts"
            conflicts.append(Mistake("there is no certificate", expected, path=("enable_tls_server",)))
        elif without:
            message = f"no client reaches {', '.join(without)}: there is neither tls_server nor global_tls_server"
            notes.append(Mistake(message, path=("hosts",)))


def _fits_via(server_id: str) -> bool:
    try:
        via_field(1, server_id.encode("ascii"))
    except LocalProtocolError:
        return False
    return True
