"""How rules look at addresses that hide another one."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3_acl import Action
from g3_acl._address_rule import AddressRule

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


class TwoRecords(AddressRule[IPv4Address | IPv6Address]):
    """Knows one answer for all IPv4 addresses and one for all IPv6 addresses."""

    def __init__(self, missed: Action, ipv4: Action | None, ipv6: Action | None) -> None:
        super().__init__(missed)
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.asked: list[str] = []

    find = AddressRule.find_address

    def _find_ipv4(self, number: int) -> Action | None:
        self.asked.append(str(IPv4Address(number)))
        return self.ipv4

    def _find_ipv6(self, number: int) -> Action | None:
        self.asked.append(str(IPv6Address(number)))
        return self.ipv6

    def _build(self) -> object:
        return self.asked


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        ("::ffff:192.0.2.1", ["192.0.2.1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("2001:db8::1%eth0", ["2001:db8::1"]),
        ("64:ff9b::192.0.2.1", ["64:ff9b::c000:201", "192.0.2.1"]),
        ("64:ff9c::192.0.2.1", ["64:ff9c::c000:201"]),
        ("2002:c000:201::", ["2002:c000:201::", "192.0.2.1"]),
        ("::1", ["::1"]),
        ("fe80::1", ["fe80::1"]),
    ],
)
def test_what_is_asked(address: str, asked: list[str]) -> None:
    rule = TwoRecords(FORBID, FORBID, PERMIT)
    rule.find(ip_address(address))
    assert rule.asked == asked


NAT64 = IPv6Address("64:ff9b::192.0.2.1")


@pytest.mark.parametrize(
    ("missed", "behind", "itself", "found"),
    [
        (FORBID, None, None, None),
        (FORBID, None, PERMIT, PERMIT),
        (PERMIT, FORBID, None, FORBID),
        (PERMIT, FORBID, PERMIT, FORBID),
        (PERMIT, FORBID_LOG, FORBID, FORBID_LOG),
        (PERMIT, PERMIT_LOG, None, PERMIT_LOG),
        (FORBID_LOG, PERMIT_LOG, PERMIT, PERMIT_LOG),
        (FORBID, PERMIT, None, None),
        (FORBID, FORBID, None, None),
        (FORBID_LOG, FORBID, None, None),
        (PERMIT, PERMIT, FORBID, FORBID),
        (PERMIT, FORBID, FORBID_LOG, FORBID_LOG),
        (FORBID, PERMIT, PERMIT_LOG, PERMIT_LOG),
    ],
)
def test_the_address_behind_makes_it_stricter(
    missed: Action, behind: Action | None, itself: Action | None, found: Action | None
) -> None:
    assert TwoRecords(missed, behind, itself).find(NAT64) is found


def test_a_mapped_address_is_the_ipv4_address() -> None:
    rule = TwoRecords(PERMIT, PERMIT, FORBID)
    assert rule.check(IPv6Address("::ffff:192.0.2.1")) is PERMIT
