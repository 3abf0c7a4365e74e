"""A UDP socket of QUIC connections (RFC 9000): which connection a datagram belongs to, and which ones may begin.

Connections are known by the ids that they have, whichever server began them: a reload changes who gets the new ones,
and nothing for the others. The kernel deals the datagrams to the workers by the addresses of both sides. When the
socket is given up, each connection goes on with one of its own at the same address, which gets what its client sends.
"""

import contextlib
import logging
import socket
from functools import partial
from ipaddress import ip_address
from typing import Protocol

from aioquic.buffer import Buffer  # type: ignore[attr-defined]  # documented, and not in its __all__
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicErrorCode, QuicHeader, QuicPacketType, pull_quic_header
from aioquic.quic.retry import QuicRetryTokenHandler

from ..config.values.listen import UdpListen
from ..tls.quic import QuicTls
from .addresses import MAPPED, Peer
from .listening import IP_PKTINFO, open_connected
from .quic_answers import SMALLEST_FIRST, VERSIONS, refusal, retry, versions
from .quic_connection import Connection
from .quic_session import Owner, QuicSession
from .relay import RelayHost

log = logging.getLogger(__name__)

CONNECTIONS = 1024
"""Connections of one socket. Each costs some 60 KiB, and one processor serves no more than a few busy ones."""

HALF_OPEN = 256
"""Handshakes under way of one socket."""

HALF_OPEN_UNPROVEN = 32
"""So many handshakes may be under way before clients have to prove that they are where they say (Retry)."""

DATAGRAM_MOST = 4096
"""Bytes of a datagram; a longer one is lost. Nobody sends them longer than packets of the network are."""

DATAGRAMS_PER_TURN = 64
"""Datagrams received before the loop turns to the others again."""

ID_SIZE = 8
"""Bytes of the connection ids that we choose, which is what the library does unless it is told."""

LONG_HEADER = 0x80
"""Of a packet's first byte (RFC 9000 section 17)."""

ANCILLARY = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(12)
"""Room for the address that a datagram was sent to."""


class Acceptor(Owner, Protocol):
    """The server that new connections are for."""

    tls: QuicTls
    configuration: QuicConfiguration

    def admits(self, peer: Peer) -> bool:
        """Whether a client at this address may connect."""


class QuicListener:
    """Takes datagrams from one socket, and from those of connections that have outlived it."""

    def __init__(self, host: RelayHost, sock: socket.socket, listen: UdpListen, owner: Acceptor) -> None:
        """``sock`` is bound and non-blocking, with the options of ``listen``; the listener owns it."""
        self.sock = sock
        self.local: Peer = sock.getsockname()
        self._host = host
        self._listen = listen
        self._owner: Acceptor | None = owner
        self._sessions: dict[bytes, QuicSession] = {}
        """By the connection ids that lead to them."""
        self._all: set[QuicSession] = set()
        self._half_open: set[QuicSession] = set()
        self._started = False
        self._tokens = QuicRetryTokenHandler()

    def __len__(self) -> int:
        """Connections, with or without a handshake."""
        return len(self._all)

    # --- who has it ---

    def start(self) -> None:
        """Begin to receive."""
        if not self._started:
            self._started = True
            self._watch(self.sock)

    def hand_to(self, owner: Acceptor) -> None:
        """Let another server have the connections that begin from now on."""
        self._owner = owner

    def drain(self) -> None:
        """Take what waits in the kernel, then stop and close."""
        if self.sock.fileno() >= 0:
            self._receive(self.sock)
        self.close()

    def close(self) -> None:
        """Stop and close; may be called again. Connections go on with sockets of their own."""
        if self.sock.fileno() >= 0:
            self._owner = None
            for session in list(self._all):
                self._move(session)
            if self._started:
                self._host.poller.remove_reader(self.sock.fileno())
            self.sock.close()

    def _move(self, session: QuicSession) -> None:
        peer = session.present_peer
        try:
            own = open_connected(self._listen, session.local, peer)
        except OSError as error:
            log.error("a QUIC connection from %s ends with its socket: %s", session.peer[0], error)
            session.close()
            return
        session.use(own, peer)
        self._watch(own)

    def _watch(self, sock: socket.socket) -> None:
        self._host.poller.add_reader(sock.fileno(), partial(self._receive, sock))

    # --- ways to and fro ---

    def add(self, connection_id: bytes, session: QuicSession) -> None:
        """See `quic_session.Ways`."""
        self._sessions[connection_id] = session

    def remove(self, connection_id: bytes) -> None:
        """See `quic_session.Ways`."""
        self._sessions.pop(connection_id, None)

    def forget(self, session: QuicSession) -> None:
        """See `quic_session.Ways`."""
        self._all.discard(session)
        self._half_open.discard(session)

    def send(self, data: bytes, peer: Peer, local: Peer) -> None:
        """See `quic_session.Ways`."""
        sock = self.sock
        if sock.fileno() < 0:
            return
        address: Peer = peer
        if sock.family == socket.AF_INET6:
            if ":" not in peer[0]:
                address = (MAPPED + peer[0], peer[1])
            source = ip_address(local[0] if ":" in local[0] else MAPPED + local[0]).packed
            told = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, source + bytes(4))
        else:
            told = (socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + ip_address(local[0]).packed + bytes(4))
        with contextlib.suppress(OSError):  # lost, as datagrams are
            sock.sendmsg([data], [told], 0, address)

    def _receive(self, sock: socket.socket) -> None:
        met: dict[QuicSession, None] = {}
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data, ancillary, flags, address = sock.recvmsg(DATAGRAM_MOST, ANCILLARY)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                if sock.fileno() < 0:
                    break
                continue  # what became of an earlier datagram of ours
            if data and not flags & socket.MSG_TRUNC:
                peer, local = self._addresses(sock, address, ancillary)
                session = self._session_of(sock, data, peer, local)
                if session is not None:
                    session.receive(data, peer)
                    met[session] = None
        for session in met:
            session.flush()

    def _addresses(
        self, sock: socket.socket, address: Peer, ancillary: list[tuple[int, int, bytes]]
    ) -> tuple[Peer, Peer]:
        """The client's address and ours, each in the one form that it has here."""
        own: Peer = sock.getsockname() if sock is not self.sock else self.local
        peer: Peer = address
        for level, _, told in ancillary:
            if level == socket.IPPROTO_IPV6:
                own = (socket.inet_ntop(socket.AF_INET6, told[:16]), own[1])
            elif level == socket.IPPROTO_IP:
                own = (socket.inet_ntop(socket.AF_INET, told[8:12]), own[1])
        if peer[0].startswith(MAPPED):
            peer = (peer[0][len(MAPPED) :], peer[1])
        if own[0].startswith(MAPPED):
            own = (own[0][len(MAPPED) :], own[1])
        return peer, own

    # --- connections that begin ---

    def _session_of(self, sock: socket.socket, data: bytes, peer: Peer, local: Peer) -> QuicSession | None:
        """Whose datagram it is; None for nobody's, which may have got an answer."""
        if not data[0] & LONG_HEADER:
            return self._sessions.get(data[1 : 1 + ID_SIZE])
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=ID_SIZE)
        except ValueError:
            return None
        session = self._sessions.get(header.destination_cid)
        if session is not None or len(data) < SMALLEST_FIRST or header.version is None:
            return session
        if header.packet_type is QuicPacketType.VERSION_NEGOTIATION or not self._admits(peer):
            return None
        if header.version not in VERSIONS:
            answer: bytes | QuicSession = versions(header)
        elif header.packet_type is QuicPacketType.INITIAL:
            answer = self._begin(header, peer, local)
        else:
            return None
        if isinstance(answer, QuicSession):
            return answer
        if sock is self.sock:
            self.send(answer, peer, local)
        else:
            with contextlib.suppress(OSError):
                sock.send(answer)
        return None

    def _admits(self, peer: Peer) -> bool:
        return self._owner is None or self._owner.admits(peer)

    def _begin(self, header: QuicHeader, peer: Peer, local: Peer) -> QuicSession | bytes:
        """A new connection, or the answer to who may not have one, or not yet."""
        owner, now = self._owner, self._host.loop.time()
        original, retried = header.destination_cid, None
        if header.token:
            try:
                original = self._tokens.validate_token(
                    address=peer, destination_cid=header.destination_cid, token=header.token, now=now
                )
            except ValueError:
                return refusal(header, QuicErrorCode.INVALID_TOKEN)
            retried = header.destination_cid
        self._half_open = {session for session in self._half_open if not session.settled}
        if owner is None or len(self._all) >= CONNECTIONS or len(self._half_open) >= HALF_OPEN:
            return refusal(header, QuicErrorCode.CONNECTION_REFUSED)
        if len(self._half_open) >= HALF_OPEN_UNPROVEN and retried is None:
            return retry(self._tokens, header, peer, now)
        connection = Connection(owner.configuration, owner.tls, original, retried)
        session = QuicSession(self._host, connection, owner, self, self.sock, peer, local)
        self._all.add(session)
        self._half_open.add(session)
        return session
