"""DNS cookies, the client's side (RFC 7873): who has never seen our queries cannot answer them."""

from collections import OrderedDict

from dns.edns import CookieOption
from dns.message import Message

from ._events import Server
from ._question import RandBelow

CLIENT_COOKIE_SIZE = 8
MAX_SERVERS = 1024
"""Servers whose cookies are kept; a configuration names a handful."""


class CookieJar:
    """The cookies of all servers that are asked; several clients share one."""

    __slots__ = ("_cookies", "_randbelow")

    def __init__(self, randbelow: RandBelow) -> None:
        self._randbelow = randbelow
        self._cookies: OrderedDict[Server, tuple[bytes, bytes]] = OrderedDict()

    def option(self, server: Server) -> CookieOption:
        """What a query to the server carries (section 5.1); each server gets a client cookie of its own."""
        return CookieOption(*self._cookies_of(server))

    def accept(self, server: Server, message: Message) -> bool:
        """Keep what the server gave us; whether the response is from somebody who saw our cookie (section 5.3).

        A response without a cookie is taken only from a server that has never sent one.
        """
        client, known = self._cookies_of(server)
        for option in message.options:
            if isinstance(option, CookieOption):
                if option.client != client:
                    return False
                self._cookies[server] = (client, option.server or known)
                return True
        return not known

    def forget(self, server: Server) -> None:
        """Begin anew with a server, which may have ceased to speak cookies."""
        self._cookies.pop(server, None)

    def _cookies_of(self, server: Server) -> tuple[bytes, bytes]:
        cookies = self._cookies.get(server)
        if cookies is None:
            client = self._randbelow(1 << 8 * CLIENT_COOKIE_SIZE).to_bytes(CLIENT_COOKIE_SIZE, "big")
            cookies = self._cookies[server] = (client, b"")
            if len(self._cookies) > MAX_SERVERS:
                self._cookies.popitem(last=False)
        return cookies
