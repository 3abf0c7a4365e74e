"""The base of all machines, through the smallest protocol there is."""

import gc
import weakref

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing._echo import EchoClient, EchoServer, Goodbye, Message


def test_nothing_is_parsed_before_it_is_asked_for() -> None:
    machine = EchoServer()
    machine.receive_data(b"\xff")
    with pytest.raises(RemoteProtocolError, match="255 bytes"):
        machine.next_event()


def test_events_come_in_order_and_an_answer_is_owed_between_them() -> None:
    machine = EchoServer()
    machine.receive_data(b"\x01a\x01b")
    assert machine.next_event() == Message(b"a")
    with pytest.raises(LocalProtocolError, match="before accept"):
        machine.next_event()
    machine.accept()
    assert machine.next_event() == Message(b"b")


def test_none_means_more_bytes_and_leaves_the_inbox_alone() -> None:
    machine = EchoServer()
    assert machine.next_event() is None
    machine.receive_data(b"\x02a")
    assert machine.next_event() is None
    assert machine.take_unread() == b"\x02a"
    assert machine.take_unread() == b""


@pytest.mark.parametrize("data", [b"\x01a", bytearray(b"\x01a"), memoryview(b"\x01a")])
def test_any_buffer_can_be_received(data: bytes) -> None:
    machine = EchoServer()
    machine.receive_data(data)
    assert machine.next_event() == Message(b"a")


def test_output_is_given_once() -> None:
    machine = EchoServer()
    assert machine.data_to_send() == b""
    machine.receive_data(b"\x01a")
    machine.next_event()
    machine.accept()
    assert machine.data_to_send() == b"ok"
    assert machine.data_to_send() == b""


def test_a_fault_stays_and_its_reply_is_queued_once() -> None:
    machine = EchoServer()
    machine.receive_data(b"\x0a")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError) as caught:
            machine.next_event()
        assert str(caught.value) == "a message of 10 bytes, at most 9 are allowed"
        assert caught.value.reply == b"no"
    assert machine.data_to_send() == b"no"
    assert machine.data_to_send() == b""


def test_a_repeated_fault_does_not_grow() -> None:
    def depth(error: BaseException) -> int:
        count, traceback = 0, error.__traceback__
        while traceback:
            count, traceback = count + 1, traceback.tb_next
        return count

    machine = EchoServer()
    machine.receive_data(b"\xff")
    depths = []
    for _ in range(4):
        with pytest.raises(RemoteProtocolError) as caught:
            machine.next_event()
        depths.append(depth(caught.value))
    assert depths[1] == depths[2] == depths[3]


def test_the_end_in_the_middle_of_a_message_is_a_fault() -> None:
    machine = EchoServer()
    machine.receive_data(b"\x02a")
    machine.receive_eof()
    machine.receive_eof()
    with pytest.raises(RemoteProtocolError, match="closed in the middle of a message") as caught:
        machine.next_event()
    assert caught.value.reply == b""
    with pytest.raises(LocalProtocolError, match="data after the end of the stream"):
        machine.receive_data(b"b")


def test_whole_messages_before_the_end_are_still_events() -> None:
    machine = EchoServer()
    machine.receive_data(b"\x01a\x00rest")
    machine.receive_eof()
    assert machine.next_event() == Message(b"a")
    machine.accept()
    assert machine.next_event() == Goodbye()
    assert machine.take_unread() == b"rest"
    with pytest.raises(LocalProtocolError, match="after the conversation"):
        machine.next_event()


def test_an_answer_that_nothing_asked_for_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="nothing waits"):
        EchoServer().accept()


def test_a_protocol_may_allow_the_end() -> None:
    machine = EchoClient()
    machine.receive_eof()
    assert machine.next_event() is None
    machine = EchoClient()
    machine.receive_data(b"o")
    machine.receive_eof()
    with pytest.raises(RemoteProtocolError, match="half an answer"):
        machine.next_event()


def test_a_machine_is_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        machine = EchoServer()
        machine.receive_data(b"\x00")
        machine.next_event()
        gone = weakref.ref(machine) if hasattr(machine, "__weakref__") else None
        referrers = len(gc.get_referrers(machine))
        assert gone is None or gone() is machine
        assert referrers <= 1  # this frame at most: nothing inside the machine refers to it
    finally:
        gc.enable()
