"""Any course of events for failover and for the query cache, and any text where a request chooses its way out.

The first byte of an input chooses what it is for. What the machines want done is checked at every step; the readers may
refuse a text (RouteError), and nothing else.
"""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if not data:
        return
    plays = (play_failover, play_cache, read_texts)
    plays[data[0] % len(plays)](data[1:])


def play_failover(data: bytes) -> None:
    """Two bytes of settings, then pairs: a report or a timer, and which attempt or how long."""
    if len(data) < 2:
        return
    from g3_escape import Cancel, Dial, Failover, Fallback
    from g3_machine import LocalProtocolError

    delay = None if data[0] & 1 else (data[0] >> 1) / 64
    timeout = None if data[1] & 1 else (data[1] >> 1) / 64
    machine = Failover("abcd", 0.0, Fallback(delay, timeout, max_tries=1 + data[0] % 4))
    now = 0.0
    running: set[int] = set()
    dialled = 0
    over = False
    for kind, value in [(3, 0), *zip(data[2::2], data[3::2], strict=False)]:
        attempt = value % 6 - 1
        try:
            if kind % 4 == 0:
                machine.attempt_succeeded(attempt)
            elif kind % 4 == 1:
                running.discard(attempt)
                machine.attempt_failed(attempt, now, retry=value < 128)
            else:
                now += value / 64
                machine.handle_timeout(now)
        except LocalProtocolError:
            assert not 0 <= attempt < dialled
        while (action := machine.next_action()) is not None:
            assert not over, f"{action} after the end"
            match action:
                case Dial(address, number):
                    assert (address, number) == ("abcd"[dialled], dialled)
                    dialled += 1
                    running.add(number)
                case Cancel(number):
                    running.remove(number)
                case _:
                    over = True
        assert not over or machine.next_timeout() is None, "a timer after the end"


def play_cache(data: bytes) -> None:
    """Pairs: who asks, answers, fails, leaves or how time passes. Every ticket is answered once, and in time."""
    from g3_escape import QueryCache, QueryLimits, SendQuery

    limits = QueryLimits(1.0, 3.0, 2.0, 6.0, 4.0, max_records=3, max_queries=2, max_waiting=4)
    cache: QueryCache[int, int] = QueryCache(limits)
    now = 0.0
    waiting: dict[int, float] = {}
    for kind, value in zip(data[::2], data[1::2], strict=False):
        match kind % 5:
            case 0:
                if cache.find(value % 5, now) is None:
                    waiting[cache.wait(value % 5, now)] = now
            case 1:
                cache.answered(value % 16, None if value & 1 else value, float(value % 9), now)
            case 2:
                cache.query_failed(value % 16, now)
            case 3:
                cache.leave(value)
                waiting.pop(value, None)
            case _:
                now += value / 64
                cache.handle_timeout(now)
        while (action := cache.next_action()) is not None:
            if not isinstance(action, SendQuery):
                del waiting[action.ticket]
        due = cache.next_timeout()
        assert due is None or due > now or kind % 5 != 4, "a timer that stays"
    cache.handle_timeout(now + 10.0)
    while (action := cache.next_action()) is not None:
        if not isinstance(action, SendQuery):
            del waiting[action.ticket]
    assert not waiting, "somebody waits for ever"


def read_texts(data: bytes) -> None:
    """The readers of what clients write."""
    from g3_escape import (
        RouteError,
        UserNameParams,
        parse_path_id,
        parse_path_number,
        parse_path_value,
        parse_pick_policy,
    )

    text = data.decode("utf-8", "surrogateescape")
    params = UserNameParams(("area", "city"), "session", floating_keys=frozenset(["city"]), domain_suffix="example.net")
    for read in (parse_path_number, parse_path_id, parse_path_value, lambda name: params.parse(name, 10000)):
        with contextlib.suppress(RouteError):
            read(text)
    with contextlib.suppress(ValueError):
        parse_pick_policy(text)


def seeds() -> Iterator[bytes]:
    """The usual courses, and texts that are read."""
    for course in (b"\x0c\x80\x02\x40\x00\x02", b"\x0c\x81\x01\x01\x01\x02\x00\x03", b"\x01\x81\x01\x81"):
        yield b"\x00" + course
    for course in (
        b"\x00\x01\x01\x02",
        b"\x00\x01\x04\x80\x04\xff\x00\x01\x02\x01",
        b"\x00\x01\x00\x02\x03\x00\x04\xff",
    ):
        yield b"\x01" + course
    for text in ("1", "node-1", json.dumps({"ip": "192.0.2.1"}), "joe+area=eu+city=bonn+session=1", "jump_hash"):
        yield b"\x02" + text.encode()


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_escape", "g3_machine", "g3_acl"]):
        importlib.import_module("g3_escape")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
