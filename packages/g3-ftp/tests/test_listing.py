"""Listings."""

from datetime import UTC, datetime

import pytest
from g3_ftp import Entry, FtpError, Kind, Limits, ListingReader, parse_facts_line, parse_list_line
from g3_machine.testing import Script
from hypothesis import given
from hypothesis import strategies as st

FILE, DIRECTORY, LINK, OTHER = Kind


def test_lines_and_their_limits() -> None:
    with Script(ListingReader(Limits(entry_length=6, entries=3))) as script:
        script >> b"1234\r\n\n"
        script.event(b"1234")
        script.event(b"")
        script.event(None)
        script >> b"last"
        script.event(None)
        script.eof()
        script.event(b"last")
        script.event(None)
        script.event(None)


@pytest.mark.parametrize(
    ("stream", "before", "reason"),
    [
        (b"123456", 0, None),
        (b"1234567", 0, "line"),
        (b"a\r\n12345\r\n", 1, "line"),
        (b"a\nb\nc\nd\n", 3, "entries"),
        (b"a\nb\nc\nd", 3, "entries"),
    ],
)
def test_too_much(stream: bytes, before: int, reason: str | None) -> None:
    reader = ListingReader(Limits(entry_length=6, entries=3))
    reader.receive_data(stream)
    reader.receive_eof()
    for _ in range(before):
        assert reader.next_event() is not None
    if reason is None:
        assert reader.next_event() == stream
        return
    with pytest.raises(FtpError) as caught:
        reader.next_event()
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"-rw-r--r--   1 me  us   1234 Jan  2 03:04 a b", Entry(b"a b", FILE, 1234)),
        (b"drwxr-xr-x+ 12 0 0 4096 Dec 31  2025 dir", Entry(b"dir", DIRECTORY)),
        (b"lrwxrwxrwx   1 me  us      3 Jan  2 03:04 a -> b -> c", Entry(b"a", LINK, target=b"b -> c")),
        (b"lrwxrwxrwx   1 me  us      3 Jan  2 03:04 a", Entry(b"a", LINK)),
        (b"crw-rw-rw-   1 me  us   1, 3 Jan  2 03:04 null", Entry(b"null", OTHER)),
        (b"01-02-26  03:04AM       <DIR>          dir", Entry(b"dir", DIRECTORY)),
        (b"01-02-2026  13:04           12 a b", Entry(b"a b", FILE, 12)),
        (b"total 12", None),
        (b"", None),
        (b"-rw-r--r-- 1 me us 1234 Jan 2 03:04", None),
    ],
)
def test_list_lines(line: bytes, entry: Entry | None) -> None:
    assert parse_list_line(line) == entry


def test_kinds_have_words() -> None:
    assert [kind.value for kind in Kind] == ["file", "directory", "link", "other"]


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"type=file;size=12;modify=20260102030405; a b", Entry(b"a b", FILE, 12, MOMENT)),
        (b" Type=FILE;Size=1x; a", Entry(b"a", FILE)),
        (b"type=dir;size=4096; d", Entry(b"d", DIRECTORY)),
        (b"type=cdir; .", Entry(b".", DIRECTORY)),
        (b"type=pdir; ..", Entry(b"..", DIRECTORY)),
        (b"type=OS.unix=slink:/x; l", Entry(b"l", LINK)),
        (b"type=OS.unix=chr-1/3; n", Entry(b"n", OTHER)),
        (b"odd;modify=2026; n", Entry(b"n", OTHER)),
        (b"n", None),
        (b"type=file; ", None),
        (b"type=file a", None),
        (b"", None),
    ],
)
def test_facts_lines(line: bytes, entry: Entry | None) -> None:
    assert parse_facts_line(line) == entry


@given(st.binary(max_size=80), st.booleans())
def test_garbage(line: bytes, ends: bool) -> None:
    for prefix in (b"", b"-rw-r--r-- 1 a b ", b"01-01-26 01:01 ", b"type=file;"):
        for parse in (parse_list_line, parse_facts_line):
            entry = parse(prefix + line)
            assert entry is None or entry.name
