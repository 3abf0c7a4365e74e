"""Ways through HTTP proxies: tunnels by CONNECT, requests in the absolute form."""

from dataclasses import dataclass, field

from g3_http import Field, Limits, pack_basic
from g3_machine import LocalProtocolError

from ..io.stream import Stream
from ..upstream import SecureUpstream, Upstream
from .base import ConnectNotes, HttpHop, TaskIdentity
from .errors import ConnectReason, TcpConnectError
from .hop import Hop
from .http_connect import ask_for_tunnel

USERID_PASSWORD = "g3proxy"  # noqa: S105 - no secret: g3proxy sends the same with every name
"""The password beside a user name that is passed on."""


@dataclass(frozen=True, slots=True)
class HttpProxyOptions:
    """How the proxies are asked."""

    timeout: float = 10.0
    """Seconds for each negotiation."""
    limits: Limits = field(default_factory=Limits)
    """Of what they answer to CONNECT."""
    fields: tuple[Field, ...] = ()
    """Further fields of each request, such as Proxy-Authorization."""
    passes_userid: bool = False
    """Whether they are told the name of the client's user, if it has one."""
    forwards_https: bool = False
    """Whether they take requests for https targets in the absolute form."""
    ftp_methods: frozenset[bytes] = frozenset()
    """The methods of requests for ftp targets that they take."""
    any_upstream: bool = True
    """Whether a connection to one of them is as good for any other target of the same client."""


class HttpProxy:
    """Ways through HTTP proxies. Its methods are those of `Escaper`."""

    def __init__(self, hop: Hop, options: HttpProxyOptions) -> None:
        self._hop = hop
        self._options = options

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask for a tunnel; names are the proxy's to resolve."""
        options = self._options
        stream = await self._hop.connect(upstream, notes, task)
        with self._hop.negotiation(stream, options.timeout, upstream, notes, task) as talk:
            await ask_for_tunnel(talk, upstream, self._fields(task), options.limits)
        return stream

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """Connect to a proxy that takes requests; for https, unless it forwards that too, through a tunnel."""
        if isinstance(upstream, SecureUpstream) and not self._options.forwards_https:
            return HttpHop(await self.tcp_connect(upstream, notes, task))
        return await self._forwarding_hop(upstream, notes, task)

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """Connect to a proxy, if it forwards requests with this method for ftp URIs."""
        return await self._forwarding_hop(upstream, notes, task) if method in self._options.ftp_methods else None

    async def _forwarding_hop(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        options = self._options
        stream = await self._hop.connect(upstream, notes, task)
        with self._hop.negotiation(stream, options.timeout, upstream, notes, task):
            fields = self._fields(task)
        return HttpHop(stream, proxy=True, fields=fields, any_upstream=options.any_upstream)

    def _fields(self, task: TaskIdentity) -> tuple[Field, ...]:
        """The further fields of this task's requests. Raises TcpConnectError."""
        options = self._options
        if not options.passes_userid or task.user is None:
            return options.fields
        try:
            login = pack_basic(task.user, USERID_PASSWORD)
        except LocalProtocolError as error:
            detail = f"the user name cannot be passed on: {error}"
            raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail=detail) from None
        return ((b"Proxy-Authorization", login), *options.fields)
