"""Deadlines of queries, idleness, and connections that have gone silent."""

from typing import Any

import pytest
from g3_dns import Closed, Failure, Lost, StreamSettings
from g3_dns._pending import Pending

SETTINGS = StreamSettings(query_timeout=5, idle_timeout=10)


def test_queries() -> None:
    pending = Pending(SETTINGS)
    assert (len(pending), pending.next_timeout(), pending.expire(1e9)) == (0, None, [])
    pending.add(7, b"seven", 100)
    pending.add(8, b"eight", 101)
    assert (len(pending), 7 in pending, 9 in pending) == (2, True, False)
    assert (pending.asked(7), pending.asked(9)) == (b"seven", b"")
    assert pending.unanswered() == (7, 8)
    assert pending.next_timeout() == 105
    pending.answered(7)
    assert (pending.next_timeout(), pending.unanswered()) == (106, (8,))


def test_a_query_is_over_time() -> None:
    pending = Pending(SETTINGS)
    pending.add(7, b"seven", 100)
    pending.add(8, b"eight", 101)
    pending.add(9, b"nine", 103)
    pending.answered(8)
    assert pending.expire(104.9) == []
    assert pending.expire(105) == [Lost(7, Failure.TIMEOUT)]
    assert pending.unanswered() == (9,)


def test_a_silent_connection_is_over() -> None:
    pending = Pending(SETTINGS)
    pending.add(6, b"six", 99)
    pending.answered(6)
    pending.add(7, b"seven", 100)
    pending.add(8, b"eight", 100)
    pending.add(9, b"nine", 103)
    assert pending.expire(105) == [Lost(7, Failure.TIMEOUT), Lost(8, Failure.TIMEOUT), Closed((9,))]
    assert (len(pending), pending.next_timeout(), pending.expire(1e9)) == (0, None, [])


def test_a_connection_that_was_heard_is_not_silent() -> None:
    pending = Pending(SETTINGS)
    for query in range(4):
        pending.add(query, b"x", 100)
    pending.answered(0)
    pending.add(9, b"nine", 101)
    pending.answered(1)
    assert pending.expire(106) == [Lost(2, Failure.TIMEOUT), Lost(3, Failure.TIMEOUT), Lost(9, Failure.TIMEOUT)]
    assert pending.next_timeout() == 111


def test_an_idle_connection_is_over() -> None:
    pending = Pending(SETTINGS)
    pending.add(7, b"seven", 100)
    pending.answered(7)
    assert pending.next_timeout() == 110
    assert pending.expire(109.9) == []
    assert pending.expire(110) == [Closed()]
    assert pending.next_timeout() is None


def test_a_connection_with_a_query_is_not_idle() -> None:
    pending = Pending(StreamSettings(query_timeout=50, idle_timeout=10))
    pending.add(7, b"seven", 100)
    assert pending.next_timeout() == 150
    assert pending.expire(149) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"query_timeout": 0},
        {"idle_timeout": 0},
        {"max_outstanding": 0},
        {"max_outstanding": 10_001},
        {"max_message_size": 511},
        {"max_message_size": 65536},
        {"padding": -1},
        {"padding": 32768},
    ],
)
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"more than zero|max_outstanding is|max_message_size is|padding is"):
        StreamSettings(**settings)


def test_settings_in_range() -> None:
    assert StreamSettings(max_outstanding=1, max_message_size=512, padding=32767).padding == 32767
    assert StreamSettings(max_message_size=65535).max_outstanding == 100
    assert StreamSettings(query_timeout=0.1, max_outstanding=10_000).padding == 0
