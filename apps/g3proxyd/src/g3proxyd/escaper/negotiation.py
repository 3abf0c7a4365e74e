"""The talk with a next proxy, before its connection carries what it is wanted for."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from g3_machine import Machine, RemoteProtocolError

from ..io.stream import Stream
from .errors import ConnectReason, TcpConnectError

E = TypeVar("E")


class Negotiation:
    """One talk, with one time limit for all of it."""

    def __init__(self, stream: Stream, seconds: float) -> None:
        """The stream stays its owner's, to be closed as soon as the talk fails."""
        self.stream = stream
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + seconds

    async def next_event(
        self, machine: Machine[E], reason_of: Callable[[RemoteProtocolError], ConnectReason] | None = None
    ) -> E:
        """Send what the machine wants sent, and receive until it has an event. Raises TcpConnectError.

        ``reason_of`` tells faults apart; without it all of them are against the protocol.
        """
        while True:
            try:
                event = machine.next_event()
            except RemoteProtocolError as error:
                await self.flush(machine)
                reason = ConnectReason.NEGOTIATION_PROTOCOL_ERROR if reason_of is None else reason_of(error)
                raise TcpConnectError(reason, detail=str(error)) from None
            await self.flush(machine)
            if event is not None:
                return event
            machine.receive_data(await self.receive())

    async def flush(self, machine: Machine[E]) -> None:
        """Send what the machine wants sent. Raises TcpConnectError."""
        if data := machine.data_to_send():
            await self.send(data)

    async def send(self, data: bytes) -> None:
        """Send all of the data. Raises TcpConnectError."""
        try:
            await self.stream.send(data, self._patience())
        except TimeoutError:
            raise TcpConnectError(ConnectReason.NEGOTIATION_PEER_TIMEOUT) from None
        except OSError as error:
            raise TcpConnectError(ConnectReason.NEGOTIATION_WRITE_FAILED, os_error=error) from None

    async def receive(self) -> bytes:
        """The next bytes. Raises TcpConnectError, also when the peer has closed."""
        try:
            data = await self.stream.receive(self._patience())
        except TimeoutError:
            raise TcpConnectError(ConnectReason.NEGOTIATION_PEER_TIMEOUT) from None
        except OSError as error:
            raise TcpConnectError(ConnectReason.NEGOTIATION_READ_FAILED, os_error=error) from None
        if not data:
            raise TcpConnectError(ConnectReason.NEGOTIATION_READ_FAILED, detail="the next proxy has closed")
        return data

    def _patience(self) -> float:
        return max(self._deadline - self._clock(), 0.0)
