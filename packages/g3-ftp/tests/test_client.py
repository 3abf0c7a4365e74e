"""The control connection, reply by reply."""

import pytest
from g3_ftp import FtpClient, FtpError, Limits, Reply
from g3_machine import LocalProtocolError
from g3_machine.testing import Script

GREETING = Reply(220, (b"ready",))


def greeted(limits: Limits | None = None) -> Script[FtpClient]:
    script = Script(FtpClient(limits) if limits else FtpClient())
    script.event(None)
    script >> b"220 ready\r\n"
    script.event(GREETING)
    return script


def fault(script: Script[FtpClient], pattern: str) -> str:
    error = script.fault(pattern, FtpError)
    assert isinstance(error, FtpError)
    return error.reason


def test_a_session() -> None:
    with greeted() as script:
        machine = script.machine
        assert not machine.waiting
        machine.command(b"user", b"me")
        assert machine.waiting
        script << b"USER me\r\n"
        script.event(None)
        script >> b"230 in\r\n"
        script.event(Reply(230, (b"in",)))
        machine.command(b"RETR", b"a")
        script << b"RETR a\r\n"
        script >> b"150 here it comes\r\n226 done\r\n"
        script.event(Reply(150, (b"here it comes",)))
        assert machine.waiting
        with pytest.raises(LocalProtocolError, match="before the reply"):
            machine.command(b"QUIT")
        script.event(Reply(226, (b"done",)))
        script.event(None)
        machine.command(b"QUIT")
        script << b"QUIT\r\n"


def test_no_command_before_the_greeting() -> None:
    with pytest.raises(LocalProtocolError):
        FtpClient().command(b"USER", b"me")


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (b"230-one\r\n two\r\n230 three\r\n", (b"one", b" two", b"three")),
        (b"230-one\r\n230-two\r\n230 \r\n", (b"one", b"230-two", b"")),
        (b"230-\n231 not the end\n2300 nor this\n230\n", (b"", b"231 not the end", b"2300 nor this", b"")),
        (b"230\r\n", (b"",)),
        (b"230 \xff\r\n", (b"\xff",)),
    ],
)
def test_replies_of_many_lines(stream: bytes, lines: tuple[bytes, ...]) -> None:
    with greeted() as script:
        script.machine.command(b"USER", b"me")
        script << b"USER me\r\n"
        script >> stream
        script.event(Reply(230, lines))
        assert script.machine.take_unread() == b""


@pytest.mark.parametrize(
    "stream", [b"\r\n", b"22 x\r\n", b"2200 x\r\n", b"620 x\r\n", b"020 x\r\n", b"220_x\r\n", b"x\n"]
)
def test_what_is_no_reply(stream: bytes) -> None:
    script = Script(FtpClient())
    script >> stream
    assert fault(script, "not a reply code") == "reply"


def test_replies_that_answer_nothing() -> None:
    script = greeted()
    script >> b"230 again\r\n"
    assert fault(script, "answers no command") == "unasked"


def test_the_server_may_say_that_it_closes() -> None:
    with greeted() as script:
        script >> b"421-bye\r\n421 timeout\r\n"
        script.event(Reply(421, (b"bye", b"timeout")))
        script.eof()
        assert fault(script, "closed the control connection") == "closed"


def test_limits() -> None:
    limits = Limits(line_length=16, reply_lines=3)
    with greeted(limits) as script:
        script.machine.command(b"NOOP")
        script << b"NOOP\r\n"
        script >> b"200-a\r\nb\r\n200 1234567890\r\n"
        script.event(Reply(200, (b"a", b"b", b"1234567890")))
        script.machine.command(b"NOOP")
        script << b"NOOP\r\n"
        script >> b"200-a\r\nb\r\nc\r\n"
        assert fault(script, "more than 3 lines") == "lines"
    script = greeted(limits)
    script >> b"421 12345678901\r\n"
    assert fault(script, "more than 16 bytes") == "line"


def test_an_end_in_the_middle() -> None:
    script = Script(FtpClient())
    script >> b"220-half"
    script.eof()
    assert fault(script, "closed") == "closed"
