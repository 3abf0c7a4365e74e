"""The server's half of a SOCKS handshake in whichever version the client's first byte names."""

from collections.abc import Collection, Sequence

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._address import Host
from ._codes import Method, Reply, Socks4Reply
from ._errors import MethodError
from ._events import ServerEvent
from ._server4 import Socks4Server
from ._server4 import refusal as refusal4
from ._server5 import Socks5Server


class SocksServer(Machine[ServerEvent]):
    """Yields the same events and takes the same answers, whether the client speaks SOCKS4, SOCKS4a or SOCKS5.

    Once the version is known, a `Socks4Server` or a `Socks5Server` of its own works on its inbox and outbox.
    """

    __slots__ = ("_anonymous", "_names", "_part", "_socks5", "_versions")

    def __init__(
        self,
        *,
        versions: Collection[int] = (4, 5),
        socks4a: bool = True,
        methods: Sequence[Method] = (Method.NO_AUTHENTICATION,),
        empty_password: bool = False,
    ) -> None:
        """``versions`` are those that we accept, 4 and 5; ``socks4a`` says whether version 4 may name its host.

        ``methods`` and ``empty_password`` are those of `Socks5Server`. SOCKS4 cannot carry credentials: where
        ``methods`` lacks NO_AUTHENTICATION, its clients are refused. Raises LocalProtocolError for methods or
        versions that are empty or unknown.
        """
        super().__init__(SocksServer._read_message)
        if not versions or not {4, 5}.issuperset(versions):
            raise LocalProtocolError(f"versions {list(versions)}: none, or others than 4 and 5")
        self._versions = frozenset(versions)
        self._names = socks4a
        self._anonymous = Method.NO_AUTHENTICATION in methods
        self._socks5 = Socks5Server(methods=methods, empty_password=empty_password)
        self._part: Socks4Server | Socks5Server | None = None

    @property
    def version(self) -> int | None:
        """The version that the client speaks, 4 or 5; None while it is not known."""
        if self._part is None:
            return None
        return 4 if isinstance(self._part, Socks4Server) else 5

    def authenticate(self, ok: bool) -> None:
        """See `Socks5Server.authenticate`."""
        if not isinstance(self._part, Socks5Server):
            raise LocalProtocolError("authenticate() without credentials")
        self._part.authenticate(ok)

    def grant(self, host: Host, port: int) -> None:
        """See `Socks5Server.grant` and `Socks4Server.grant`."""
        if self._part is None:
            raise LocalProtocolError("grant() without a request")
        self._part.grant(host, port)

    def refuse(self, code: Reply) -> None:
        """See `Socks5Server.refuse`; SOCKS4 is told REJECTED, whatever the code."""
        if self._part is None:
            raise LocalProtocolError("refuse() without a request")
        self._part.refuse(code)

    def _read_message(self) -> ServerEvent | None:
        """Whatever the part for the client's version reads next."""
        part = self._part or self._choose_part()
        return None if part is None else part._state(part)

    def _choose_part(self) -> Socks4Server | Socks5Server | None:
        """SOCKS4: VN; RFC 1928 section 3: VER. It stays in the inbox, for the part to read."""
        if not self._inbox:
            return None
        version = self._inbox[0]
        if version not in self._versions:
            raise RemoteProtocolError(f"SOCKS version {version}, not {' or '.join(map(str, sorted(self._versions)))}")
        part: Socks4Server | Socks5Server = self._socks5
        if version == 4:
            if not self._anonymous:
                refusal = refusal4(Socks4Reply.REJECTED)
                raise MethodError("SOCKS4 cannot carry the credentials that we demand", refusal)
            part = Socks4Server(names=self._names)
        part._inbox, part._outbox = self._inbox, self._outbox
        self._part = part
        return part

    def _read_eof(self) -> ServerEvent | None:
        raise RemoteProtocolError("the client closed before its request was complete")
