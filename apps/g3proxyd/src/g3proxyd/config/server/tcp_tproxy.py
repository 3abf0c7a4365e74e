"""The server that takes connections to other machines."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import NotYet
from ..later import USERS
from ..module import TypeName
from ..values.listen import TcpListen
from ..values.numbers import Boolean
from .common import TaskServerConfig

__all__ = ["TcpTproxyConfig"]


class TcpTproxyConfig(TaskServerConfig):
    """Takes the connections that rules of the firewall lead here (TPROXY), and connects to where each was going."""

    type: Annotated[Literal["tcp_tproxy"], TypeName("tcp_tproxy")] = "tcp_tproxy"
    """What the object is."""
    listen: TcpListen
    """The listening socket; the process needs the capability CAP_NET_ADMIN."""
    auth_by_client_ip: Annotated[Boolean, NotYet(USERS)] = False
    """Let the client's address tell the user."""
    auth_by_server_ip: Annotated[Boolean, NotYet(USERS)] = False
    """Let the address that the client asked for tell the user."""

    def transparent(self) -> bool:
        return True
