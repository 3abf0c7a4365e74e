"""Rules from plain data: the three forms, the defaults, and all mistakes at once."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from g3_acl import (
    AclError,
    Action,
    HostRuleSet,
    NetworkRule,
    Problem,
    RequestType,
    Rule,
    parse_child_domain_rule,
    parse_dst_subnet_rule,
    parse_egress_network_rule,
    parse_host_rule,
    parse_host_rule_set,
    parse_ingress_network_rule,
    parse_network_rule,
    parse_port_rule,
    parse_regex_domain_rule,
    parse_regex_set_rule,
    parse_request_rule,
    parse_user_agent_rule,
)
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action
Parse = Callable[[object], Rule[Any]]

# A parser, two records that it takes, values that they match, and one that neither does.
RULES: dict[Parse, tuple[object, object, Any, Any, Any]] = {
    parse_network_rule: (
        "10.0.0.0/8",
        "192.0.2.1",
        ip_address("10.1.2.3"),
        ip_address("192.0.2.1"),
        ip_address("11.1.1.1"),
    ),
    parse_egress_network_rule: ("10.0.0.0/8", "::2", ip_address("10.1.2.3"), ip_address("::2"), ip_address("11.1.1.1")),
    parse_ingress_network_rule: (
        "10.0.0.0/8",
        "::2",
        ip_address("10.1.2.3"),
        ip_address("::2"),
        ip_address("11.1.1.1"),
    ),
    parse_dst_subnet_rule: ("10.0.0.0/8", "::2", ip_address("10.1.2.3"), ip_address("::2"), ip_address("11.1.1.1")),
    parse_host_rule: ("example.com", "::1", "example.com", ip_address("::1"), "www.example.com"),
    parse_child_domain_rule: ("example.com", "net", "www.example.com", "a.net", "org"),
    parse_regex_domain_rule: ("^a", {"parent": "net", "regex": "^b$"}, "abc", "b.net", "b.com"),
    parse_regex_set_rule: ("^a", "z$", "abc", "xyz", "x"),
    parse_port_rule: (80, "8000-8080", 80, 8000, 443),
    parse_user_agent_rule: ("curl", "wget", "curl/8", "x wget", "x"),
    parse_request_rule: (
        "http_connect",
        "HttpForward",
        RequestType.HTTP_CONNECT,
        RequestType.HTTP_FORWARD,
        RequestType.FTP_OVER_HTTP,
    ),
}
EXPECTED: dict[Parse, str] = {
    parse_network_rule: "a network like 192.0.2.0/24 or 2001:db8::/32, or an address",
    parse_egress_network_rule: "a network like 192.0.2.0/24 or 2001:db8::/32, or an address",
    parse_ingress_network_rule: "a network like 192.0.2.0/24 or 2001:db8::/32, or an address",
    parse_dst_subnet_rule: "a network like 192.0.2.0/24 or 2001:db8::/32, or an address",
    parse_host_rule: "a host name or an address",
    parse_child_domain_rule: "a domain name",
    parse_regex_domain_rule: "a regular expression, or a map of parent and regex",
    parse_regex_set_rule: "a regular expression",
    parse_port_rule: 'a port from 0 to 65535, a range like "8000-8080", or "80,443"',
    parse_user_agent_rule: "the name of a product, like curl or curl/8.5.0",
    parse_request_rule: (
        "one of http_forward, https_forward, ftp_over_http, http_connect, socks_tcp_connect, socks_udp_associate"
    ),
}
each_parser = pytest.mark.parametrize("parse", RULES, ids=lambda parse: parse.__name__)


def usual(parse: Parse) -> tuple[Action, Action]:
    """What a record and what is missed means without another word."""
    return (FORBID, PERMIT) if parse is parse_user_agent_rule else (PERMIT, FORBID)


def problems(parse: Callable[[object], object], data: object) -> list[Problem]:
    with pytest.raises(AclError) as raised:
        parse(data)
    return list(raised.value.problems)


@each_parser
def test_one_record(parse: Parse) -> None:
    record, _, value, other, missed = RULES[parse]
    found, otherwise = usual(parse)
    rule = parse(record)
    assert [rule.check(each) for each in (value, other, missed)] == [found, otherwise, otherwise]
    assert rule.find(missed) is None
    assert rule.missed is otherwise


@each_parser
def test_a_sequence(parse: Parse) -> None:
    record, second, value, other, missed = RULES[parse]
    found, otherwise = usual(parse)
    for data in ([record, second], (record, second)):
        rule = parse(data)
        assert [rule.check(each) for each in (value, other, missed)] == [found, found, otherwise]


@each_parser
def test_a_map(parse: Parse) -> None:
    record, second, value, other, missed = RULES[parse]
    rule = parse({"Forbid-Log": [second], "default": "Allow_Log", "ACCEPT": record})
    assert [rule.check(each) for each in (value, other, missed)] == [PERMIT, FORBID_LOG, PERMIT_LOG]
    rule = parse({"deny": (record,), "reject": second})
    assert [rule.check(each) for each in (value, other, missed)] == [FORBID, FORBID, usual(parse)[1]]


@each_parser
def test_no_records(parse: Parse) -> None:
    missed = RULES[parse][4]
    empty: list[object] = [[], (), {}, {"permit": []}]
    for data in empty:
        assert parse(data).check(missed) is usual(parse)[1]
    assert parse({"DEFAULT": "permit_log"}).check(missed) is PERMIT_LOG


@each_parser
def test_the_later_record_wins(parse: Parse) -> None:
    record, _, value, _, _ = RULES[parse]
    assert parse({"permit_log": record, "forbid": record}).check(value) is FORBID
    assert parse({"forbid": record, "permit_log": record}).check(value) is PERMIT_LOG
    assert parse({"forbid": record, "deny": [], "FORBID": [], "forbid_log": record}).check(value) is FORBID_LOG


@each_parser
def test_rules_are_frozen(parse: Parse) -> None:
    rule: Any = parse([])
    with pytest.raises(RuntimeError):
        rule.add("a", PERMIT)


@each_parser
def test_each_mistake_has_its_place(parse: Parse) -> None:
    record = RULES[parse][0]
    place = (0,) if parse is parse_port_rule else ()
    what = "a port" if parse is parse_port_rule else "text"
    wrong = {(*path, *place): path for path in ((), (1,), ("deny", 2), ("permit",))}
    found: list[Problem] = []
    found += problems(parse, [None] if place else None)
    found += problems(parse, [record, [None] if place else None])
    found += problems(parse, {"deny": [record, record, [None] if place else None], "permit": [None] if place else None})
    paths = [problem.path for problem in found]
    if parse is parse_port_rule:
        assert paths == [(0,), (1, 0), ("deny", 2, 0), ("permit", 0)]
    else:
        assert paths == list(wrong)
    assert {problem.message for problem in found} == {f"nothing instead of {what}"}
    assert {problem.expected for problem in found} == {EXPECTED[parse]}


ACTIONS = "forbid_log, forbid, permit_log or permit"


@each_parser
def test_mistakes_in_a_map(parse: Parse) -> None:
    assert problems(parse, {"forbit": [], "default": "permitt", 5: [], None: [], "x": 1, True: 1}) == [
        Problem(("default",), "'permitt' is no action", ACTIONS, "permit"),
        Problem(("forbit",), "unknown key 'forbit'", f"default or {ACTIONS}", "forbid"),
        Problem((5,), "unknown key 5", f"default or {ACTIONS}"),
        Problem((), "unknown key nothing", f"default or {ACTIONS}"),
        Problem(("x",), "unknown key 'x'", f"default or {ACTIONS}"),
        Problem((), "unknown key true", f"default or {ACTIONS}"),
    ]
    assert problems(parse, {"Default": 5}) == [Problem(("Default",), "5 instead of text", ACTIONS)]
    assert [problem.path for problem in problems(parse, {"default": "x", "DEFAULT": "permit"})] == [
        ("DEFAULT",),
        ("default",),
    ]
    assert problems(parse, {"defualt": "permit"})[0].suggestion == "default"
    assert problems(parse, {"default": "permit", "DEFAULT": "permit", "Default": "deny"}) == [
        Problem(("DEFAULT",), "'DEFAULT' is there already, written 'default'"),
        Problem(("Default",), "'Default' is there already, written 'default'"),
    ]


def test_all_mistakes_at_once() -> None:
    data = {"default": None, "permit": ["10.0.0.0/8", "x", "192.0.2.1/24"], "forbid": 5, "allowed": "y"}
    network = EXPECTED[parse_network_rule]
    assert problems(parse_network_rule, data) == [
        Problem(("default",), "nothing instead of text", ACTIONS),
        Problem(("allowed",), "unknown key 'allowed'", f"default or {ACTIONS}", "allow"),
        Problem(("permit", 1), "'x' is no network", network),
        Problem(("permit", 2), "'192.0.2.1/24' has bits behind its prefix", network, "192.0.2.0/24"),
        Problem(("forbid",), "5 instead of text", network),
    ]


def test_network_rule_has_no_presets() -> None:
    for address in ("127.0.0.1", "::1"):
        assert parse_network_rule([]).find(ip_address(address)) is None


def check(rule: NetworkRule, address: str) -> Action:
    return rule.check(ip_address(address))


@pytest.mark.parametrize("parse", [parse_egress_network_rule, parse_dst_subnet_rule])
class TestEgress:
    """What is forbidden beforehand, and how a configuration overrules it."""

    def test_presets(self, parse: Callable[[object], NetworkRule]) -> None:
        rule = parse({"default": "permit"})
        for address in ("0.0.0.0", "127.0.0.1", "169.254.169.254", "::", "::1", "fe80::1", "100::1"):
            assert check(rule, address) is FORBID
        assert check(rule, "192.0.2.1") is PERMIT

    def test_the_same_network_wins(self, parse: Callable[[object], NetworkRule]) -> None:
        rule = parse("127.0.0.0/8")
        assert check(rule, "127.0.0.1") is PERMIT
        assert check(rule, "::ffff:127.0.0.1") is PERMIT
        assert check(rule, "::1") is FORBID
        assert check(parse("::ffff:127.0.0.0/104"), "127.0.0.1") is PERMIT

    def test_a_smaller_network_wins(self, parse: Callable[[object], NetworkRule]) -> None:
        rule = parse({"permit_log": "127.0.0.1", "default": "permit"})
        assert check(rule, "127.0.0.1") is PERMIT_LOG
        assert check(rule, "127.0.0.2") is FORBID

    def test_a_larger_network_does_not(self, parse: Callable[[object], NetworkRule]) -> None:
        rule = parse(["0.0.0.0/0", "::/0"])
        assert check(rule, "127.0.0.1") is FORBID
        assert check(rule, "192.0.2.1") is PERMIT
        assert check(rule, "::1") is FORBID
        assert check(rule, "64:ff9b::127.0.0.1") is FORBID
        assert check(rule, "64:ff9b::192.0.2.1") is PERMIT

    def test_what_a_translator_carries(self, parse: Callable[[object], NetworkRule]) -> None:
        assert check(parse("64:ff9b::/96"), "64:ff9b::127.0.0.1") is FORBID
        assert check(parse("64:ff9b::/96"), "64:ff9b::192.0.2.1") is PERMIT
        assert check(parse("192.0.2.0/24"), "64:ff9b::192.0.2.1") is FORBID


def test_ingress_presets() -> None:
    rule = parse_ingress_network_rule("192.0.2.0/24")
    assert check(rule, "127.0.0.1") is PERMIT
    assert check(rule, "::1") is PERMIT
    assert check(rule, "192.0.2.1") is PERMIT
    assert check(rule, "127.0.0.2") is FORBID
    assert check(parse_ingress_network_rule({"forbid_log": "127.0.0.1"}), "127.0.0.1") is FORBID_LOG
    assert check(parse_ingress_network_rule({"forbid_log": "127.0.0.0/8"}), "127.0.0.1") is PERMIT


RULE_SET = {
    "exact_match": {"forbid": "a.example.com", "default": "permit"},
    "child_match": {"permit_log": "example.com", "default": "permit_log"},
    "regex_match": {"forbid_log": "^ads[.]", "default": "permit"},
    "subnet_match": {"permit": "10.0.0.0/8", "default": "permit"},
}


@pytest.mark.parametrize(
    "data",
    [
        RULE_SET,
        {key.removesuffix("_match"): value for key, value in RULE_SET.items()},
        {key.title().replace("_", "-"): value for key, value in RULE_SET.items()},
    ],
)
def test_rule_set(data: dict[str, object]) -> None:
    rules = parse_host_rule_set(data)
    assert rules.check("a.example.com") is FORBID
    assert rules.check("ads.example.com") is PERMIT_LOG
    assert rules.check("ads.example.net") is FORBID_LOG
    assert rules.check("www.example.net") is PERMIT_LOG
    assert rules.check(ip_address("10.0.0.1")) is PERMIT
    assert rules.check(ip_address("127.0.0.1")) is FORBID
    assert rules.check(ip_address("192.0.2.1")) is PERMIT_LOG


def test_empty_rule_set() -> None:
    assert parse_host_rule_set({}) == HostRuleSet()


def test_rule_set_with_one_rule() -> None:
    rules = parse_host_rule_set({"child": "example.com"})
    assert rules == HostRuleSet(child=parse_child_domain_rule("example.com"))


KEYS = "exact_match, child_match, regex_match or subnet_match"


@pytest.mark.parametrize(("data", "shown"), [([], "a sequence"), (None, "nothing"), ("a", "'a'")])
def test_no_rule_set(data: object, shown: str) -> None:
    assert problems(parse_host_rule_set, data) == [Problem((), f"{shown} instead of a map", f"a map of {KEYS}")]


def test_mistakes_in_a_rule_set() -> None:
    data = {
        "exact_mach": "a",
        "child": {"permit": ["a", "::1"]},
        "Child-Match": "b",
        "subnet_match": None,
        5: "a",
        "regex": {"permit": [{"parent": "a", "regex": ["b", "("]}]},
    }
    assert problems(parse_host_rule_set, data) == [
        Problem(("exact_mach",), "unknown key 'exact_mach'", KEYS, "exact_match"),
        Problem(("Child-Match",), "'Child-Match' is there already, written 'child'"),
        Problem((5,), "unknown key 5", KEYS),
        Problem(("child", "permit", 1), "'::1' is an address", "a domain name"),
        Problem(("subnet_match",), "nothing instead of text", EXPECTED[parse_network_rule]),
        Problem(
            ("regex", "permit", 0, "regex", 1), "'(' is no regular expression: missing ): '('", "a regular expression"
        ),
    ]


WORDS = st.sampled_from(
    [
        *("default", "permit", "Forbid-Log", "deny", "exact", "child_match", "regex", "subnet", "parent", "%", "", "ü"),
        *(
            "10.0.0.0/8",
            "1.2.3.4/8",
            "::1",
            "example.com",
            "*.a",
            "80-90",
            "curl/8",
            "http_connect",
            "^a$",
            "(\n",
            "\ud800",
        ),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=10)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=4), max_leaves=12
)


def lead(data: Any, path: tuple[str | int, ...]) -> None:
    for step in path:
        data = data[step]


@given(PLAIN)
def test_any_plain_data(data: object) -> None:
    for parse in (*RULES, parse_host_rule_set):
        try:
            rule: object = parse(data)
        except AclError as error:
            found = error.problems
        else:
            found = ()
            assert parse(data) == rule
        for problem in found:
            lead(data, problem.path)
            assert problem.message
            assert problem.message.isprintable()
