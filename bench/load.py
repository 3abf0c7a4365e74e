"""A closed-loop client: many short connections, or many tunnels that stay open, in one process over one epoll.

Run as a program: it takes its orders as one JSON object (`Orders`) in its argument and prints one `Outcome`. With
`hold` it prints the outcome when all tunnels stand and keeps them until its standard input ends.
"""

import contextlib
import functools
import json
import select
import socket
import ssl
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

# What is spoken to the proxy: absolute-form requests, CONNECT, SOCKS5 without authentication, TLS around the requests,
# or just the requests.
Dialect = Literal["forward", "connect", "socks5", "tls", "plain"]
# What a conversation yields: bytes to send, or nothing when it wants to hear more. It is sent what came, b"" at EOF.
# What it returns is sent before the connection is closed.
Conversation = Generator[bytes, bytes, bytes]


TLS_CIPHER = "TLS_AES_256_GCM_SHA384"


class WrongAnswerError(Exception):
    """The proxy or the origin behind it did not answer as it must."""


@dataclass(frozen=True, slots=True)
class Orders:
    """`total` connections, at most `concurrency` busy at once, each with one request for `size` bytes at `path`."""

    proxy_port: int
    origin_port: int
    dialect: Dialect
    path: str
    size: int
    total: int
    concurrency: int
    hold: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many conversations ended well, and up to three complaints of those that did not."""

    completed: int
    failed: int
    seconds: float
    complaints: list[str]


def converse(orders: Orders) -> Conversation:
    """One connection: handshake, request, the whole answer; to the end of the stream unless tunnels are held."""
    rest = b""
    match orders.dialect:
        case "tls":
            return (yield from _inside_tls(_request(orders)))
        case "forward" | "plain":
            pass  # the request's target says it all
        case "connect":
            rest = yield from _http_connect(orders.origin_port)
        case "socks5":
            rest = yield from _socks5_connect(orders.origin_port)
    if rest:
        raise WrongAnswerError(f"bytes before the request: {rest[:40]!r}")
    return (yield from _request(orders))


def _http_connect(port: int) -> Generator[bytes, bytes, bytes]:
    data = yield b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (port, port)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += yield from _more()
    if data[:5] != b"HTTP/" or data[8:12] != b" 200":
        raise WrongAnswerError(f"CONNECT answered {data[:40]!r}")
    return data[end + 4 :]


def _socks5_connect(port: int) -> Generator[bytes, bytes, bytes]:
    data = yield b"\x05\x01\x00"
    while len(data) < 2:
        data += yield from _more()
    if data != b"\x05\x00":
        raise WrongAnswerError(f"SOCKS5 method answered {data[:40]!r}")
    data = yield b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big")
    while len(data) < 10:  # the bound address of our origin's family: IPv4
        data += yield from _more()
    if data[:4] != b"\x05\x00\x00\x01":
        raise WrongAnswerError(f"SOCKS5 connect answered {data[:10]!r}")
    return data[10:]


def _inside_tls(inner: Conversation) -> Conversation:
    """The conversation inside a new TLS session."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _tls_context().wrap_bio(incoming, outgoing)
    try:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write((yield from _more(outgoing.read())))
        if tls.version() != "TLSv1.3" or (tls.cipher() or ("",))[0] != TLS_CIPHER:
            raise WrongAnswerError(f"{tls.version()} with {tls.cipher()}")
        tls.write(next(inner))
        while True:
            incoming.write((yield from _more(outgoing.read())))
            for data in _decrypted(tls):
                if out := inner.send(data):
                    tls.write(out)
    except ssl.SSLError as error:
        raise WrongAnswerError(f"TLS: {error}") from None
    except StopIteration:  # the inner conversation has ended well
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        return outgoing.read()


def _decrypted(tls: ssl.SSLObject) -> Iterator[bytes]:
    """What has come, b"" if it is the end."""
    while True:
        try:
            data = tls.read(65536)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            data = b""
        yield data
        if not data:
            return


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """The same version and cipher for every proxy; what is verified costs the client alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _request(orders: Orders) -> Conversation:
    host = f"127.0.0.1:{orders.origin_port}"
    target = f"http://{host}{orders.path}" if orders.dialect == "forward" else orders.path
    connection = "keep-alive" if orders.hold else "close"
    data = yield f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n".encode()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += yield from _more()
    if data[:12] != b"HTTP/1.1 200":
        raise WrongAnswerError(f"request answered {data[:40]!r}")
    missing = end + 4 + orders.size - len(data)
    while missing > 0:
        missing -= len((yield from _more()))
    if missing < 0:
        raise WrongAnswerError(f"{-missing} bytes too many")
    if not orders.hold and (tail := (yield b"")):
        raise WrongAnswerError(f"{len(tail)} bytes after the answer")
    return b""


def _more(out: bytes = b"") -> Generator[bytes, bytes, bytes]:
    data = yield out
    if not data:
        raise WrongAnswerError("the stream ended in the middle of an answer")
    return data


class Client:
    """Keeps `concurrency` conversations going until `total` of them have ended."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._epoll = select.epoll()
        self._busy: dict[int, tuple[socket.socket, Conversation]] = {}
        self._held: list[socket.socket] = []
        self._completed = self._failed = 0
        self._complaints: list[str] = []

    def run(self) -> Outcome:
        """Work until done or out of time; what is unfinished then has failed."""
        orders, busy = self._orders, self._busy
        begin = time.monotonic()
        left = orders.total
        while left or busy:
            while left and len(busy) < orders.concurrency:
                left -= 1
                self._open()
            if not busy:
                continue  # all that were opened failed at once
            patience = begin + orders.seconds - time.monotonic()
            if patience <= 0:
                break
            for descriptor, _ in self._epoll.poll(patience):
                self._hear(descriptor)
        if left or busy:
            self._complain(left + len(busy), f"unfinished after {orders.seconds:.0f} s")
        return Outcome(self._completed, self._failed, time.monotonic() - begin, self._complaints)

    def _open(self) -> None:
        conversation = converse(self._orders)
        connection = socket.socket()
        try:
            # On loopback a connect that blocks waits for nobody; a full backlog would show in `seconds`.
            connection.connect(("127.0.0.1", self._orders.proxy_port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            connection.send(next(conversation))
        except OSError as error:
            connection.close()
            self._complain(1, f"connect: {error}")
            return
        self._busy[connection.fileno()] = connection, conversation
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _hear(self, descriptor: int) -> None:
        connection, conversation = self._busy[descriptor]
        try:
            if out := conversation.send(connection.recv(65536)):
                connection.send(out)
            return
        except StopIteration as end:
            self._completed += 1
            if end.value and not self._orders.hold:
                connection.send(end.value)
        except (OSError, WrongAnswerError) as error:
            self._complain(1, str(error))
        del self._busy[descriptor]
        self._epoll.unregister(descriptor)
        if self._orders.hold:
            self._held.append(connection)
        else:
            connection.close()

    def _complain(self, count: int, text: str) -> None:
        self._failed += count
        if len(self._complaints) < 3:
            self._complaints.append(text)


def main() -> None:
    """Carry out the orders in the argument."""
    orders = Orders(**json.loads(sys.argv[1]))
    client = Client(orders)
    print(json.dumps(asdict(client.run())), flush=True)
    if orders.hold:
        sys.stdin.read()


if __name__ == "__main__":
    main()
