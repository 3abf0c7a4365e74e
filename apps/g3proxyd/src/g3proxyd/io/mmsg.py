"""Batches of datagrams: recvmmsg with UDP_GRO in, sendmmsg or UDP_SEGMENT (GSO) out, by ctypes (Linux, 64 bits).

One `Batch` serves all associations of a worker. A wake-up receives messages into its slots and sends them on before it
returns, so that nothing is held between wake-ups, and the bytes of a payload are never copied outside the kernel: a
header is skipped or put in front by pointers. Each call works on up to `SLOTS` messages, and a message may be many
datagrams of one size: a "train", which the kernel glued together (GRO) and cuts apart again (GSO).

Where the kernel has no recvmmsg and sendmmsg, messages are moved one by one; where it has no GRO or GSO, there are no
trains.
"""

import ctypes
import errno
import functools
import mmap
import socket
from array import array
from collections.abc import Sequence

from .udp_socket import SOL_UDP, UDP_SEGMENT, UdpSocket

SLOTS = 64
"""Messages in a batch; more gain nothing measurable."""

SLOT = 65536
"""Bytes between two slots: no datagram and no train is longer."""

NAME = 32
"""Bytes of room for a socket address: 16 of IPv4, 28 of IPv6."""

SEGMENTS_MAX = 64
"""UDP_MAX_SEGMENTS of older kernels: datagrams in one train that is sent."""

TRAIN_MAX = 65000
"""Bytes in one train that is sent, headers of the network included in the 65535 that IP allows."""

_SHAPES_MAX = 512
"""Lists of pointers for trains that are kept, of at most 2 KiB each: a flow uses the same few again and again."""

_LATER = (errno.EAGAIN, errno.ENOBUFS)
"""The send buffer or the device's queue is full: the rest of the batch would fare no better."""

_TOO_LONG = (errno.EINVAL, errno.EMSGSIZE)
_NO_OFFLOAD = (errno.EIO, errno.EOPNOTSUPP, errno.ENOPROTOOPT)

_MMSGHDR, _IOVEC, _CONTROL = 64, 16, 64
_TRAIN_CONTROL = 64  # where in the arena for trains the control message is, and its vector
_TRAIN_VECTOR = 128

_pointer, _int, _uint = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint


class _Arena:
    """Zeroed memory at a fixed address with typed views."""

    def __init__(self, size: int) -> None:
        # Private: a process that is forked has its own.
        self.memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.bytes = memoryview(self.memory)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.u64, self.u32, self.u16 = self.bytes.cast("Q"), self.bytes.cast("I"), self.bytes.cast("H")


class Messages(_Arena):
    """An array of struct mmsghdr, each with ``parts`` iovecs; strided views write one field of all in one call."""

    def __init__(self, parts: int, names: int = 0) -> None:
        """``names`` is where the sources of received messages go, `NAME` bytes each; 0 when nobody asks."""
        super().__init__(SLOTS * (_MMSGHDR + parts * _IOVEC))
        self.parts = parts
        self.vectors = self.address + SLOTS * _MMSGHDR
        for slot in range(SLOTS):
            self.u64[slot * 8] = names + slot * NAME if names else 0
            self.u32[slot * 16 + 2] = NAME
            self.u64[slot * 8 + 2] = self.vectors + slot * parts * _IOVEC
            self.u64[slot * 8 + 3] = parts
        end = SLOTS * 8
        self.names = self.u64[0:end:8]
        self.name_lengths = self.u32[2 : SLOTS * 16 : 16]
        self.controls, self.control_lengths = self.u64[4:end:8], self.u64[5:end:8]
        self.lengths = self.u32[14 : SLOTS * 16 : 16]
        first, step = end, 2 * parts
        last = first + step * SLOTS
        self.starts = [self.u64[first + 2 * part : last : step] for part in range(parts)]
        self.sizes = [self.u64[first + 2 * part + 1 : last : step] for part in range(parts)]
        self._aim = 0
        self._skip = -1
        self._lead = (0, 0)

    def aim(self, name: int) -> None:
        """Send all to the socket address at this place in memory, or with 0 to where the socket is connected to."""
        if name != self._aim:
            self._aim = name
            self.names[:] = array("Q", [name]) * SLOTS

    def skip(self, payload: int, skip: int) -> None:
        """Let the last part of each message begin so many bytes behind its slot."""
        if skip != self._skip:
            self._skip = skip
            self.starts[-1][:] = array("Q", range(payload + skip, payload + skip + SLOTS * SLOT, SLOT))

    def lead(self, header: int, length: int) -> None:
        """Let the first part of each message be so many bytes at this place in memory."""
        if (header, length) != self._lead:
            self._lead = (header, length)
            self.starts[0][:] = array("Q", [header]) * SLOTS
            self.sizes[0][:] = array("Q", [length]) * SLOTS


class Batch:
    """The buffers, and the calls that fill and empty them. Not for two threads."""

    def __init__(self) -> None:
        self._payload = _Arena(SLOTS * SLOT)
        self._control = _Arena(SLOTS * _CONTROL)
        self._train = _Arena(_TRAIN_VECTOR + SEGMENTS_MAX * 2 * _IOVEC)
        self._names = _Arena(SLOTS * NAME)
        self.memory = self._payload.memory
        """The slots: a slice of it is a copy."""
        self._columns = (self._payload.u64, 8), (self._payload.u16, 2), (self._payload.bytes, 1)
        self.sources = self._names.memory
        """The socket addresses that messages of `receive` came from, if it was asked for them; `NAME` bytes each."""
        self._in, self._in_named = Messages(1), Messages(1, self._names.address)
        self._out, self._out_headed, self._out_exchanged = Messages(1), Messages(2), Messages(2)
        for messages in (self._in, self._in_named):
            messages.skip(self._payload.address, 0)
            messages.sizes[0][:] = array("Q", [SLOT]) * SLOTS
            control = self._control.address
            messages.controls[:] = array("Q", range(control, control + SLOTS * _CONTROL, _CONTROL))
            messages.control_lengths[:] = array("Q", [_CONTROL]) * SLOTS
        self._out_headed.skip(self._payload.address, 0)
        self._full_controls = array("Q", [_CONTROL]) * SLOTS
        self._full_names = array("I", [NAME]) * SLOTS
        train = self._train
        train.u64[4] = train.address + _TRAIN_CONTROL
        train.u64[8] = 18  # sizeof(struct cmsghdr) + sizeof(uint16_t)
        train.u32[18], train.u32[19] = SOL_UDP, UDP_SEGMENT
        self._shapes: dict[tuple[int, ...], array[int]] = {}
        libc = ctypes.CDLL(None, use_errno=True)
        self._recvmsg, self._sendmsg = libc.recvmsg, libc.sendmsg
        self._recvmmsg, self._sendmmsg = libc.recvmmsg, libc.sendmmsg
        for one in (self._recvmsg, self._sendmsg):
            one.argtypes, one.restype = (_int, _pointer, _int), ctypes.c_ssize_t
        self._recvmmsg.argtypes = (_int, _pointer, _uint, _int, _pointer)
        self._sendmmsg.argtypes = (_int, _pointer, _uint, _int)

    def receive(self, sock: UdpSocket, most: int, *, named: bool) -> tuple[list[int], list[int] | None]:
        """Fill up to ``most`` slots; return the sizes of the messages, and for trains the sizes of their segments.

        A segment size of 0 is a message that is one datagram; None stands for all zeros. Nothing is returned when
        nothing has come, or only the error of an earlier datagram (ICMP), which concerns nobody. ``named`` asks for
        `sources`.
        """
        messages = self._in_named if named else self._in
        count = self._recvmmsg(sock.fd, messages.address, most, socket.MSG_DONTWAIT, None)
        if count < 0:
            if ctypes.get_errno() != errno.ENOSYS:
                return [], None
            count = self._receive_singly(sock, messages, most)
        sizes: list[int] = messages.lengths[:count].tolist()
        controls: list[int] = messages.control_lengths[:count].tolist()
        # The kernel has written over the room that there is, in those that it filled.
        messages.control_lengths[:count] = self._full_controls[:count]
        if named:
            messages.name_lengths[:count] = self._full_names[:count]
        sock.received_bytes += sum(sizes)
        sock.received += count
        if not any(controls):
            return sizes, None
        # The only control message that was asked for is the one of UDP_GRO.
        segments = [self._control.u32[slot * 16 + 4] if length else 0 for slot, length in enumerate(controls)]
        for size, segment in zip(sizes, segments, strict=True):
            if segment:
                sock.received += -(-size // segment) - 1
        return sizes, segments

    def all_begin(self, count: int, start: bytes) -> bool:
        """Whether the first slots, so many of them, all begin so, whatever the sizes of their messages are."""
        place = 0
        for view, width in self._columns:
            step = SLOT // width
            while len(start) - place >= width:
                column = view[place // width : count * step : step]
                if column.tobytes() != start[place : place + width] * count:
                    return False
                place += width
        return True

    def send(self, sock: UdpSocket, first: int, sizes: Sequence[int], skip: int, name: int) -> None:
        """Send what lies in the slots from ``first`` on, ``sizes`` bytes behind the first ``skip`` bytes of each.

        ``name`` is the place in memory of the target's socket address, 0 for a connected socket. What the kernel does
        not take is dropped, and the socket's counters tell.
        """
        messages = self._out
        messages.skip(self._payload.address, skip)
        messages.aim(name)
        messages.sizes[0][first : first + len(sizes)] = array("Q", sizes)
        self._send(sock, messages, first, sizes, 0, name)

    def send_headed(
        self, sock: UdpSocket, first: int, sizes: Sequence[int], headers: Sequence[int], length: int
    ) -> None:
        """Send what lies in the slots from ``first`` on through a connected socket, with a header in front of each.

        ``headers`` are places in memory, each of ``length`` bytes.
        """
        end = first + len(sizes)
        messages = self._out_headed
        messages.starts[0][first:end] = array("Q", headers)
        messages.sizes[0][first:end] = array("Q", [length]) * len(sizes)
        messages.sizes[1][first:end] = array("Q", sizes)
        self._send(sock, messages, first, sizes, length, 0)

    def send_exchanged(
        self, sock: UdpSocket, first: int, sizes: Sequence[int], skip: int, header: int, length: int
    ) -> None:
        """The same with one header for all, in place of the first ``skip`` bytes of each slot.

        ``sizes`` are those of what follows the skipped bytes.
        """
        messages = self._out_exchanged
        messages.skip(self._payload.address, skip)
        messages.lead(header, length)
        messages.sizes[1][first : first + len(sizes)] = array("Q", sizes)
        self._send(sock, messages, first, sizes, length, 0)

    def send_train(
        self,
        sock: UdpSocket,
        slot: int,
        begin: int,
        end: int,
        segment: int,
        skip: int,
        header: int,
        length: int,
        name: int,
    ) -> None:
        """Send the bytes from ``begin`` to ``end`` of a slot, which are segments of a size, the last perhaps shorter.

        The first ``skip`` bytes of each are left out, and the ``length`` bytes at ``header`` put in front of it. No
        segment is shorter than ``skip``.
        """
        size = segment - skip + length
        step = max(min(SEGMENTS_MAX, TRAIN_MAX // max(size, 1)), 1) * segment
        for start in range(begin, end, step):
            stop = min(end, start + step)
            vector = self._shape(slot, start, stop, segment, skip, header, length)
            self._train.u64[_TRAIN_VECTOR // 8 : _TRAIN_VECTOR // 8 + len(vector)] = vector
            count = -(-(stop - start) // segment)
            total = stop - start + count * (length - skip)
            place = self._train.address + _TRAIN_VECTOR
            parts = len(vector) // 2
            # The kernel makes no empty datagram of the end of a train.
            whole = size <= sock.train_segment and total > (count - 1) * size
            if not (whole and self._cut(sock, place, parts, size, name, count, total)):
                each = parts // count
                for index in range(count):
                    own = min(size, total - index * size)
                    self._send_one(sock, place + index * each * _IOVEC, each, own, name)

    def _receive_singly(self, sock: UdpSocket, messages: Messages, most: int) -> int:
        for slot in range(most):
            size = self._recvmsg(sock.fd, messages.address + slot * _MMSGHDR, socket.MSG_DONTWAIT)
            if size < 0:
                return slot
            messages.lengths[slot] = size
        return most

    def _send(
        self, sock: UdpSocket, messages: Messages, first: int, sizes: Sequence[int], length: int, name: int
    ) -> None:
        count = len(sizes)
        size = sizes[0]
        # All of one size, of which the last may be shorter: only so can the kernel cut them apart again.
        even = count > 1 and 0 < sizes[-1] <= size and sizes.count(size) == count - (sizes[-1] != size)
        if even and size + length <= sock.train_segment:
            self._send_even(sock, messages, first, sizes, length, name)
        else:
            self._send_each(sock, messages, first, sizes, length)

    def _send_even(
        self, sock: UdpSocket, messages: Messages, first: int, sizes: Sequence[int], length: int, name: int
    ) -> None:
        size = sizes[0] + length
        step = min(SEGMENTS_MAX, TRAIN_MAX // size)
        for start in range(0, len(sizes), step):
            part = sizes[start : start + step]
            place = messages.vectors + (first + start) * messages.parts * _IOVEC
            count = len(part)
            total = sum(part) + count * length
            if not self._cut(sock, place, count * messages.parts, size, name, count, total):
                self._send_each(sock, messages, first + start, part, length)

    def _send_each(self, sock: UdpSocket, messages: Messages, first: int, sizes: Sequence[int], length: int) -> None:
        done, count = 0, len(sizes)
        again = True
        while done < count:
            sent = self._sendmmsg(
                sock.fd, messages.address + (first + done) * _MMSGHDR, count - done, socket.MSG_DONTWAIT
            )
            if sent < 0 and ctypes.get_errno() == errno.ENOSYS:
                place = messages.address + (first + done) * _MMSGHDR
                sent = 1 if self._sendmsg(sock.fd, place, socket.MSG_DONTWAIT) >= 0 else -1
            if sent > 0:
                sock.sent += sent
                sock.sent_bytes += sum(sizes[done : done + sent]) + sent * length
                done += sent
                again = True
            elif ctypes.get_errno() in _LATER:
                return
            elif again:  # perhaps it was the error of an earlier datagram (ICMP): to hear of it clears it
                again = False
            else:
                sock.error = ctypes.get_errno()
                done += 1
                again = True

    def _send_one(self, sock: UdpSocket, vector: int, parts: int, size: int, name: int) -> None:
        head = self._train
        head.u64[0], head.u32[2], head.u64[2], head.u64[3], head.u64[5] = name, NAME if name else 0, vector, parts, 0
        if (
            self._sendmsg(sock.fd, head.address, socket.MSG_DONTWAIT) < 0
            and self._sendmsg(sock.fd, head.address, socket.MSG_DONTWAIT) < 0
        ):
            sock.error = ctypes.get_errno()
        else:
            sock.sent += 1
            sock.sent_bytes += size

    def _cut(self, sock: UdpSocket, vector: int, parts: int, segment: int, name: int, count: int, total: int) -> bool:
        """Send a train; False when it has to go one by one, on this path or for ever."""
        head = self._train
        head.u64[0], head.u32[2], head.u64[2], head.u64[3], head.u64[5] = name, NAME if name else 0, vector, parts, 24
        head.u16[40] = segment
        for _ in range(2):
            if self._sendmsg(sock.fd, head.address, socket.MSG_DONTWAIT) >= 0:
                sock.sent += count
                sock.sent_bytes += total
                return True
            code = ctypes.get_errno()
            if code in _LATER:
                return True
            if code in _TOO_LONG:
                sock.train_segment = segment - 1  # too long for one packet on this path
                return False
            if code in _NO_OFFLOAD:
                sock.train_segment = 0  # a device that cannot do checksums
                return False
        return False

    def _shape(
        self, slot: int, start: int, stop: int, segment: int, skip: int, header: int, length: int
    ) -> "array[int]":
        key = (slot, start, stop, segment, skip, header, length)
        vector = self._shapes.get(key)
        if vector is None:
            vector = array("Q")
            base = self._payload.address + slot * SLOT
            for place in range(start, stop, segment):
                if length:
                    vector.extend((header, length))
                vector.extend((base + place + skip, min(segment, stop - place) - skip))
            if len(self._shapes) >= _SHAPES_MAX:
                self._shapes.clear()
            self._shapes[key] = vector
        return vector


@functools.cache
def shared_batch() -> Batch:
    """The batch of this process, made when it is first used: it holds nothing between two callbacks of the loop."""
    return Batch()
