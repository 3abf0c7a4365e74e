"""The options of FTP towards the remote side."""

from collections.abc import Callable

import pytest
from g3proxyd.config import Config, HttpProxyConfig
from g3proxyd.config.values.ftp import FtpClient

SERVER = """\
server: [{{name: a, type: http_proxy, escaper: d, listen: 80, ftp_client: {{{keys}}}}}]
escaper: [{{name: d, type: dummy_deny}}]
"""


def test_defaults_are_those_of_the_program() -> None:
    assert FtpClient().model_dump() == {
        "control": {"max_line_len": 2048, "max_multi_lines": 128, "command_timeout": 10.0},
        "transfer": {
            "list_max_line_len": 2048,
            "list_max_entries": 1024,
            "list_all_timeout": 120.0,
            "end_wait_timeout": 2.0,
        },
        "connect_timeout": 30.0,
        "greeting_timeout": 10.0,
        "always_try_epsv": True,
    }


def test_every_key(config: Callable[..., Config]) -> None:
    keys = (
        "control: {max_line_length: 100, max_multi_lines: 2, command_timeout: 1s}, "
        "transfer: {list_max_line_length: 200, list_max_entries: 3, list_all_timeout: 300, end_wait_timeout: 4s}, "
        "connect_timeout: 5, greeting_timeout: 6s, always_try_epsv: no"
    )
    server = config(SERVER.format(keys=keys)).servers["a"]
    assert isinstance(server, HttpProxyConfig)
    client = server.ftp_client
    assert (client.control.max_line_len, client.control.max_multi_lines, client.control.command_timeout) == (100, 2, 1)
    transfer = client.transfer
    assert (transfer.list_max_line_len, transfer.list_max_entries) == (200, 3)
    assert (transfer.list_all_timeout, transfer.end_wait_timeout) == (300, 4)
    assert (client.connect_timeout, client.greeting_timeout, client.always_try_epsv) == (5, 6, False)


def test_a_listing_has_at_most_five_minutes(warnings: Callable[..., list[str]]) -> None:
    (warning,) = warnings(SERVER.format(keys="transfer: {list_all_timeout: 6m}"))
    assert warning.endswith("server a.ftp_client.transfer.list_all_timeout: 6m is too long: 5m is used")
    assert FtpClient.model_validate({"transfer": {"list_all_timeout": "6m"}}).transfer.list_all_timeout == 300


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("control: {max_line_len: 15}", "control.max_line_len: 15 is too small; expected at least 16"),
        ("transfer: {list_max_line_len: 1}", "transfer.list_max_line_len: 1 is too small; expected at least 16"),
    ],
)
def test_lines_that_hold_nothing(keys: str, message: str, problems: Callable[..., list[str]]) -> None:
    (problem,) = problems(SERVER.format(keys=keys))
    assert problem.partition(": ")[2] == f"server a.ftp_client.{message}"
