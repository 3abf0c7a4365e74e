"""Scripts: bytes in, events, bytes out, in the order in which a test tells them."""

import re
from types import TracebackType
from typing import Any, Generic, TypeVar

from .._errors import RemoteProtocolError
from .._machine import Machine

M = TypeVar("M", bound=Machine[Any])


class Script(Generic[M]):
    """A scenario for one machine, in which nothing may stay unsaid.

    ::

        with Script(Socks5Server()) as script:
            script >> b"\\x05\\x01\\x00"  # the peer says
            script.event(None)  # the machine wants more
            script << b"\\x05\\x00"  # the machine says

    At the end of the block every byte of output has been asserted.
    """

    def __init__(self, machine: M) -> None:
        self.machine = machine
        self._output = bytearray()

    def __rshift__(self, data: bytes) -> "Script[M]":
        """The peer sends ``data``."""
        self.machine.receive_data(data)
        return self

    def eof(self) -> None:
        """The peer sends no more."""
        self.machine.receive_eof()

    def event(self, expected: object) -> None:
        """The next event equals ``expected``; None means that only more bytes can help."""
        event = self.machine.next_event()
        assert event == expected, f"{event!r} is not {expected!r}"

    def fault(self, pattern: str, kind: type[RemoteProtocolError] = RemoteProtocolError) -> RemoteProtocolError:
        """The next event is a fault of this kind whose text matches the pattern; return the fault."""
        try:
            event = self.machine.next_event()
        except RemoteProtocolError as error:
            assert isinstance(error, kind), f"{error!r} is not a {kind.__name__}"
            assert re.search(pattern, str(error)), f"{str(error)!r} does not match {pattern!r}"
            return error
        raise AssertionError(f"{event!r} instead of a fault")

    def __lshift__(self, expected: bytes) -> "Script[M]":
        """The machine sends exactly ``expected`` next."""
        self._output += self.machine.data_to_send()
        said = bytes(self._output[: len(expected)])
        assert said == expected, f"{bytes(self._output)!r} does not begin with {expected!r}"
        del self._output[: len(expected)]
        return self

    def __enter__(self) -> "Script[M]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._output += self.machine.data_to_send()
            assert not self._output, f"output that nobody asserted: {bytes(self._output)!r}"
