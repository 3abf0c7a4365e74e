"""Scripts."""

import pytest
from g3_machine import RemoteProtocolError
from g3_machine.testing import Script
from g3_machine.testing._echo import EchoServer, Message


def test_a_script_in_which_all_is_said() -> None:
    with Script(EchoServer()) as script:
        script >> b"\x01"
        script.event(None)
        script >> b"a"
        script.event(Message(b"a"))
        script.machine.accept()
        script << b"o" << b"k"
        script.eof()
        assert script.fault("closed in the middle").reply == b""


def test_output_that_nobody_asserted_fails() -> None:
    with pytest.raises(AssertionError, match=r"nobody asserted: b'k'"), Script(EchoServer()) as script:
        script >> b"\x01a"
        script.event(Message(b"a"))
        script.machine.accept()
        script << b"o"


def test_an_error_inside_the_script_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Script(EchoServer()) as script:
        script >> b"\x01a"
        script.event(Message(b"a"))
        script.machine.accept()
        raise ZeroDivisionError


def test_wrong_expectations_fail() -> None:
    script = Script(EchoServer())
    with pytest.raises(AssertionError, match=r"None is not Message\(text=b'a'\)"):
        script.event(Message(b"a"))
    with pytest.raises(AssertionError, match=r"b'' does not begin with b'ok'"):
        script << b"ok"
    with pytest.raises(AssertionError, match="None instead of a fault"):
        script.fault("x")
    script >> b"\xff"
    with pytest.raises(AssertionError, match="does not match 'other'"):
        script.fault("other")

    class SpecialError(RemoteProtocolError):
        pass

    with pytest.raises(AssertionError, match="is not a SpecialError"):
        script.fault("255", SpecialError)


def test_lines_may_be_chained_and_silence_at_the_end_is_checked() -> None:
    script = Script(EchoServer())
    script >> b"\x01" >> b"a"
    script.event(Message(b"a"))
    with pytest.raises(AssertionError, match=r"nobody asserted: b'ok'"), script:
        script.machine.accept()
