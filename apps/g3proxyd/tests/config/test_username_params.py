"""Parameters behind user names, in the configuration."""

from typing import Any

import pytest
from g3_escape import Upstream, UserName, UserNameParams
from g3proxyd.config.values.username_params import UsernameParams


def test_defaults() -> None:
    found = UsernameParams()
    assert found.rules() == UserNameParams()
    assert (found.http_port, found.socks5_port) == (10000, 10001)


def test_every_key() -> None:
    found = UsernameParams.model_validate(
        {
            "keys_for_host": ["area", "city", "line"],
            "resolve_sticky_key": "session",
            "require_hierarchy": False,
            "floating_keys": "city",
            "reject_unknown_keys": False,
            "reject_duplicate_keys": False,
            "separator": ".",
            "domain_suffix": "example.net",
            "http_port": 1,
            "socks5_port": 2,
            "strip_suffix_for_auth": False,
        }
    )
    text = "joe+line=4+area=us+area=eu+session=7+x=1"
    upstream = Upstream("eu.4.example.net", found.http_port, "7")
    assert found.rules().parse(text, found.http_port) == UserName(text, upstream)
    assert found.rules().floating_keys == {"city"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"http_port": 0}, "0 is no port to connect to"),
        ({"socks5_port": 65536}, "65536 is out of range"),
        ({"floating_keys": "a"}, "floating_keys are among keys_for_host, a is not"),
        ({"keys_for_host": ["a", "a"]}, "a key stands twice"),
        ({"resolve_sticky_key": "a+b"}, "has neither"),
        ({"keys_for_host": [["a"]]}, "is not text"),
    ],
)
def test_mistakes(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UsernameParams.model_validate(keys)
