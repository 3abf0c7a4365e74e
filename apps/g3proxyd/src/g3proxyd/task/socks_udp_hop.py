"""A UDP socket towards a SOCKS5 proxy on the way: datagrams have a header on both sides (RFC 1928 section 7)."""

import mmap
from collections.abc import Sequence

from ..escaper.base import UdpHop
from ..io.mmsg import SLOT, Batch
from ..io.udp_socket import UdpSocket
from ..upstream import Upstream
from .socks_udp_header import header_at, upstream_in
from .socks_udp_remote import SOURCES_MAX, Remote


class HopRemote(Remote):
    """Takes datagrams for all targets, each with the header of its target in front.

    What comes from the proxy goes on to the client as it is. With a header of its own, for the simplified mode, only
    what comes from the one target goes on, and this header replaces the proxy's. What has no proper header is dropped.
    """

    def __init__(self, hop: UdpHop, header: bytes | None = None) -> None:
        """``header`` is what the one target is called by the client. The association is closed with the socket."""
        super().__init__(hop.sock, header)
        self.hop = hop
        self.named = False
        self._target = None if header is None else upstream_in(header)
        self._sources: dict[bytes, bool] = {}

    def close(self) -> None:
        """Close the socket, and the connection that holds the association."""
        self.hop.close()

    def pass_on(
        self, batch: Batch, client: UdpSocket, most: int, sizes: Sequence[int], segments: Sequence[int] | None
    ) -> None:
        """Send what the slots hold to the client, but for payloads of more than ``most`` bytes.

        ``sizes`` and ``segments`` are those of `Batch.receive`.
        """
        memory, own = batch.memory, self._own
        run: list[int] = []  # the sizes of slots that leave by one call, what is skipped of them, and the first of them
        skip = first = 0
        for slot, size in enumerate(sizes):
            segment = segments[slot] if segments else 0
            head = b"" if segment else self._head_at(memory, slot * SLOT, size)
            fits = head and size - len(head) <= most
            # As they are, datagrams of all sources leave together; behind our header, those with headers of one size.
            if run and (not fits or (own is not None and len(head) != skip)):
                self._send_run(batch, client, first, run, skip)
                run = []
            if fits:
                if not run:
                    first, skip = slot, len(head) if own is not None else 0
                run.append(size - skip)
            elif segment:
                self._pass_train(batch, client, slot, size, segment, most)
        if run:
            self._send_run(batch, client, first, run, skip)

    def _send_run(self, batch: Batch, client: UdpSocket, first: int, sizes: list[int], skip: int) -> None:
        if self._own is None:
            batch.send(client, first, sizes, 0, 0)
        else:
            batch.send_exchanged(client, first, sizes, skip, self._own[0], self.header_size)

    def _pass_train(self, batch: Batch, client: UdpSocket, slot: int, size: int, segment: int, most: int) -> None:
        memory, base = batch.memory, slot * SLOT
        begin = 0
        while begin < size:
            length = min(segment, size - begin)
            head = self._head_at(memory, base + begin, length)
            end = begin + segment
            if head and length - len(head) <= most:
                skip = len(head)
                while end < size and size - end >= skip and memory[base + end : base + end + skip] == head:
                    end += segment
                end = min(end, size)
                if self._own is None:
                    batch.send_train(client, slot, begin, end, segment, 0, 0, 0, 0)
                else:
                    batch.send_train(client, slot, begin, end, segment, skip, self._own[0], self.header_size, 0)
            begin = end

    def _head_at(self, memory: mmap.mmap, start: int, size: int) -> bytes:
        """The header of the datagram that begins there; empty when the client must not see it."""
        head = header_at(memory, start, size)
        if not head:
            return b""
        right = self._sources.get(head)
        if right is None:
            if len(self._sources) >= SOURCES_MAX:
                self._sources.clear()
            right = self._sources[head] = self._may_answer(upstream_in(head))
        return head if right else b""

    def _may_answer(self, source: Upstream | None) -> bool:
        target = self._target
        if source is None or target is None:
            return source is not None
        # Nobody here knows the addresses of a name.
        return source == target or (isinstance(target.host, str) and source.port == target.port)
