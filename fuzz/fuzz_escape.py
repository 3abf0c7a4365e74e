"""Any network for the happy eyeballs machine: late names, lost attempts, reports at the wrong time.

The first bytes of an input are the settings, every further pair is something that happens. The machine may refuse a
report that makes no sense (LocalProtocolError), and nothing else; what it wants done is checked at every step.
"""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

SETTINGS = 7


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < SETTINGS:
        return
    # Imported here, as everything of g3 is: whoever instruments the code does so before it is loaded.
    from g3_escape import HappyEyeballs, Pace, Strategy

    which, delay, second, count, head_start, tries, timeout = data[:SETTINGS]
    families = list(Strategy)[which % 4].families
    pace = Pace(delay / 64, second / 64, count % 5, head_start / 64, 1 + tries % 4, timeout / 64)
    race = Race(HappyEyeballs(families, pace, list.reverse if which & 4 else None), pace.max_tries)
    for kind, value in zip(data[SETTINGS::2], data[SETTINGS + 1 :: 2], strict=False):
        race.play(kind, value)
    race.finish()


class Race:
    """One machine, and what is known of it from outside."""

    def __init__(self, machine: Any, max_tries: int) -> None:
        self.machine = machine
        self.max_tries = max_tries
        self.now = 0.0
        self.running: set[int] = set()
        self.dialled: list[str] = []
        self.over = False

    def play(self, kind: int, value: int) -> None:
        """Let one thing happen."""
        from g3_escape import Family
        from g3_machine import LocalProtocolError

        machine = self.machine
        family = Family.IPV4 if value & 1 else Family.IPV6
        try:
            match kind % 6:
                case 0:
                    names = [f"{family.value}-{number % 5}" for number in range(value >> 1 & 15)]
                    machine.add_addresses(family, names, self.now)
                case 1:
                    machine.resolution_failed(family, self.now)
                case 2:
                    machine.attempt_succeeded(value - 8)
                case 3:
                    machine.attempt_failed(value - 8, self.now)
                    self.running.discard(value - 8)
                case 4:
                    self.now += value / 64
                    machine.handle_timeout(self.now)
                case _:
                    self.fire()
        except LocalProtocolError:
            assert kind % 6 < 4, "a timer is never a mistake"
        self.obey()

    def fire(self) -> None:
        """Let the next timer be due: it must lead somewhere."""
        due = self.machine.next_timeout()
        if due is not None:
            assert due >= 0
            self.now = max(self.now, due)
            self.machine.handle_timeout(self.now)
            after = self.machine.next_timeout()
            assert after is None or after > due or self.machine._actions, "a timer that stays"

    def obey(self) -> None:
        """Take what is to be done, and see whether it makes sense."""
        from g3_escape import Cancel, Dial, Done, Failed

        while (action := self.machine.next_action()) is not None:
            assert not self.over, f"{action} after the end"
            match action:
                case Dial(address, attempt):
                    assert attempt == len(self.dialled)
                    assert address not in self.dialled
                    self.dialled.append(address)
                    self.running.add(attempt)
                    for version in "46":
                        assert sum(name.startswith(version) for name in self.dialled) <= self.max_tries
                case Cancel(attempt):
                    self.running.remove(attempt)
                case Done(attempt):
                    assert self.running == {attempt}
                    self.over = True
                case Failed():
                    assert not self.running
                    self.over = True
        assert not (self.over and self.machine.next_timeout() is not None), "a timer after the end"

    def finish(self) -> None:
        """Resolve what is open, and let time pass: every race ends."""
        for value in (0, 1):
            self.play(1, value)
        for _ in range(64):
            if self.over:
                return
            self.fire()
            self.obey()
        assert self.over, "a race without end"


def seeds() -> Iterator[bytes]:
    """The usual courses: both families at once, one late, attempts that fail, hang and succeed."""
    settings = bytes((0, 3, 128, 1, 16, 2, 255))
    both = bytes((0, 7, 0, 8))
    for which in range(8):
        start = bytes((which,)) + settings[1:]
        yield start + both + bytes((2, 8))
        yield start + both + bytes((3, 8, 3, 9, 3, 10))
        yield start + bytes((0, 8, 5, 0, 5, 0, 0, 7, 5, 0, 2, 9))
        yield start + bytes((1, 0, 0, 7)) + bytes((5, 0)) * 8


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_escape", "g3_machine"]):
        importlib.import_module("g3_escape")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
