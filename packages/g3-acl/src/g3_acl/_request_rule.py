"""Rules about what kind of request a client makes."""

from enum import Enum

from ._action import Action
from ._plain import nearest, normalise, show, wrong
from ._rule import Rule


class RequestType(Enum):
    """What a client asks of a proxy; the value is its name in configurations.

    SOCKS_UDP_ASSOCIATE stands for every use of UDP over SOCKS, also the simplified one with a single peer.
    """

    HTTP_FORWARD = "http_forward"
    HTTPS_FORWARD = "https_forward"
    FTP_OVER_HTTP = "ftp_over_http"
    HTTP_CONNECT = "http_connect"
    SOCKS_TCP_CONNECT = "socks_tcp_connect"
    SOCKS_UDP_ASSOCIATE = "socks_udp_associate"


_NAMES = {kind.value.replace("_", ""): kind for kind in RequestType}
EXPECTED_REQUEST_TYPE = f"one of {', '.join(kind.value for kind in RequestType)}"


def parse_request_type(text: str) -> RequestType:
    """Return the type of that name: ``http_connect``, ``HttpConnect``, ``http-connect``; raises AclError."""
    name = normalise(text)
    kind = _NAMES.get(name.replace("_", ""))
    if kind is None:
        suggestion = nearest(name, [kind.value for kind in RequestType])
        raise wrong(f"{show(text)} is no type of request", expected=EXPECTED_REQUEST_TYPE, suggestion=suggestion)
    return kind


class RequestRule(Rule[RequestType]):
    """Records are types of requests."""

    __slots__ = ("_actions",)

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._actions: dict[RequestType, Action] = {}

    def add(self, kind: RequestType, action: Action) -> None:
        """Add a type of requests."""
        self._open()
        self._actions[kind] = action

    def find(self, kind: RequestType) -> Action | None:
        """Return the action of the type, or None."""
        return self._actions.get(kind)

    def _build(self) -> object:
        return self._actions
