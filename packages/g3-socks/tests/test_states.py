"""The states in which nothing is read."""

from collections.abc import Callable
from typing import Any

import pytest
from g3_machine import LocalProtocolError, Machine
from g3_socks._states import over, owe_answer, owe_authenticate, owe_two_answers


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (owe_authenticate, "next_event() before authenticate()"),
        (owe_answer, "next_event() before grant() or refuse()"),
        (owe_two_answers, "next_event() before grant() or refuse()"),
        (over, "next_event() after the end of the handshake"),
    ],
)
def test_asking_for_an_event_is_a_mistake_of_ours(state: Callable[[Any], None], text: str) -> None:
    machine = Machine[None](state)
    for _ in range(2):
        with pytest.raises(LocalProtocolError) as caught:
            machine.next_event()
        assert str(caught.value) == text
