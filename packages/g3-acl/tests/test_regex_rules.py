"""Rules of regular expressions, for any text and for names."""

import pytest
from g3_acl import Action, HostError, PatternError, RegexDomainRule, RegexSetRule

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def set_of(records: dict[str, Action], missed: Action = FORBID) -> RegexSetRule:
    rule = RegexSetRule(missed)
    for pattern, action in records.items():
        rule.add(pattern, action)
    return rule


def domains_of(records: dict[tuple[str, str | None], Action], missed: Action = FORBID) -> RegexDomainRule:
    rule = RegexDomainRule(missed)
    for (pattern, parent), action in records.items():
        rule.add(pattern, action, parent)
    return rule


def test_set() -> None:
    rule = set_of({"^ads?[0-9]*[.]": FORBID_LOG, "[.]net$": PERMIT})
    assert rule.find("ads7.example.net") is FORBID_LOG
    assert rule.find("www.example.net") is PERMIT
    assert rule.find("www.example.com") is None
    assert rule.check("www.example.com") is FORBID


def test_set_defaults_and_ends() -> None:
    assert RegexSetRule().missed is FORBID
    rule = RegexSetRule(PERMIT_LOG).freeze()
    assert rule.check("a") is PERMIT_LOG
    with pytest.raises(RuntimeError, match=r"^this RegexSetRule is frozen$"):
        rule.add("a", PERMIT)
    with pytest.raises(PatternError):
        RegexSetRule().add("(", PERMIT)


def test_set_is_built_when_it_freezes() -> None:
    rule = set_of({"a": PERMIT}).freeze()
    assert rule._patterns._automata


def test_set_equality() -> None:
    assert set_of({"a": PERMIT, "b": FORBID}) == set_of({"b": FORBID, "a": PERMIT}).freeze()
    assert set_of({"a": PERMIT}) != set_of({"a": FORBID})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("www.cdn.example.net", PERMIT),
        ("cdn.example.net", None),
        ("example.net", PERMIT_LOG),
        ("xexample.net", None),
        ("www.cdn.xexample.net", None),
        ("www.org", FORBID_LOG),
        ("www", None),
        ("a.deep.example.net", PERMIT),
        ("www.cdn.deep.example.net", None),
        ("deep.example.net", None),
        ("www.cdn.deep.example.net.org", FORBID_LOG),
    ],
)
def test_below_parents(name: str, found: Action | None) -> None:
    rule = domains_of(
        {
            ("^www[.]cdn$", "example.net"): PERMIT,
            ("^$", "example.net"): PERMIT_LOG,
            ("^a$", "deep.example.net"): PERMIT,
            ("[.]org$", None): FORBID_LOG,
        }
    )
    assert rule.find(name) is found
    assert rule.check(name) is (found or FORBID)


def test_a_parent_goes_before_whole_names() -> None:
    rule = domains_of({("^www$", "example.net"): PERMIT, ("net$", None): FORBID_LOG})
    assert rule.find("www.example.net") is PERMIT
    assert rule.find("ftp.example.net") is FORBID_LOG


def test_the_strictest_of_a_parent_decides() -> None:
    rule = domains_of({("w", "example.net"): PERMIT, ("ww", "example.net"): FORBID, ("www", "example.net"): PERMIT_LOG})
    assert rule.find("www.example.net") is FORBID


def test_parents_are_normalised() -> None:
    rule = domains_of({("^a$", ".Example.NET."): PERMIT, ("^b$", "example.net"): PERMIT_LOG})
    assert rule.find("a.example.net") is PERMIT
    assert rule.find("b.example.net") is PERMIT_LOG


def test_what_is_refused() -> None:
    rule = RegexDomainRule()
    with pytest.raises(HostError, match=r"^'192.0.2.1' is an address$"):
        rule.add("a", PERMIT, "192.0.2.1")
    with pytest.raises(PatternError):
        rule.add("(", PERMIT, "example.net")
    with pytest.raises(PatternError):
        rule.add("(", PERMIT)
    assert rule == RegexDomainRule()


def test_domain_defaults_and_ends() -> None:
    assert RegexDomainRule().missed is FORBID
    rule = domains_of({("a", None): PERMIT, ("a", "b"): PERMIT}, PERMIT_LOG)
    assert rule.freeze() is rule
    assert rule.check("c") is PERMIT_LOG
    for parent in (None, "b"):
        with pytest.raises(RuntimeError, match=r"^this RegexDomainRule is frozen$"):
            rule.add("a", PERMIT, parent)


def test_domain_rule_is_built_when_it_freezes() -> None:
    rule = domains_of({("a", None): PERMIT, ("a", "b"): PERMIT, ("a", "c"): PERMIT}).freeze()
    assert rule._whole._automata
    assert all(patterns._automata for patterns in rule._parents.entries.values())


def test_domain_equality() -> None:
    one = {("a", None): PERMIT, ("b", "c"): FORBID}
    assert domains_of(one) == domains_of(dict(reversed(one.items()))).freeze()
    assert domains_of(one) != domains_of({("a", None): PERMIT, ("b", "d"): FORBID})
    assert domains_of(one) != domains_of({("a", None): PERMIT, ("b", "c"): PERMIT})
    assert domains_of(one) != domains_of({("b", None): PERMIT, ("b", "c"): FORBID})
