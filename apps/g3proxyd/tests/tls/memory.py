"""Handshakes in memory, without a socket."""

import contextlib
import ssl
from dataclasses import dataclass

from certificates import Leaf
from g3proxyd.tls.pem import Certificates, PrivateKey
from g3proxyd.tls.settings import Pair


def pair_of(leaf: Leaf) -> Pair:
    """A certificate and its key for a context."""
    return Pair(Certificates(leaf.certificate), PrivateKey(leaf.key))


@dataclass
class Talk:
    """A client and a server that have shaken hands, and what the first hello was."""

    client: ssl.SSLObject
    server: ssl.SSLObject
    hello: bytes


def shake_hands(
    client: ssl.SSLContext, server: ssl.SSLContext, *, name: str | None = None, session: ssl.SSLSession | None = None
) -> Talk:
    """Raises ssl.SSLError of whoever fails first. One byte is sent by the server, so that tickets have come."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name, session=session)
    theirs = server.wrap_bio(up, down, server_side=True)
    with contextlib.suppress(ssl.SSLWantReadError):
        ours.do_handshake()
    hello = up.read()
    up.write(hello)
    waiting = [theirs, ours]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    with contextlib.suppress(ssl.SSLWantReadError):
        theirs.read(1)  # a client's certificate in TLS 1.3 is seen with the next byte
    theirs.write(b"x")
    assert ours.read(1) == b"x"
    return Talk(ours, theirs, hello)
