"""Features, sizes, times, directories."""

from datetime import UTC, datetime

import pytest
from g3_ftp import (
    FtpError,
    Reply,
    parse_directory,
    parse_features,
    parse_modified,
    parse_size,
    parse_time,
)
from hypothesis import given
from hypothesis import strategies as st


def test_features() -> None:
    lines = (b"Extensions:", b" MLST size*;modify*;", b"SIZE", b" ", b" rest stre\xe4m", b"End")
    assert parse_features(Reply(211, lines)) == {"MLST": "size*;modify*;", "SIZE": "", "REST": "stre\ufffdm"}
    assert parse_features(Reply(211, (b"no features",))) == {}
    assert parse_features(Reply(500, (b"what", b" SIZE", b"?"))) == {}


def test_the_last_line_of_a_reply_counts() -> None:
    assert parse_size(Reply(213, (b"1", b"2"))) == 2
    assert parse_modified(Reply(213, (b"19980705132316", b"19990705132316"))).year == 1999
    assert parse_directory(Reply(257, (b'"/a"', b'"/b"'))) == b"/b"


def test_sizes() -> None:
    assert parse_size(Reply(213, (b"9223372036854775807",))) == 2**63 - 1
    assert parse_size(Reply(213, (b" 0 ",))) == 0
    for reply in (Reply(213, (b"",)), Reply(213, (b"-1",)), Reply(213, (b"1" * 20,)), Reply(550, (b"1",))):
        with pytest.raises(FtpError) as caught:
            parse_size(reply)
        assert caught.value.reason == "size"


def test_times() -> None:
    moment = datetime(1998, 7, 5, 13, 23, 16, tzinfo=UTC)
    assert parse_modified(Reply(213, (b"19980705132316",))) == parse_time(b"19980705132316.105") == moment
    assert parse_time(b"20161231235960") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    for reply in (Reply(213, (b"191000705132316",)), Reply(250, (b"19980705132316",)), Reply(213, (b"",))):
        with pytest.raises(FtpError) as caught:
            parse_modified(reply)
        assert caught.value.reason == "time"


@pytest.mark.parametrize(
    "text",
    [
        b"19981305132316",
        b"19980732132316",
        b"19980705242316",
        b"19980705136016",
        b"19980705132361",
        b"00000101000000",
        b"1998070513231",
        b"19980705132316.",
        b"19980705132316.x",
    ],
)
def test_no_times(text: bytes) -> None:
    assert parse_time(text) is None


def test_directories() -> None:
    assert parse_directory(Reply(257, (b'"/a ""b""" is current',))) == b'/a "b"'
    assert parse_directory(Reply(257, (b'"/"',))) == b"/"
    assert parse_directory(Reply(257, (b'""',))) == b""
    for reply in (Reply(250, (b'"/"',)), Reply(257, (b"/",)), Reply(257, (b'"/',)), Reply(257, (b'"/"x',))):
        with pytest.raises(FtpError) as caught:
            parse_directory(reply)
        assert caught.value.reason == "directory"


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)))
def test_every_time_is_read_as_written(moment: datetime) -> None:
    text = f"{moment.year:04}{moment.month:02}{moment.day:02}{moment.hour:02}{moment.minute:02}{moment.second:02}"
    assert parse_time(text.encode()) == moment


@given(st.binary(max_size=30).filter(lambda path: b"\n" not in path))
def test_every_directory_is_read_as_written(path: bytes) -> None:
    quoted = b'"' + path.replace(b'"', b'""') + b'"'
    assert parse_directory(Reply(257, (quoted + b" created",))) == path
