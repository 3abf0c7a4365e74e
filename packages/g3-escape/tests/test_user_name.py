"""Parameters behind a user name."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from g3_escape import MAX_USER_NAME, RouteError, RouteFault, Upstream, UserName, UserNameParams
from hypothesis import given
from hypothesis import strategies as st

PORT = 10000
PARAMS = UserNameParams(
    keys_for_host=("area", "city", "isp", "line"),
    resolve_sticky_key="session",
    floating_keys=frozenset(["isp"]),
    domain_suffix="example.net",
)


@pytest.mark.parametrize(
    ("text", "login", "host"),
    [
        ("joe", "joe", None),
        ("", "", None),
        ("joe+", "joe", None),
        ("joe+session=1", "joe", None),
        ("joe+area=eu", "joe", "eu.example.net"),
        ("joe+area=eu+", "joe", "eu.example.net"),
        ("joe+area=eu+city=bonn", "joe", "eu-bonn.example.net"),
        ("joe+city=bonn+area=eu", "joe", "eu-bonn.example.net"),
        ("joe+isp=x", "joe", "x.example.net"),
        ("joe+isp=x+city=bonn+area=eu+line=4", "joe", "eu-bonn-x-4.example.net"),
        ("joe+area=EU", "joe", "eu.example.net"),
        ("+area=eu", "", "eu.example.net"),
        ("joe=1+area=eu", "joe=1", "eu.example.net"),
    ],
)
def test_hosts(text: str, login: str, host: str | None) -> None:
    assert PARAMS.parse(text, PORT) == UserName(login, None if host is None else Upstream(host, PORT))


def test_sticky() -> None:
    assert PARAMS.parse("joe+area=eu+session=A=b", PORT).upstream == Upstream("eu.example.net", PORT, "A=b")
    both = replace(PARAMS, resolve_sticky_key="area")
    assert both.parse("joe+area=eu", PORT).upstream == Upstream("eu.example.net", PORT, "eu")
    none = replace(PARAMS, resolve_sticky_key=None)
    assert none.parse("joe+area=eu", PORT).upstream == Upstream("eu.example.net", PORT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("joe+area", "a parameter is not of the form key=value"),
        ("joe+=eu", "a parameter is not of the form key=value"),
        ("joe+area=", "a parameter is not of the form key=value"),
        ("joe++area=eu", "a parameter is not of the form key=value"),
        ("joe++", "a parameter is not of the form key=value"),
        ("joe+area=eu++", "a parameter is not of the form key=value"),
        ("joe+area=eu+area=eu", "the key 'area' comes twice"),
        ("joe+session=1+session=2", "the key 'session' comes twice"),
        ("joe+Area=eu", "there is no key 'Area'"),
        ("joe+city=bonn", "the key 'city' needs 'area'"),
        ("joe+area=eu+line=4", "the key 'line' needs 'city'"),
        ("joe+line=4", "the key 'line' needs 'area'"),
        ("joe+area=a..b", "its parameters make no host: .* has an empty label"),
        ("joe+area=a b", "its parameters make no host"),
        ("joe+area=" + "x" * 64, "its parameters make no host: .* has a label of 64 characters"),
        ("joe+area=\ud800", "its parameters make no host"),
    ],
)
def test_faults(text: str, why: str) -> None:
    with pytest.raises(RouteError, match=f"^the user name is wrong: {why}") as error:
        PARAMS.parse(text, PORT)
    assert error.value.fault is RouteFault.INVALID_USER_NAME


def test_the_longest_name() -> None:
    short = "joe+session=" + "ü" * 121
    assert len((short + "x").encode()) == MAX_USER_NAME
    assert PARAMS.parse(short + "x", PORT).login == "joe"
    with pytest.raises(RouteError, match="it is longer than 255 bytes"):
        PARAMS.parse(short + "xy", PORT)
    with pytest.raises(RouteError, match="it is longer than 255 bytes"):
        PARAMS.parse("x" * 256, PORT)


def test_unknown_keys_may_be_ignored() -> None:
    params = replace(PARAMS, reject_unknown_keys=False)
    assert params.parse("joe+what=1+area=eu", PORT).upstream == Upstream("eu.example.net", PORT)


def test_the_last_of_duplicates_may_count() -> None:
    params = replace(PARAMS, reject_duplicate_keys=False)
    assert params.parse("joe+area=eu+area=us", PORT).upstream == Upstream("us.example.net", PORT)


def test_there_may_be_no_hierarchy() -> None:
    params = replace(PARAMS, require_hierarchy=False)
    assert params.parse("joe+line=4", PORT).upstream == Upstream("4.example.net", PORT)


def test_the_login_may_keep_its_parameters() -> None:
    params = replace(PARAMS, strip_suffix_for_auth=False)
    assert params.parse("joe+area=eu", PORT) == UserName("joe+area=eu", Upstream("eu.example.net", PORT))


def test_nothing_but_a_login_without_keys() -> None:
    assert UserNameParams().parse("joe", PORT) == UserName("joe")
    assert UserNameParams(("area",)).parse("joe+area=eu", PORT).upstream == Upstream("eu", PORT)
    with pytest.raises(RouteError, match="there is no key 'area'"):
        UserNameParams().parse("joe+area=eu", PORT)


@pytest.mark.parametrize(
    ("value", "suffix", "host"),
    [
        ("eu", ".example.net", "eu.example.net"),
        ("eu", "", "eu"),
        ("192.0.2.1", "", IPv4Address("192.0.2.1")),
        ("2001:db8::1", "", IPv6Address("2001:db8::1")),
        ("localhost", "", IPv4Address("127.0.0.1")),
        ("LOCALHOST", "", IPv4Address("127.0.0.1")),
        ("eu", "localhost", IPv4Address("127.0.0.1")),
        ("eu", "Localhost", IPv4Address("127.0.0.1")),
        ("notlocalhost", "", "notlocalhost"),
    ],
)
def test_hosts_and_suffixes(value: str, suffix: str, host: object) -> None:
    params = UserNameParams(keys_for_host=("area",), domain_suffix=suffix)
    assert params.parse(f"joe+area={value}", PORT).upstream == Upstream(host, PORT)  # type: ignore[arg-type]  # a Host


def test_a_separator() -> None:
    params = replace(PARAMS, separator=".")
    assert params.parse("joe+area=eu+city=bonn", PORT).upstream == Upstream("eu.bonn.example.net", PORT)


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="floating_keys are among keys_for_host, b, c is not"):
        UserNameParams(keys_for_host=("a",), floating_keys=frozenset("abc"))
    with pytest.raises(ValueError, match="a key stands twice in keys_for_host"):
        UserNameParams(keys_for_host=("a", "a"))
    for key in ("", "a+", "a=b"):
        with pytest.raises(ValueError, match="a key is not empty and has neither"):
            UserNameParams(keys_for_host=(key,))
        with pytest.raises(ValueError, match="a key is not empty and has neither"):
            UserNameParams(resolve_sticky_key=key)


@given(st.text(alphabet="ab+=.-é\ud800", max_size=30), st.booleans(), st.booleans(), st.booleans())
def test_any_text_is_read_or_refused(text: str, hierarchy: bool, unknown: bool, duplicate: bool) -> None:
    params = UserNameParams(("a", "b"), "aa", hierarchy, frozenset("b"), unknown, duplicate)
    try:
        found = params.parse(text, PORT)
    except RouteError as error:
        assert error.fault is RouteFault.INVALID_USER_NAME  # noqa: PT017 -- nothing else may be raised
    else:
        assert text.startswith(found.login)
        assert "+" not in found.login


WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from((*PARAMS.keys_for_host, "session")), WORD), st.randoms(), WORD)
def test_the_host_has_the_values_in_order(values: dict[str, str], random: Random, base: str) -> None:
    parts = [f"{key}={value}" for key, value in values.items()]
    random.shuffle(parts)
    text = "+".join((base, *parts))
    strict = [key in values for key in PARAMS.keys_for_host if key != "isp"]
    if strict != sorted(strict, reverse=True):
        with pytest.raises(RouteError, match="needs"):
            PARAMS.parse(text, PORT)
        return
    labels = [values[key] for key in PARAMS.keys_for_host if key in values]
    upstream = Upstream("-".join(labels) + ".example.net", PORT, values.get("session")) if labels else None
    assert PARAMS.parse(text, PORT) == UserName(base, upstream)
