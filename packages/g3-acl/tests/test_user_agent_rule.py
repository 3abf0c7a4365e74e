"""Products in User-Agent."""

import re

import pytest
from g3_acl import Action, UserAgentRule
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def rule_of(records: dict[str, Action], missed: Action = PERMIT) -> UserAgentRule:
    rule = UserAgentRule(missed)
    for product, action in records.items():
        rule.add(product, action)
    return rule


BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; examplebot/2.1; +http://www.example.com/bot.html)"


@pytest.mark.parametrize(
    ("product", "value"),
    [
        ("curl", "curl/8.5.0"),
        ("curl", "curl"),
        ("curl", "CURL/8.5.0"),
        ("cURL", "curl/8.5.0"),
        ("curl", "curl libcurl/8.5.0"),
        ("curl", "curl;x"),
        ("curl", "curl\tx"),
        ("curl", "xcurl curl/8"),
        ("curl", "curlx;curl/8"),
        ("curl", " curl"),
        ("curl", "x\tcurl"),
        ("curl", "x/1 ;; curl"),
        ("curl", "a/curl curl"),
        ("chrome", BROWSER),
        ("Linux", BROWSER),
        ("x86_64)", BROWSER),
        ("examplebot", BOT),
        ("ExampleBot/2.1", BOT),
        ("curl/8.5.0", "curl/8.5.0"),
        ("curl/8.5.0", "x curl/8.5.0 y"),
        ("curl/8.5.0", "curl/8.5.0/extra"),
        ("Example Office", "Example Office/16.0 (x)"),
        ("example office", "Mozilla/4.0 (compatible; Example Office; x)"),
        ("a;b", "x a;b/1"),
        ("a b/1", "a a b/1"),
        ("!~", "!~"),
        ("a", "ü a"),
        ("a", "İ a"),
    ],
)
def test_matches(product: str, value: str) -> None:
    assert rule_of({product: FORBID}).find(value) is FORBID
    assert rule_of({product: FORBID, "other": PERMIT_LOG}).check(value) is FORBID


@pytest.mark.parametrize(
    ("product", "value"),
    [
        ("curl", ""),
        ("curl", "libcurl/8.5.0"),
        ("curl", "curlx/8.5.0"),
        ("curl", "curl-x/8.5.0"),
        ("curl", "(curl/8.5.0)"),
        ("curl", "curl)"),
        ("curl", "x (y; curl)"),
        ("curl", "x/curl"),
        ("curl", "x/1/curl/2"),
        ("curl", "/curl"),
        ("curl", "curl,x"),
        ("curl", "cur"),
        ("khtml", BROWSER),
        ("gecko", BROWSER),
        ("bot", BOT),
        ("curl/8.5.0", "curl/8.5.01"),
        ("curl/8.5.0", "curl/8.5"),
        ("curl/8.5.0", "curl"),
        ("Example Office", "Example  Office"),
        ("Example Office", "Example Officers"),
        ("Example Office", "Example"),
        ("b", "ab"),
    ],
)
def test_does_not_match(product: str, value: str) -> None:
    assert rule_of({product: FORBID}).find(value) is None
    assert rule_of({product: FORBID}).check(value) is PERMIT


def test_the_first_in_alphabetical_order_decides() -> None:
    rule = rule_of({"mozilla": FORBID_LOG, "chrome": PERMIT_LOG, "safari": FORBID, "chrome/130": PERMIT})
    assert rule.find(BROWSER) is PERMIT_LOG
    assert rule.find("Safari Mozilla") is FORBID_LOG
    assert rule.find("safari") is FORBID
    assert rule.find("x chrome/130 y") is PERMIT_LOG
    assert rule_of({"chrome/130": PERMIT, "chrome/13": FORBID}).find("chrome/130") is PERMIT


def test_the_later_record_wins() -> None:
    assert rule_of({"curl": FORBID, "CURL": FORBID_LOG}).find("curl") is FORBID_LOG


@pytest.mark.parametrize(
    "product",
    ["", " ", "/", ";", "curl/", "/curl", " curl", "curl ", "curl;", ";curl", "cürl", "cu\trl", "curl\n", "\x7f"],
)
def test_no_product(product: str) -> None:
    message = "a product is printable ASCII without space, semicolon or slash at its ends"
    with pytest.raises(ValueError, match=rf"^{message}$"):
        UserAgentRule().add(product, FORBID)


def test_missed() -> None:
    assert UserAgentRule().missed is PERMIT
    assert UserAgentRule(FORBID_LOG).check("curl") is FORBID_LOG


def test_freeze() -> None:
    rule = rule_of({"curl": FORBID}).freeze()
    with pytest.raises(RuntimeError, match=r"^this UserAgentRule is frozen$"):
        rule.add("wget", FORBID)
    assert rule.find("wget") is None


def test_equality() -> None:
    assert rule_of({"a": FORBID, "b": PERMIT}) == rule_of({"B": PERMIT, "A": FORBID}).freeze()
    assert rule_of({"a": FORBID}) != rule_of({"a": PERMIT})


PRODUCTS = st.text(st.sampled_from("ab/ ;"), min_size=1, max_size=5).filter(
    lambda text: text[0] in "ab" and text[-1] in "ab"
)


@given(st.dictionaries(PRODUCTS, st.sampled_from(Action), max_size=6), st.text(st.sampled_from("abA/ ;("), max_size=12))
def test_agrees_with_a_search_for_each_product(records: dict[str, Action], value: str) -> None:
    found = [
        product
        for product in sorted(records)
        if re.search(rf"(?<![^ ;]){re.escape(product)}(?![^/ ;])", value, re.IGNORECASE)
    ]
    assert rule_of(records).find(value) is (records[found[0]] if found else None)
