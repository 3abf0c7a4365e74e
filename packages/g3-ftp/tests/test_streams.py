"""Whole streams: no split tells another story."""

from pathlib import Path

from g3_ftp import FtpClient, Limits, ListingReader, Reply
from g3_machine.testing import assert_splits_agree, play
from g3_machine.testing.strategies import cuts, mutations
from hypothesis import given
from hypothesis import strategies as st

SESSIONS = [path.read_bytes() for path in sorted((Path(__file__).parent / "vectors").glob("*.session"))]
LISTINGS = [path.read_bytes() for path in sorted((Path(__file__).parent / "vectors").glob("*.list"))]
SMALL = Limits(line_length=60, reply_lines=6, entry_length=70, entries=8)


def ask_on(machine: FtpClient, reply: Reply) -> bool:
    """Send a command after every reply that allows one."""
    if not machine.waiting and reply.code != 221:
        machine.command(b"NOOP")
    return reply.code == 221


def test_the_sessions_are_understood() -> None:
    assert len(SESSIONS) >= 3
    for session in SESSIONS:
        story = play(FtpClient(), [session], ask_on)
        assert (story.fault, story.unread) == (None, b"")
        assert story.events[-1].code == 221
        assert all(line == line.strip(b"\r\n") for reply in story.events for line in reply.lines)


@given(mutations(st.sampled_from(SESSIONS)), cuts(600))
def test_control_connections(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(FtpClient, stream, ask_on, at)
    assert_splits_agree(lambda: FtpClient(SMALL), stream, ask_on, at)


@given(mutations(st.sampled_from(LISTINGS)), cuts(600))
def test_listings(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(ListingReader, stream, cuts=at)
    assert_splits_agree(lambda: ListingReader(SMALL), stream, cuts=at)


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"\r" not in line), max_size=5))
def test_lines_come_out_as_they_went_in(lines: list[bytes]) -> None:
    stream = b"".join(line + b"\r\n" for line in lines)
    story = play(ListingReader(), [stream])
    assert list(story.events) == lines
