"""Options of sockets."""

import pytest
from g3proxyd.config.values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from pydantic import ValidationError


def test_nothing_is_set_by_default() -> None:
    assert set(TcpMiscSockOpts().model_dump().values()) == {None}
    assert set(UdpMiscSockOpts().model_dump().values()) == {None}


def test_tcp() -> None:
    options = TcpMiscSockOpts.model_validate(
        {
            "no_delay": "off",
            "max_segment_size": 1400,
            "congestion_control": "bbr",
            "time_to_live": 64,
            "hop_limit": "64",
            "type_of_service": 0x10,
            "traffic_class": 255,
            "netfilter_mark": 2**32 - 1,
        }
    )
    assert options.model_dump() == {
        "no_delay": False,
        "max_segment_size": 1400,
        "congestion_control": "bbr",
        "time_to_live": 64,
        "hop_limit": 64,
        "type_of_service": 16,
        "traffic_class": 255,
        "netfilter_mark": 2**32 - 1,
    }


@pytest.mark.parametrize(
    ("key", "limit"), [("time_to_live", 255), ("max_segment_size", 65535), ("netfilter_mark", 2**32 - 1)]
)
def test_out_of_range(key: str, limit: int) -> None:
    with pytest.raises(ValidationError, match="out of range"):
        TcpMiscSockOpts.model_validate({key: limit + 1})
