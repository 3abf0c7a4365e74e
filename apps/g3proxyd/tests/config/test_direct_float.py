"""Published local addresses as JSON: what is taken, what is refused, and what the cache files hold."""

import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from g3proxyd.config.escaper import DirectFloatConfig
from g3proxyd.config.escaper.direct_float import MAX_BINDS, BindIp, PublishedBinds
from g3proxyd.config.escaper.floating import Taken
from g3proxyd.config.values.mistake import MistakeError
from hypothesis import given
from hypothesis import strategies as st

V4 = IPv4Address("192.0.2.1")


def configured(**keys: Any) -> DirectFloatConfig:
    return DirectFloatConfig.model_validate({"name": "out", "resolver": "r", **keys})


def take(data: Any, before: Taken | None = None, **keys: Any) -> Taken:
    text = data if isinstance(data, str) else json.dumps(data)
    return configured(**keys).take(text, None if before is None else before.publication)


def binds(taken: Taken) -> PublishedBinds:
    value = taken.publication.value
    assert isinstance(value, PublishedBinds)
    return value


def refused(data: Any) -> list[str]:
    with pytest.raises(MistakeError) as caught:
        take(data)
    return [mistake.message for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    "said",
    ["192.0.2.1", {"ip": "192.0.2.1"}, ["192.0.2.1"], [{"IP": "192.0.2.1"}]],
)
@pytest.mark.parametrize("key", ["ipv4", "v4", "IPv4"])
def test_all_forms(key: str, said: Any) -> None:
    assert binds(take({key: said})) == PublishedBinds(ipv4=(BindIp(ip=V4),))


def test_all_keys() -> None:
    said = {"ip": "::1", "id": 7, "isp": "x", "eip": "192.0.2.1", "area": "a/b", "expire": "1970-01-01T01:00:00+01:00"}
    (bind,) = binds(take({"ipv6": said})).ipv6 or ()
    assert bind == BindIp(ip=IPv6Address("::1"), id="7", isp="x", eip=V4, area="a/b", expire=0.0)


def test_what_is_told_of_an_address_may_be_nonsense() -> None:
    said = {"ip": "192.0.2.1", "isp": ["x"], "eip": "here", "area": "x\ny" * 300}
    assert binds(take({"ipv4": said})) == PublishedBinds(ipv4=(BindIp(ip=V4),))


def test_families_one_after_the_other() -> None:
    first = take({"ipv4": "192.0.2.1"})
    second = take({"ipv6": "::1"}, first)
    assert binds(second) == PublishedBinds((BindIp(ip=V4),), (BindIp(ip=IPv6Address("::1")),))
    assert binds(take({"ipv4": None}, second)) == PublishedBinds((), (BindIp(ip=IPv6Address("::1")),))
    assert binds(take({}, second)) == binds(second)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ("[", ["the data is not JSON: Expecting value: line 1 column 2 (char 1)"]),
        ("[" * 100_000, ["the data is nested too deeply"]),
        ('{"ipv4": NaN}', ["NaN is not a value of JSON"]),
        ('{"ipv4": null, "ipv4": null}', ["the name 'ipv4' comes twice in one object"]),
        ([], ["the data is not a map"]),
        ({"ipv4": None, "v4": None}, ["ipv4 is there twice"]),
        ({"ipv5": None}, ["'ipv5' is no family of addresses"]),
        ({"ipv4": "::1"}, ["ipv4.ip: ::1 is of the other family"]),
        ({"ipv6": ["::1", "192.0.2.1"]}, ["ipv6[1].ip: 192.0.2.1 is of the other family"]),
        ({"ipv4": ["192.0.2.1"] * (MAX_BINDS + 1)}, ["ipv4: 4097 addresses are too many"]),
        (
            {"ipv4": [{"ip": "x"}, {"id": "a"}, 5, {"ip": "192.0.2.1", "expires": "x"}], "ipv6": [None]},
            [
                "ipv4[0].ip: 'x' is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
                "ipv4[1]: the key 'ip' is missing",
                "ipv4[2]: 5 is not a map; expected a map, an address",
                "ipv4[3].expires: unknown key; did you mean 'expire'?",
                "ipv6[0]: nothing is not a map; expected a map, an address",
            ],
        ),
        (
            {"ipv4": {"ip": "192.0.2.1", "expire": "soon", "id": "a\nb"}},
            [
                r"ipv4.id: a path id is 1 to 256 printable characters, not 'a\nb'; expected text",
                "ipv4.expire: 'soon' is not a time; expected a time such as 2030-01-02T03:04:05Z (RFC 3339)",
            ],
        ),
        ({"ipv4": {"ip": "192.0.2.1", "IP": "192.0.2.1"}}, ["ipv4.IP: given twice: also as 'ip' at JSON:1:1"]),
    ],
)  # fmt: skip
def test_refused(data: Any, messages: list[str]) -> None:
    assert refused(data) == messages


def test_the_cache_files_hold_what_was_said(tmp_path: Path) -> None:
    said = {"v4": [{"ip": "192.0.2.1", "area": "é"}], "ipv6": None}
    found = take(said, cache_ipv4=tmp_path / "a", cache_ipv6=tmp_path / "b").caches
    assert {path.name: json.loads(text) for path, text in found.items()} == {"a": said["v4"], "b": None}
    assert "é" in found[tmp_path / "a"]
    assert list(take({"v4": None}, cache_ipv4=tmp_path / "a", cache_ipv6=tmp_path / "b").caches) == [tmp_path / "a"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ip", "id", "expire", "v4"]) | st.text(), inner),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"ipv4": JSON}))
def test_anything_is_taken_or_refused(data: Any) -> None:
    try:
        taken = take(data)
    except MistakeError:
        return
    assert isinstance(binds(taken), PublishedBinds)
