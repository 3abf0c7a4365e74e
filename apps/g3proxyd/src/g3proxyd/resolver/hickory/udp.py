"""Questions over UDP, each from a socket and a port of its own; over TCP where UDP does not do."""

import asyncio
import errno
import secrets
import socket

from g3_dns import CookieJar, Failure, Lost, Question, Response, Server, UdpClient, UdpEvent, UdpSettings

from ...io.poller import Poller
from .sockets import ServerSockets
from .transport import NoReplyError, Transport

FIRST_TRY = 1.0
"""Seconds until a datagram is taken for lost and sent again, and again after twice, four times ... as long: resolvers
of the world answer nearly all questions sooner, and what is sent twice costs little."""

TRIES = 8
"""Datagrams of one question at most; the request timeout is over long before, unless it is minutes."""

PORT_TRIES = 8
"""Ports that are tried. One of 64,512 is seldom taken; where so many are, the kernel knows a free one."""

DATAGRAM_SIZE = 65_535


class UdpTransport(Transport):
    """One name server over UDP."""

    def __init__(
        self,
        poller: Poller,
        server: Server,
        sockets: ServerSockets,
        cookies: CookieJar,
        request_timeout: float,
        tcp: Transport,
    ) -> None:
        """``tcp`` is asked what does not fit into a datagram, or what somebody seems to forge; it is closed with this.

        ``request_timeout`` is in seconds.
        """
        self._poller = poller
        self._server = server
        self._sockets = sockets
        self._cookies = cookies
        self._request_timeout = request_timeout
        self._settings = UdpSettings(min(FIRST_TRY, request_timeout), request_timeout, TRIES)
        self._tcp = tcp

    async def ask(self, question: Question) -> Response:
        """See `Transport.ask`."""
        client = UdpClient(
            question, self._server, secrets.randbelow, self._poller.loop.time(), self._settings, self._cookies
        )
        try:
            async with asyncio.timeout(self._request_timeout):
                event = await self._exchange(client)
        except TimeoutError:
            raise NoReplyError(Failure.TIMEOUT) from None
        except OSError as error:
            raise NoReplyError(Failure.UNREACHABLE, str(error)) from None
        match event:
            case Response():
                return event
            case Lost(failure=failure):
                raise NoReplyError(failure)
            case _:
                return await self._tcp.ask(question)

    async def close(self) -> None:
        """See `Transport.close`."""
        await self._tcp.close()

    async def _exchange(self, client: UdpClient) -> UdpEvent:
        loop = self._poller.loop
        sock = self._open(client)
        woken = asyncio.Event()
        timer: asyncio.TimerHandle | None = None
        self._poller.add_reader(sock.fileno(), woken.set)
        try:
            while (event := client.next_event()) is None:
                for datagram in client.datagrams_to_send():
                    self._send(sock, client, datagram)
                timer = loop.call_at(client.next_timeout() or loop.time(), woken.set)
                await woken.wait()
                timer.cancel()
                woken.clear()
                self._receive(sock, client)
                client.handle_timeout(loop.time())
            return event
        finally:
            if timer is not None:
                timer.cancel()
            self._poller.forget(sock.fileno())
            sock.close()

    def _open(self, client: UdpClient) -> socket.socket:
        port = client.port
        for _ in range(PORT_TRIES):
            try:
                return self._sockets.open_udp(self._server, port)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            port = client.change_port()
        return self._sockets.open_udp(self._server)

    def _send(self, sock: socket.socket, client: UdpClient, datagram: bytes) -> None:
        try:
            sock.send(datagram)
        except (BlockingIOError, InterruptedError):
            pass  # lost like any other datagram: it is sent again
        except OSError:
            client.unreachable()

    def _receive(self, sock: socket.socket, client: UdpClient) -> None:
        """Hand in all that has come. There is no other source: the socket is connected."""
        while client.next_timeout() is not None:
            try:
                data = sock.recv(DATAGRAM_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                client.unreachable()
            else:
                client.receive_datagram(data, self._server)
