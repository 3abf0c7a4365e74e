"""SOCKS4, SOCKS4a and SOCKS5 without I/O: server, client and UDP datagrams (RFC 1928, RFC 1929)."""

from ._address import MAX_NAME_SIZE, Host
from ._client4 import Socks4Client
from ._client5 import Socks5Client
from ._codes import Method, Reply, Socks4Reply
from ._datagram import MAX_HEADER_SIZE, Datagram, pack_header, parse_datagram
from ._errors import AuthenticationError, FragmentError, MethodError, RefusedError
from ._events import (
    Bind,
    ClientEvent,
    Connect,
    Credentials,
    Granted,
    Incoming,
    Request,
    ServerEvent,
    UdpAssociate,
)
from ._server import SocksServer
from ._server4 import MAX_USER_ID_SIZE, Socks4Server
from ._server5 import Socks5Server

__all__ = [
    "MAX_HEADER_SIZE",
    "MAX_NAME_SIZE",
    "MAX_USER_ID_SIZE",
    "AuthenticationError",
    "Bind",
    "ClientEvent",
    "Connect",
    "Credentials",
    "Datagram",
    "FragmentError",
    "Granted",
    "Host",
    "Incoming",
    "Method",
    "MethodError",
    "RefusedError",
    "Reply",
    "Request",
    "ServerEvent",
    "Socks4Client",
    "Socks4Reply",
    "Socks4Server",
    "Socks5Client",
    "Socks5Server",
    "SocksServer",
    "UdpAssociate",
    "pack_header",
    "parse_datagram",
]
