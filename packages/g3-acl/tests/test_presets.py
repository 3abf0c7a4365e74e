"""What rules forbid or permit before anybody configures them."""

from ipaddress import ip_address, ip_network

import pytest
from g3_acl import Action, NetworkRule, default_egress_network_rule
from g3_acl._presets import egress_network_rule, ingress_network_rule

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action

NO_DESTINATIONS = [
    "0.0.0.0",
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "::",
    "::1",
    "fe80::",
    "fe80::1%eth0",
    "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "100::",
    "100::ffff:ffff:ffff:ffff",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::0.0.0.0",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::127.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::80ff:fffe",
]
DESTINATIONS = [
    "0.0.0.1",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "10.0.0.1",
    "192.168.0.1",
    "8.8.8.8",
    "::2",
    "fe7f:ffff::",
    "fec0::",
    "ff::",
    "100:0:0:1::",
    "2001:db8::1",
    "fd00::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::",
]


@pytest.mark.parametrize("address", NO_DESTINATIONS)
def test_no_destination(address: str) -> None:
    assert default_egress_network_rule().check(ip_address(address)) is FORBID
    assert egress_network_rule(PERMIT_LOG).check(ip_address(address)) is FORBID


@pytest.mark.parametrize("address", DESTINATIONS)
def test_destination(address: str) -> None:
    assert default_egress_network_rule().check(ip_address(address)) is PERMIT
    assert default_egress_network_rule().find(ip_address(address)) is None
    assert egress_network_rule(FORBID_LOG).find(ip_address(address)) is None


def test_the_default_is_one_frozen_rule() -> None:
    rule = default_egress_network_rule()
    assert rule is default_egress_network_rule()
    assert rule.missed is PERMIT
    with pytest.raises(RuntimeError):
        rule.add(ip_network("127.0.0.0/8"), PERMIT)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1", PERMIT),
        ("::ffff:127.0.0.1", PERMIT),
        ("::1", PERMIT),
        ("127.0.0.2", None),
        ("127.0.0.0", None),
        ("::2", None),
        ("::", None),
        ("64:ff9b::127.0.0.1", None),
        ("192.0.2.1", None),
    ],
)
def test_ingress(address: str, found: Action | None) -> None:
    assert ingress_network_rule(FORBID_LOG).find(ip_address(address)) is found
    assert ingress_network_rule(FORBID_LOG).missed is FORBID_LOG


def test_rules_can_be_completed() -> None:
    for rule in (egress_network_rule(PERMIT), ingress_network_rule(PERMIT)):
        rule.add(ip_network("192.0.2.0/24"), FORBID_LOG)
        assert rule.check(ip_address("192.0.2.1")) is FORBID_LOG
        assert isinstance(rule, NetworkRule)
