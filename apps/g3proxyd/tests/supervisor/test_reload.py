"""What a reload makes of two configurations."""

import dataclasses
from typing import Any

import pytest
from g3proxyd.config import Config
from g3proxyd.control.operations import Change, Kind, OperationError
from g3proxyd.supervisor.reload import changes, fixed_changes, merge
from proxy import configuration


def found(old: Config, new: Config) -> dict[str, Change]:
    return {change.name: change.change for change in changes(old, new)}


ALL_KEPT = dict.fromkeys(("dns", "direct", "http", "socks", "closed"), Change.KEPT)


@pytest.mark.parametrize(
    ("change", "rebuilt"),
    [
        ({}, set()),
        ({"http": {"req_header_max_size": 9999}}, {"http"}),
        ({"escaper": {"bind_ip": "127.0.0.1"}}, {"direct", "http", "socks"}),
        ({"resolver": {"type": "c_ares"}}, {"dns", "direct", "http", "socks"}),
    ],
)
def test_who_uses_what_is_rebuilt_is_rebuilt(change: dict[str, Any], rebuilt: set[str]) -> None:
    expected = {**ALL_KEPT, **dict.fromkeys(rebuilt, Change.REBUILT)}
    assert found(configuration(), configuration(**change)) == expected


def test_added_and_removed() -> None:
    full = configuration()
    less = dataclasses.replace(full, servers={"http": full.servers["http"]})
    assert found(full, less) == {**ALL_KEPT, "socks": Change.REMOVED, "closed": Change.REMOVED}
    assert found(less, full) == {**ALL_KEPT, "socks": Change.ADDED, "closed": Change.ADDED}


def test_one_object_alone() -> None:
    old = configuration()
    new = configuration(http={"req_header_max_size": 9999}, resolver={"type": "c_ares"})
    merged = merge(old, new, Kind.SERVER, "http")
    assert merged.servers["http"] == new.servers["http"]
    assert merged.resolvers == old.resolvers
    assert list(merged.servers) == list(old.servers)


def test_an_object_that_others_need_does_not_go_alone() -> None:
    old = configuration()
    new = dataclasses.replace(old, escapers={}, servers={})
    with pytest.raises(OperationError) as refused:
        merge(old, new, Kind.ESCAPER, "direct")
    assert "server http uses the escaper 'direct', which is not there" in refused.value.details


def test_two_servers_on_one_address() -> None:
    old = configuration(http={"listen": "127.0.0.1:1"}, socks={"listen": "127.0.0.1:2"})
    new = configuration(http={"listen": "127.0.0.1:2"}, socks={"listen": "127.0.0.1:1"})
    with pytest.raises(OperationError) as refused:
        merge(old, new, Kind.SERVER, "http")
    assert refused.value.details == ("server socks and server http both listen on 127.0.0.1:2",)


@pytest.mark.parametrize("kind", [Kind.SERVER, Kind.USER_GROUP])
def test_nobody_has_it(kind: Kind) -> None:
    with pytest.raises(OperationError, match=r"there is no .* named 'x'"):
        merge(configuration(), configuration(), kind, "x")


def test_sections_that_are_fixed_at_the_start() -> None:
    old, new = configuration(), configuration(runtime={"task_quit_timeout": "1s"})
    assert merge(old, new).runtime == old.runtime
    assert fixed_changes(old, old) == []
    (told,) = fixed_changes(old, new)
    assert told.startswith("the section 'runtime' has changed")
