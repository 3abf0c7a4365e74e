"""Lines: each byte is looked at once, and none may be too long."""

from g3_ftp import FtpError
from g3_ftp._lines import LineMachine
from g3_machine.testing import Script, assert_splits_agree
from g3_machine.testing.strategies import cuts
from hypothesis import given
from hypothesis import strategies as st


class Pairs(LineMachine[tuple[bytes, bytes]]):
    """Yields two lines at once, so that one may lie in the inbox for a while."""

    def __init__(self) -> None:
        super().__init__(Pairs._read)
        self.first: bytes | None = None

    def _read(self) -> tuple[bytes, bytes] | None:
        if self.first is None:
            self.first = self._next_line(10)
        if self.first is None or (second := self._next_line(6)) is None:
            return None
        pair = (self.first, second)
        self._drop_lines()
        self.first = None
        return pair

    def _read_eof(self) -> tuple[bytes, bytes] | None:
        return None


def test_line_ends() -> None:
    with Script(Pairs()) as script:
        script >> b"one\r\ntwo\n" >> b"\r\n\n" >> b"a\rb\r\n\r\r\n" >> b"left"
        script.event((b"one", b"two"))
        script.event((b"", b""))
        script.event((b"a\rb", b"\r"))
        script.event(None)
        assert script.machine.take_unread() == b"left"


def test_an_empty_line_may_be_the_first() -> None:
    with Script(Pairs()) as script:
        script >> b"\n1\n2\n"
        script.event((b"", b"1"))
        script.event(None)
        script >> b"\n"
        script.event((b"2", b""))


def test_each_byte_is_searched_once() -> None:
    machine = Pairs()
    for _ in range(5):
        machine.receive_data(b"ab")
        if len(machine._inbox) < 10:
            assert machine.next_event() is None
            assert machine._searched == len(machine._inbox)


def test_the_longest_line() -> None:
    with Script(Pairs()) as script:
        script >> b"12345678\r\n1234\r\n"
        script.event((b"12345678", b"1234"))
    for stream in (b"123456789\r\n", b"1234567890" + b"1", b"1\n12345\r\n", b"1\n1234567"):
        with Script(Pairs()) as script:
            script >> stream
            assert script.fault("a line of more than (10|6) bytes", FtpError).reason == "line"  # type: ignore[attr-defined]


def test_as_many_bytes_as_are_allowed_may_still_become_a_line() -> None:
    with Script(Pairs()) as script:
        script >> b"123456789"
        script.event(None)
        script >> b"\n1\n"
        script.event((b"123456789", b"1"))


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"bcd"]), max_size=30).map(b"".join), cuts(60))
def test_splits(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(Pairs, stream, cuts=at)
