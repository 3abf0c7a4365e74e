"""One record, one line, whatever is in it."""

import json
from ipaddress import IPv4Address
from typing import Any

import pytest
from g3proxyd.log import lines
from hypothesis import given
from hypothesis import strategies as st

NOW = 1767323045.678901


class TestJson:
    def test_fields_in_order_without_the_empty_ones(self) -> None:
        line = lines.json_line({"log_type": "Task", "user": None, "c_rd_bytes": 0, "reuse": False, "rest": ""}, NOW)
        assert line == b'{"log_type":"Task","c_rd_bytes":0,"reuse":false,"rest":"","report_ts":1767323045}\n'

    def test_values_that_are_no_json(self) -> None:
        assert json.loads(lines.json_line({"ip": IPv4Address("192.0.2.1")}, NOW))["ip"] == "192.0.2.1"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\nb", rb"a\nb"),
            ("\x1b[2J", rb"\u001b[2J"),
            ("\x85", rb"\u0085"),
            ("\u2028\u2029", rb"\u2028\u2029"),
            ("\u202e", rb"\u202e"),
            ("\U000e0001", rb"\udb40\udc01"),
            ('"\\', rb"\"\\"),
            ("bücher", "bücher".encode()),
            ("\ud800", rb"\\ud800"),
        ],
    )
    def test_nothing_breaks_out(self, text: str, shown: bytes) -> None:
        line = lines.json_line({"uri": text}, NOW)
        assert line == b'{"uri":"' + shown + b'","report_ts":1767323045}\n'

    def test_what_cannot_be_shown(self) -> None:
        class Mute:
            def __str__(self) -> str:
                raise RuntimeError("no text")

        for line in (lines.json_line, lines.text_line):
            with pytest.raises(RuntimeError, match="no text"):
                line({"mute": Mute()}, NOW)

    @given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers(-9, 9), st.none(), st.binary())))
    def test_any_record(self, record: dict[str, Any]) -> None:
        line = lines.json_line(dict(record), NOW).decode()
        assert line.endswith("\n")
        assert len(line.splitlines()) == 1
        parsed = json.loads(line)
        for name, value in record.items():
            if isinstance(value, str) and name != "report_ts":
                assert parsed[name] == value


class TestText:
    def test_for_people(self) -> None:
        record = {
            "log_type": "Task",
            "daemon_name": "g",
            "pid": 7,
            "task_type": "TcpConnect",
            "user": None,
            "reuse_connection": True,
            "untrusted": False,
            "c_rd_bytes": 12,
            "msg": "it is over",
        }
        assert lines.text_line(record, NOW) == (
            b"2026-01-02T03:04:05.678901Z Task task_type=TcpConnect reuse_connection=true untrusted=false "
            b"c_rd_bytes=12 - it is over\n"
        )

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a b", '"a b"'),
            ("", '""'),
            ("a=b", '"a=b"'),
            ('say "hi"', r'"say \"hi\""'),
            ("a\\b", r'"a\\b"'),
            ("a\nb", r'"a\u000ab"'),
            ("\x1b[2J", r'"\u001b[2J"'),
            ("\x7f", r'"\u007f"'),
            ("\u202e", r'"\u202e"'),
            ("\U000e0001", r'"\udb40\udc01"'),
            ("bücher", "bücher"),
            ("\ud800", r'"\ud800"'),
        ],
    )
    def test_values(self, text: str, shown: str) -> None:
        assert lines.text_line({"uri": text}, NOW).decode() == f"2026-01-02T03:04:05.678901Z - uri={shown}\n"

    def test_messages_stay_on_their_line(self) -> None:
        assert lines.text_line({"msg": "a\nb\x1b"}, NOW) == b"2026-01-02T03:04:05.678901Z - - a\\u000ab\\u001b\n"

    @given(st.dictionaries(st.sampled_from(["a", "msg", "log_type"]), st.text()))
    def test_any_record(self, record: dict[str, Any]) -> None:
        line = lines.text_line(dict(record), NOW).decode()
        assert line[:-1].isprintable()
        assert line[-1] == "\n"
