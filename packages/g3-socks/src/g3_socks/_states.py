"""The states in which a machine reads nothing: our answer is owed, or the handshake is over."""

from typing import Any, NoReturn

from g3_machine import LocalProtocolError, Machine


def owe_authenticate(_: Machine[Any]) -> NoReturn:
    """The peer waits for the verdict on its credentials."""
    raise LocalProtocolError("next_event() before authenticate()")


def owe_answer(_: Machine[Any]) -> NoReturn:
    """The peer waits for the last or only reply."""
    raise LocalProtocolError("next_event() before grant() or refuse()")


def owe_two_answers(_: Machine[Any]) -> NoReturn:
    """The peer waits for the first of the two replies to a BIND."""
    raise LocalProtocolError("next_event() before grant() or refuse()")


def over(_: Machine[Any]) -> NoReturn:
    """The connection belongs to the next protocol, or is to be closed."""
    raise LocalProtocolError("next_event() after the end of the handshake")
