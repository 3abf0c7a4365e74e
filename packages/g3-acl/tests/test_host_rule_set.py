"""Several rules about one destination."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from g3_acl import Action, ChildDomainRule, Host, HostRule, HostRuleSet, NetworkRule, RegexDomainRule

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def exact(missed: Action = PERMIT) -> HostRule:
    rule = HostRule(missed)
    rule.add("exact.example.com", FORBID_LOG)
    rule.add("192.0.2.1", FORBID_LOG)
    return rule


def child(missed: Action = PERMIT) -> ChildDomainRule:
    rule = ChildDomainRule(missed)
    rule.add("example.com", PERMIT_LOG)
    return rule


def regex(missed: Action = PERMIT) -> RegexDomainRule:
    rule = RegexDomainRule(missed)
    rule.add("^www[.]", FORBID)
    rule.add("^192", FORBID)
    return rule


def subnet(missed: Action = PERMIT) -> NetworkRule:
    rule = NetworkRule(missed)
    rule.add(ip_network("192.0.2.0/24"), PERMIT_LOG)
    return rule


ALL = HostRuleSet(exact(), child(), regex(), subnet())


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("exact.example.com", FORBID_LOG),
        ("www.example.com", PERMIT_LOG),
        ("example.com", PERMIT_LOG),
        ("www.example.net", FORBID),
        ("example.net", None),
        (IPv4Address("192.0.2.1"), FORBID_LOG),
        (IPv4Address("192.0.2.2"), PERMIT_LOG),
        (IPv6Address("::ffff:192.0.2.2"), PERMIT_LOG),
        (IPv4Address("192.0.3.1"), None),
        (IPv6Address("2001:db8::1"), None),
    ],
)
def test_the_first_rule_that_matches_decides(host: Host, found: Action | None) -> None:
    assert ALL.find(host) is found
    assert ALL.check(host) is (found or PERMIT)


def test_no_rules() -> None:
    rules = HostRuleSet()
    assert rules.missed is PERMIT
    assert rules.check("a") is PERMIT
    assert rules.check(IPv4Address("192.0.2.1")) is PERMIT


@pytest.mark.parametrize(
    ("rules", "name", "address"),
    [
        (HostRuleSet(exact=exact()), FORBID_LOG, FORBID_LOG),
        (HostRuleSet(child=child()), PERMIT_LOG, None),
        (HostRuleSet(regex=regex()), None, None),
        (HostRuleSet(subnet=subnet()), None, PERMIT_LOG),
    ],
)
def test_one_rule(rules: HostRuleSet, name: Action | None, address: Action | None) -> None:
    assert rules.find("exact.example.com") is name
    assert rules.find(IPv4Address("192.0.2.1")) is address


@pytest.mark.parametrize("strictest", Action)
@pytest.mark.parametrize("at", range(4))
def test_missed_is_the_strictest_of_all_rules(strictest: Action, at: int) -> None:
    """Also of rules that are not asked: a rule about names for an address."""
    missed = [strictest if place == at else PERMIT for place in range(4)]
    rules = HostRuleSet(exact(missed[0]), child(missed[1]), regex(missed[2]), subnet(missed[3]))
    assert rules.missed is strictest
    assert rules.check("example.net") is strictest
    assert rules.check(IPv4Address("192.0.3.1")) is strictest


def test_a_missed_action_that_is_less_strict_does_not_count() -> None:
    assert HostRuleSet(exact(FORBID), child(PERMIT_LOG)).missed is FORBID


def test_rules_are_frozen() -> None:
    for rule in (ALL.exact, ALL.child, ALL.regex, ALL.subnet):
        assert rule is not None
        assert rule._frozen
    with pytest.raises(AttributeError):
        ALL.exact = None  # type: ignore[misc]


def test_equality() -> None:
    assert HostRuleSet(exact(), child()) == HostRuleSet(exact(), child())
    assert HostRuleSet(exact(), child()) != HostRuleSet(exact())
    assert HostRuleSet(exact()) != HostRuleSet(exact(FORBID))
