"""Domains and all below them."""

import pytest
from g3_acl import Action, ChildDomainRule, HostError
from g3_acl._child_domain import Domains, parse_domain
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def rule_of(records: dict[str, Action], missed: Action = FORBID) -> ChildDomainRule:
    rule = ChildDomainRule(missed)
    for domain, action in records.items():
        rule.add(domain, action)
    return rule


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.com", PERMIT),
        ("a.example.com", PERMIT),
        ("z.y.x.example.com", PERMIT),
        ("b.a.example.com", FORBID_LOG),
        ("c.b.a.example.com", FORBID_LOG),
        ("x.a.example.com", PERMIT),
        ("example.comx", None),
        ("xexample.com", None),
        ("a.xexample.com", None),
        ("com", None),
        ("org", PERMIT_LOG),
        ("a.org", PERMIT_LOG),
        ("aorg", None),
        ("example.com.net", None),
        (f"{'a.' * 120}example.com", PERMIT),
        (f"{'a.' * 120}b.a.example.com", FORBID_LOG),
        (f"{'a.' * 120}net", None),
    ],
)
def test_find(name: str, found: Action | None) -> None:
    rule = rule_of({"example.com": PERMIT, "b.a.example.com": FORBID_LOG, "org": PERMIT_LOG})
    assert rule.find(name) is found
    assert rule.check(name) is (found or FORBID)


def test_empty_rule() -> None:
    assert ChildDomainRule().missed is FORBID
    assert ChildDomainRule(PERMIT).check("www.example.com") is PERMIT
    assert ChildDomainRule().find("com") is None


def test_domains_are_normalised() -> None:
    rule = rule_of({"Example.COM.": PERMIT, ".Bücher.example": PERMIT_LOG})
    assert rule.find("www.example.com") is PERMIT
    assert rule.find("xn--bcher-kva.example") is PERMIT_LOG


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.0.2.1", "'192.0.2.1' is an address"),
        ("::1", "'::1' is an address"),
        ("0x7f.1", "'0x7f.1' is an address"),
        ("", "an empty host name"),
        (".", "an empty host name"),
        ("..a", "'.a' has an empty label"),
        ("*.a", "'*.a' is no host name: it holds '*'"),
        (5, "5 is no host"),
    ],
)
def test_no_domain(text: str, message: str) -> None:
    with pytest.raises(HostError) as raised:
        parse_domain(text)
    assert str(raised.value) == message
    with pytest.raises(HostError):
        ChildDomainRule().add(text, PERMIT)


def test_the_later_record_wins() -> None:
    rule = rule_of({"example.com": PERMIT})
    rule.add("example.com", FORBID)
    assert rule.find("example.com") is FORBID


def test_freeze() -> None:
    rule = rule_of({"a": PERMIT}).freeze()
    with pytest.raises(RuntimeError, match=r"^this ChildDomainRule is frozen$"):
        rule.add("b", PERMIT)
    assert rule.find("b") is None


def test_equality() -> None:
    assert rule_of({"a": PERMIT, "b": FORBID}) == rule_of({"b": FORBID, "a": PERMIT}).freeze()
    assert rule_of({"a": PERMIT}) != rule_of({"a": FORBID})
    assert rule_of({"a": PERMIT}) != rule_of({"a.b": PERMIT})


def test_a_long_name_is_cut_at_once() -> None:
    """What a name costs depends on the rule, not on who sends it."""

    class Counting(dict[str, int]):
        looks = 0

        def __contains__(self, key: object) -> bool:
            self.looks += 1
            return super().__contains__(key)

    domains: Domains[int] = Domains()
    domains.entries = counting = Counting()
    domains.put("a.b.c", 1)
    domains.put("c", 2)
    for name, nearest, looks in (
        ("x." * 100 + "b.c", "c", 3),
        ("a.b.c", "a.b.c", 1),
        ("b.c", "c", 2),
        ("x.d", None, 2),
    ):
        counting.looks = 0
        assert domains.nearest(name) == nearest
        assert counting.looks == looks


NAMES = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=5).map(".".join)


@given(st.dictionaries(NAMES, st.sampled_from(Action), max_size=8), NAMES)
def test_agrees_with_brute_force(records: dict[str, Action], name: str) -> None:
    matching = [domain for domain in records if name == domain or name.endswith(f".{domain}")]
    expected = records[max(matching, key=len)] if matching else None
    assert rule_of(records).find(name) is expected
