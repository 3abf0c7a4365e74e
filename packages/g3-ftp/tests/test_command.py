"""Commands, and what must never become two of them."""

import pytest
from g3_ftp import MAX_COMMAND_LENGTH, pack_command
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st


def test_commands() -> None:
    assert pack_command(b"quit") == b"QUIT\r\n"
    assert pack_command(b"CWD", b"/a b") == b"CWD /a b\r\n"
    assert pack_command(b"PASS", b"") == b"PASS \r\n"
    assert pack_command(b"RETR", b"a\xffb") == b"RETR a\xff\xffb\r\n"


@pytest.mark.parametrize("verb", [b"", b"AB", b"ABCDE", b"RE R", b"AB1", b"RETR\r", b"RETR\n"])
def test_what_is_no_verb(verb: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="three or four letters"):
        pack_command(verb)


@pytest.mark.parametrize("argument", [b"a\r\nDELE b", b"a\n", b"\r", b"\0"])
def test_an_argument_never_begins_another_command(argument: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="would end the command") as caught:
        pack_command(b"RETR", argument)
    assert "DELE" not in str(caught.value)


def test_the_longest_command() -> None:
    assert MAX_COMMAND_LENGTH == 8192
    most = MAX_COMMAND_LENGTH - len(b"RETR \r\n")
    assert len(pack_command(b"RETR", b"a" * most)) == MAX_COMMAND_LENGTH
    for argument in (b"a" * (most + 1), b"\xff" * (most // 2 + 1)):
        with pytest.raises(LocalProtocolError, match="too long"):
            pack_command(b"RETR", argument)


@given(st.binary(max_size=100))
def test_a_command_is_one_line(argument: bytes) -> None:
    try:
        line = pack_command(b"RETR", argument)
    except LocalProtocolError:
        assert set(argument) & set(b"\r\n\0")
    else:
        assert line.endswith(b"\r\n")
        assert line.count(b"\n") == line.count(b"\r") == 1
        assert line[5:-2].replace(b"\xff\xff", b"\xff") == argument
