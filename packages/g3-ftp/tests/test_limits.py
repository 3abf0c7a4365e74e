"""The limits are those of g3proxy."""

from g3_ftp import Limits


def test_defaults() -> None:
    limits = Limits()
    assert (limits.line_length, limits.reply_lines) == (2048, 128)
    assert (limits.entry_length, limits.entries) == (2048, 1024)
