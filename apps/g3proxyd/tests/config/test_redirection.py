"""Other names or addresses for names."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3proxyd.config.values.redirection import ResolveRedirection, parse_redirection
from hypothesis import given
from hypothesis import strategies as st

ADDRESSES = (IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1"))
LABELS = st.sampled_from(["a", "b", "test", "ab"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
INCOMPLETE = "the rule is not complete; expected the keys exact or parent, and to"


@pytest.mark.parametrize(
    ("data", "exact", "parents"),
    [
        ({}, {}, {}),
        ({"A.Test": "192.0.2.1"}, {"a.test": ADDRESSES[:1]}, {}),
        ({"a.test": "b.test.", "例.test": "::ffff:192.0.2.1"}, {"a.test": "b.test", "xn--fsq.test": ADDRESSES[:1]}, {}),
        ({"a.test": ["192.0.2.1", "2001:db8::1"], "b.test": []}, {"a.test": ADDRESSES, "b.test": ()}, {}),
        ([], {}, {}),
        ([{"exact": "a.test", "to": "192.0.2.1"}], {"a.test": ADDRESSES[:1]}, {}),
        ([{"To": "b.test", "EXACT": "a.test"}], {"a.test": "b.test"}, {}),
        ([{"exact": "a.test", "to": ["::ffff:192.0.2.1"]}], {"a.test": ADDRESSES[:1]}, {}),
        ([{"parent": "a.test", "to": "b.test"}, {"child": "c.test", "to": "d.test"}],
         {}, {"a.test": "b.test", "c.test": "d.test"}),
        ([{"exact": "a.test", "to": "b.test"}, {"parent": "a.test", "to": "c.test"}],
         {"a.test": "b.test"}, {"a.test": "c.test"}),
    ],
)  # fmt: skip
def test_read(data: object, exact: dict[str, object], parents: dict[str, str]) -> None:
    found = parse_redirection(data)
    assert (dict(found.exact), dict(found.parents)) == (exact, parents)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (None, [
            ("nothing is not a redirection; "
            "expected a map of names to hosts, or a list of rules such as {exact: a.test, to: 192.0.2.1}"),
        ]),
        ({"a b": "c.test"}, ["['a b']; 'a b' is no host name: it holds ' '; expected a host name or an address"]),
        ({"192.0.2.1": "c.test"}, ["['192.0.2.1']; '192.0.2.1' is an address; expected a domain name"]),
        ({"a.test": ["192.0.2.1", "b.test"], "b.test": 4}, [
            "['a.test'][1]; 'b.test' is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
            "['b.test']; 4 is no host; expected a host name or an address",
        ]),
        ({"a.test": "b.test", "A.test": "c.test"}, ["['A.test']; there are two rules for 'a.test'"]),
        ([3], ["[0]; 3 is not a map; expected a rule such as {exact: a.test, to: 192.0.2.1}"]),
        ([{"to": "b.test"}], [f"[0]; {INCOMPLETE}"]),
        ([{"exact": "b.test"}, {}], [f"[0]; {INCOMPLETE}", f"[1]; {INCOMPLETE}"]),
        ([{"exakt": "b.test", "to": "c.test"}], ["[0]['exakt']; unknown key; suggested exact"]),
        ([{"parent": "b.test", "to": "192.0.2.1"}], ["[0]['to']; '192.0.2.1' is an address; expected a domain name"]),
        ([{"parent": "b.test", "to": ["c.test"]}], [
            "[0]['to']; a sequence is no host; expected a host name or an address",
        ]),
        ([{"exact": "b.test", "TO": ["x", "192.0.2.1", "y"]}], [
            "[0]['TO'][0]; 'x' is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
            "[0]['TO'][2]; 'y' is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
        ]),
        ([{"child": "a.test", "to": "b.test"}, {"parent": "a.test", "to": "c.test"}], [
            "[1]; there are two rules for 'a.test'",
        ]),
    ],
)  # fmt: skip
def test_wrong(data: object, messages: list[str], refused: Callable[..., list[str]]) -> None:
    assert refused(parse_redirection, data) == messages


RULES = parse_redirection(
    [
        {"exact": "www.a.test", "to": ["192.0.2.1", "2001:db8::1"]},
        {"exact": "alias.test", "to": "other.test"},
        {"parent": "a.test", "to": "b.test"},
        {"parent": "deep.a.test", "to": "d.e.test"},
    ]
)


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("www.a.test", ADDRESSES),
        ("alias.test", "other.test"),
        ("a.test", "b.test"),
        ("x.a.test", "x.b.test"),
        ("x.y.a.test", "x.y.b.test"),
        ("x.www.a.test", "x.www.b.test"),
        ("deep.a.test", "d.e.test"),
        ("x.deep.a.test", "x.d.e.test"),
        ("xdeep.a.test", "xdeep.b.test"),
        ("xa.test", None),
        ("test", None),
        ("x.alias.test", None),
        ("", None),
    ],
)
def test_find(domain: str, found: object) -> None:
    assert RULES.find(domain) == found


def test_without_rules_nothing_is_found() -> None:
    assert parse_redirection({}).find("a.test") is None


@given(st.dictionaries(NAMES, NAMES), st.dictionaries(NAMES, NAMES), NAMES)
def test_find_agrees_with_the_definition(exact: dict[str, str], parents: dict[str, str], domain: str) -> None:
    labels = domain.split(".")
    expected = exact.get(domain)
    for start in range(len(labels)):
        parent = ".".join(labels[start:])
        if expected is None and parent in parents:
            expected = ".".join([*labels[:start], parents[parent]])
    assert ResolveRedirection(exact, parents).find(domain) == expected
