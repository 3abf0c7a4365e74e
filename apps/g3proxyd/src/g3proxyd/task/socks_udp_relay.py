"""The relay of one UDP association (RFC 1928 section 7): headers off towards the targets, on towards the client.

A wake-up moves a batch from one socket to others, and is over. Datagrams of one target keep their order. What cannot be
read, is a fragment, is too large or cannot go is dropped; no datagram, and no ICMP error, ends an association.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..escaper.base import SocketAddress
from ..escaper.errors import ConnectReason, TcpConnectError
from ..io.mmsg import SLOT, SLOTS, shared_batch
from ..io.relay import RelayHost
from ..io.udp_pace import UdpPace
from ..io.udp_socket import UdpSocket
from ..upstream import Upstream
from .socks_udp_header import header_at, header_size
from .socks_udp_hop import HopRemote
from .socks_udp_remote import Remote
from .socks_udp_targets import ManyTargets, Target, Targets

SETTLE_MAX = 64
"""Datagrams per wake-up that are looked at one by one, before all that may have a foreign source is read."""

MANY = 16
"""Datagrams whose headers are compared all at once; fewer are quicker compared one by one."""

REPORTS_MAX = 16
"""Kinds of errors of one association that are reported, each once: a client can cause as many as it likes."""


Download = Callable[[Sequence[int], Sequence[int] | None], None]
"""Sends what the slots hold to the client, given what `Batch.receive` returned."""


@dataclass(frozen=True, slots=True)
class RelaySizes:
    """What all relays of one server share."""

    packet: int = 4096
    """Bytes of payload in a datagram, at most; g3's ``udp_relay_packet_size``."""
    turn: int = 1 << 20
    """Bytes that one direction may move before others get their turn; g3's ``udp_relay_yield_size``."""
    batch: int = SLOTS
    """Messages that are read at once; g3's ``udp_relay_batch_size``."""


class UdpRelay:
    """Relays from the moment it is made until `close`. It closes the sockets towards the remote side, not the client's.

    ``active`` is set whenever something moves.
    """

    def __init__(
        self,
        host: RelayHost,
        client: UdpSocket,
        peer: SocketAddress,
        sizes: RelaySizes,
        up: UdpPace | None = None,
        down: UdpPace | None = None,
    ) -> None:
        """``client`` is connected to ``peer``; what lies unread in it may come from elsewhere all the same."""
        self._host = host
        self._client = client
        self._peer = peer
        self._sizes = sizes
        self._up, self._down = up, down
        self._batch = shared_batch()
        self._targets: Targets | None = None
        self._report: Callable[[Upstream, TcpConnectError], None] | None = None
        self._reported: set[int] = set()
        self._resting: dict[int, asyncio.TimerHandle] = {}
        self._closed = False
        self.remotes: tuple[Remote, ...] = ()
        self.active = True
        self.foreign = 0
        """Datagrams that did not come from the client."""

    def start(
        self, targets: Targets, first: bytes, report: Callable[[Upstream, TcpConnectError], None] | None = None
    ) -> None:
        """Begin with a datagram that the caller has read; ``report`` hears what goes wrong, each kind once."""
        self._targets = targets
        self._report = report
        self._single(first)
        if self._targets is not None:  # it may have been the end
            self._host.poller.add_reader(self._client.fd, self._settle)

    def pace(self, up: UdpPace | None, down: UdpPace | None) -> None:
        """From now on move no more than this."""
        self._up, self._down = up, down

    def add(self, remote: Remote) -> None:
        """Take what comes from there; the relay owns it."""
        remote.join_trains()
        self.remotes = (*self.remotes, remote)
        if isinstance(remote, HopRemote):
            download: Download = partial(remote.pass_on, self._batch, self._client, self._sizes.packet)
        else:
            download = partial(self._download, remote)
        self._host.poller.add_reader(remote.fd, partial(self._from_remote, remote, download))

    def close(self) -> None:
        """Move nothing any more. May be called again, also from within a call of the relay."""
        if self._closed:
            return  # the numbers of the sockets may belong to others by now
        self._closed = True
        if self._targets is not None:
            self._targets.close()
            self._targets = None
        self._report = None
        for handle in self._resting.values():
            handle.cancel()
        self._resting.clear()
        self._host.poller.remove_reader(self._client.fd)
        for remote in self.remotes:
            self._host.poller.forget(remote.fd)
            remote.close()

    def _settle(self) -> None:
        """Until nothing is left from before the client's socket was connected, check every source."""
        pace = self._up
        for _ in range(SETTLE_MAX):
            if pace is not None and not pace.allowed(1):
                self._rest(self._client, self._settle, pace.delay())
                return
            try:
                data, source = self._client.sock.recvfrom(SLOT)
            except (BlockingIOError, InterruptedError):
                self._client.join_trains()
                self._host.poller.add_reader(self._client.fd, self._from_client)
                return
            except OSError:  # ICMP: the client's port is closed, at present
                return
            if source != self._peer:
                self.foreign += 1
                continue
            self._client.received += 1
            self._client.received_bytes += len(data)
            if pace is not None:
                pace.spend(1, len(data))
            self._single(data)
            if self._targets is None:
                return

    def _from_client(self) -> None:
        pace, client = self._up, self._client
        left = self._sizes.turn
        while left > 0 and self._targets is not None:
            most = self._sizes.batch
            if pace is not None and not (most := pace.allowed(most)):
                self._rest(client, self._from_client, pace.delay())
                return
            packets, size = client.received, client.received_bytes
            sizes, segments = self._batch.receive(client, most, named=False)
            if not sizes:
                return
            self.active = True
            moved = client.received_bytes - size
            if pace is not None:
                pace.spend(client.received - packets, moved)
            self._upload(sizes, segments)
            if len(sizes) < most:
                return
            left -= moved

    def _from_remote(self, remote: Remote, download: Download) -> None:
        pace = self._down
        left = self._sizes.turn
        while left > 0:
            most = self._sizes.batch
            if pace is not None and not (most := pace.allowed(most)):
                self._rest(remote, partial(self._from_remote, remote, download), pace.delay())
                return
            packets, size = remote.received, remote.received_bytes
            sizes, segments = self._batch.receive(remote, most, named=remote.named)
            if not sizes:
                return
            self.active = True
            moved = remote.received_bytes - size
            if pace is not None:
                pace.spend(remote.received - packets, moved)
            download(sizes, segments)
            if len(sizes) < most:
                return
            left -= moved

    def _upload(self, sizes: Sequence[int], segments: Sequence[int] | None) -> None:
        """Send what the slots hold to its targets: as few calls as there are changes of the target."""
        batch = self._batch
        memory = batch.memory
        count = len(sizes)
        slot = 0
        while slot < count and self._targets is not None:
            if segments and segments[slot]:
                self._upload_train(slot, sizes[slot], segments[slot])
                slot += 1
                continue
            start = slot * SLOT
            header = header_at(memory, start, sizes[slot])
            if not header:
                slot += 1
                continue
            skip = len(header)
            end = slot + 1
            if slot == 0 and count >= MANY and not segments and min(sizes) >= skip and batch.all_begin(count, header):
                end = count  # mostly there is one target, and this is quicker to see
            # The slot may still hold the header of an older datagram, hence the look at the size.
            while (
                end < count
                and memory[end * SLOT : end * SLOT + skip] == header
                and sizes[end] >= skip
                and not (segments and segments[end])
            ):
                end += 1
            target = self._targets.find(header)
            if target is not None:
                self._send(target, slot, [size - skip for size in sizes[slot:end]], skip)
            slot = end

    def _upload_train(self, slot: int, size: int, segment: int) -> None:
        memory, base = self._batch.memory, slot * SLOT
        begin = 0
        while begin < size and self._targets is not None:
            header = header_at(memory, base + begin, min(segment, size - begin))
            if not header:
                begin += segment
                continue
            skip = len(header)
            end = begin + segment
            while end < size and size - end >= skip and memory[base + end : base + end + skip] == header:
                end += segment
            end = min(end, size)
            target = self._targets.find(header)
            if target is not None and segment - skip <= self._sizes.packet:
                remote = target.remote
                if target.waiting is not None:
                    for place in range(begin, end, segment):
                        self._wait(target, memory[base + place + skip : base + min(place + segment, end)])
                elif remote is not None:
                    head, length = target.header, target.header_size
                    self._batch.send_train(remote, slot, begin, end, segment, skip, head, length, target.address)
                    if remote.error:
                        self._tell(target, remote)
            begin = end

    def _send(self, target: Target, slot: int, sizes: list[int], skip: int) -> None:
        most = self._sizes.packet
        if max(sizes) > most:
            for number, size in enumerate(sizes, start=slot):
                if size <= most:
                    self._send(target, number, [size], skip)
        elif target.waiting is not None:
            for number, size in enumerate(sizes, start=slot):
                start = number * SLOT + skip
                self._wait(target, self._batch.memory[start : start + size])
        elif target.remote is not None:
            if target.header:
                self._batch.send_exchanged(target.remote, slot, sizes, skip, target.header, target.header_size)
            else:
                self._batch.send(target.remote, slot, sizes, skip, target.address)
            if target.remote.error:
                self._tell(target, target.remote)

    def _download(self, remote: Remote, sizes: Sequence[int], segments: Sequence[int] | None) -> None:
        client, batch, most = self._client, self._batch, self._sizes.packet
        length = remote.header_size
        headers = remote.headers(batch.sources, len(sizes))
        if segments is None and max(sizes) <= most:
            if headers.count(headers[0]) == len(sizes):
                batch.send_exchanged(client, 0, sizes, 0, headers[0], length)
            else:
                batch.send_headed(client, 0, sizes, headers, length)
            return
        for slot, size in enumerate(sizes):
            segment = segments[slot] if segments else 0
            if segment and segment <= most:
                batch.send_train(client, slot, 0, size, segment, 0, headers[slot], length, 0)
            elif not segment and size <= most:
                batch.send_headed(client, slot, [size], [headers[slot]], length)

    def _single(self, data: bytes) -> None:
        """Send one datagram that is not in the batch."""
        self.active = True
        size = header_size(data[:5])
        if self._targets is None or not size or size > len(data) or len(data) - size > self._sizes.packet:
            return
        target = self._targets.find(data[:size])
        if target is None:
            return
        if target.waiting is not None:
            self._wait(target, data[size:])
        else:
            target.send(data[size:])
            if target.remote is not None and target.remote.error:
                self._tell(target, target.remote)

    def _wait(self, target: Target, payload: bytes) -> None:
        if isinstance(self._targets, ManyTargets):
            self._targets.wait(target, payload)

    def _tell(self, target: Target, remote: Remote) -> None:
        code, remote.error = remote.error, 0
        if self._report is not None and code not in self._reported and len(self._reported) < REPORTS_MAX:
            self._reported.add(code)
            reason = ConnectReason.SETUP_SOCKET_FAILED if code == errno.EINVAL else ConnectReason.CONNECT_FAILED
            self._report(target.upstream, TcpConnectError(reason, os_error=OSError(code, os.strerror(code))))

    def _rest(self, sock: UdpSocket, callback: Callable[[], None], seconds: float) -> None:
        """Leave the datagrams in the kernel for a while; beyond its buffer they are lost, as on any full line."""
        self._host.poller.remove_reader(sock.fd)

        def resume() -> None:
            del self._resting[sock.fd]
            self._host.poller.add_reader(sock.fd, callback)

        self._resting[sock.fd] = self._host.loop.call_later(seconds, resume)
