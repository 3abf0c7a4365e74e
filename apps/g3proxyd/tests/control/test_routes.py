"""What each path asks of the daemon."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from control.fake import REPORT, FakeOperations
from g3proxyd.config.values.resolve import QueryStrategy
from g3proxyd.control.connection import pack_document
from g3proxyd.control.operations import Change, Kind, OperationError, Reason
from g3proxyd.control.routes import HANDOVER, ROUTES, Call, RefusalError, find

DOCUMENTATION = Path(__file__).parents[4] / "docs" / "control.md"


def ask(method: str, target: str, body: str = "") -> tuple[list[tuple[Any, ...]], object]:
    """The calls that a request makes, and its document."""
    operations = FakeOperations()
    route, call = find(method, target)
    assert route.answer is not None
    document = asyncio.run(_answer(route.answer(operations, type(call)(call.name, call.parameters, body))))
    return operations.calls, document


async def _answer(answer: Any) -> object:
    return await answer


def refused(method: str, target: str) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        find(method, target)
    return caught.value


def invalid(method: str, target: str, body: str = "") -> str:
    with pytest.raises(OperationError) as caught:
        ask(method, target, body)
    assert caught.value.reason is Reason.INVALID
    return caught.value.text


SIMPLE = [
    ("POST", "/v1/offline", ("offline",), None),
    ("POST", "/v1/cancel-shutdown", ("cancel_shutdown",), None),
    ("POST", "/v1/force-quit", ("force_quit_all",), None),
    ("POST", "/v1/server/old/force-quit", ("force_quit", "old"), None),
    ("POST", "/v1/reload", ("reload", None, None), REPORT),
    ("GET", "/v1/server", ("names", Kind.SERVER), {"kind": Kind.SERVER, "names": ("http", "socks")}),
    ("GET", "/v1/user-group", ("names", Kind.USER_GROUP), {"kind": Kind.USER_GROUP, "names": ()}),
    ("POST", "/v1/escaper/direct/reload", ("reload", Kind.ESCAPER, "direct"), REPORT),
    ("POST", "/v1/auditor/a/reload", ("reload", Kind.AUDITOR, "a"), REPORT),
    ("GET", "/v1/user-group/g/static-users", ("user_group_list_static", "g"), {"names": ("ann",)}),
    ("GET", "/v1/user-group/g/dynamic-users", ("user_group_list_dynamic", "g"), {"names": ("bob", "cy")}),
]


@pytest.mark.parametrize(("method", "target", "call", "document"), SIMPLE)
def test_a_path_is_an_operation(method: str, target: str, call: tuple[Any, ...], document: object) -> None:
    assert ask(method, target) == ([call], document)


def test_what_a_request_does_not_say_is_empty() -> None:
    assert find("GET", "/v1/version")[1] == Call("", {}, "")


def test_version_and_status() -> None:
    assert ask("GET", "/v1/version") == ([("version",)], {"version": "1.2.3", "pid": os.getpid()})
    calls, document = ask("GET", "/v1/status")
    assert calls == [("version",), ("workers",), ("servers",)]
    assert pack_document(document).decode() == (
        f'{{"version": "1.2.3", "pid": {os.getpid()}, "workers": [{{"number": 0, "pid": 77, "state": "running"}}], '
        '"servers": [{"name": "http", "online": true, "alive_tasks": 1, "total_connections": 2, "total_tasks": 3}, '
        '{"name": "old", "online": false, "alive_tasks": 4, "total_connections": 5, "total_tasks": 6}]}\n'
    )


def test_reload_tells_what_has_changed() -> None:
    assert pack_document(ask("POST", "/v1/reload")[1]).decode() == (
        '{"objects": [{"kind": "server", "name": "http", "change": "rebuilt"}, '
        '{"kind": "resolver", "name": "dns", "change": "kept"}], "warnings": ["main.yml:1:2: server: odd"]}\n'
    )


def test_server_status() -> None:
    calls, document = ask("GET", "/v1/server/http/status")
    assert calls == [("server_status", "http")]
    assert document == FakeOperations().all_servers[0]


def test_names_are_percent_decoded() -> None:
    assert ask("POST", "/v1/server/a%2Fb%20%C3%A9/reload")[0] == [("reload", Kind.SERVER, "a/b é")]
    assert ask("POST", "/v1/server//reload")[0] == [("reload", Kind.SERVER, "")]


def test_queries() -> None:
    calls, document = ask("GET", "/v1/resolver/dns/query?domain=a.test")
    assert calls == [("resolver_query", "dns", "a.test", QueryStrategy.IPV4_FIRST, 50)]
    assert document == {"addresses": ("192.0.2.1", "2001:db8::1")}
    target = "/v1/resolver/dns/query?domain=%C3%A9.test&strategy=Ipv6-Only&resolution_delay="
    for delay in (0, 65535):
        calls, _ = ask("GET", f"{target}{delay}")
        assert calls == [("resolver_query", "dns", "é.test", QueryStrategy.IPV6_ONLY, delay)]


@pytest.mark.parametrize("delay", ["65536", "000050", "-1", "1.5", "x", "", "9" * 5000, "٣", "+1"])
def test_bad_delays(delay: str) -> None:
    target = f"/v1/resolver/dns/query?domain=a&resolution_delay={delay.replace('+', '%2B')}"
    assert "resolution_delay; expected milliseconds from 0 to 65535" in invalid("GET", target)


def test_bad_queries() -> None:
    assert invalid("GET", "/v1/resolver/dns/query").startswith("the parameter 'domain' is missing")
    assert invalid("GET", "/v1/resolver/dns/query?domain=") == invalid("GET", "/v1/resolver/dns/query")
    text = invalid("GET", "/v1/resolver/dns/query?domain=a&strategy=ipv4")
    assert text == "'ipv4' is not a query strategy; expected one of ipv4_only, ipv6_only, ipv4_first, ipv6_first"


def test_published_data_is_passed_on_as_it_is() -> None:
    text = ' [{"name": "é"}]\n'
    assert ask("POST", "/v1/escaper/e/publish", text)[0] == [("escaper_publish", "e", text)]
    assert ask("POST", "/v1/user-group/g/dynamic-users", text)[0] == [("user_group_publish_dynamic", "g", text)]


@pytest.mark.parametrize("path", ["/v1/escaper/e/publish", "/v1/user-group/g/dynamic-users"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the data is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[1 2]", "the data is not JSON: Expecting ',' delimiter: line 1 column 4 (char 3)"),
        ("NaN", "the data is not JSON: NaN is not a value of JSON"),
        ("[" * 100_000, "the data is nested too deeply"),
    ],
)
def test_published_data_that_is_not_json(path: str, text: str, why: str) -> None:
    assert invalid("POST", path, text) == why


def test_unknown_paths() -> None:
    error = refused("GET", "/v1/versoin")
    assert (error.status, error.reason) == (404, "no_such_path")
    assert error.text == "there is no path '/v1/versoin'; did you mean '/v1/version'?"
    assert refused("GET", "*").text == "there is no path '*'"
    assert refused("POST", "/v1/handove").text.endswith(f"did you mean {HANDOVER!r}?")
    assert find("POST", HANDOVER)[0].answer is None
    assert len(refused("GET", "/" + "x" * 10_000).text) < 300
    for target in ("/", "", "/v1", "/v1/", "/v1/version/", "/v1/NAME", "/v1/server/a/b/status", "//v1/version"):
        assert refused("GET", target).status == 404


def test_wrong_methods() -> None:
    error = refused("PUT", "/v1/user-group/g/dynamic-users")
    assert (error.status, error.reason, error.text) == (405, "method", "this path takes GET, POST only")
    assert error.headers == (("Allow", "GET, POST"),)
    assert refused("GET", "/v1/offline").headers == (("Allow", "POST"),)
    assert refused("get", "/v1/version").status == 405


def test_the_absolute_form() -> None:
    assert ask("GET", "http://g3/v1/version")[0] == [("version",)]
    assert ask("GET", "HTTPS://anything:1/v1/version")[0] == [("version",)]
    calls, _ = ask("GET", "http://g3/v1/resolver/dns/query?domain=a://b/c")
    assert calls[0][2] == "a://b/c"
    assert refused("GET", "http://g3").status == 404
    assert refused("GET", "ftp://g3/v1/version").status == 404


def test_parameters() -> None:
    error = refused("GET", "/v1/resolver/dns/query?domian=a")
    assert (error.status, error.reason) == (400, "invalid")
    assert error.text == ("there is no parameter 'domian' here; this path takes domain, resolution_delay, strategy")
    assert refused("GET", "/v1/version?a").text == "there is no parameter 'a' here; this path takes none"
    error = refused("GET", "/v1/resolver/dns/query?domain=a&domain=b")
    assert (error.status, error.reason, error.text) == (400, "invalid", "the parameter 'domain' is given twice")
    many = "&".join(["domain=a"] * 17)
    for query in (many, "domain=%FF"):
        error = refused("GET", f"/v1/resolver/dns/query?{query}")
        assert (error.status, error.text) == (400, "the query is not UTF-8, or has more than 16 parts")
    assert ask("GET", "/v1/version?")[0] == [("version",)]


def test_a_path_that_is_not_utf8() -> None:
    error = refused("GET", "/v1/server/%FF/status")
    assert (error.status, error.reason) == (400, "invalid")


def test_the_documentation_has_every_path_and_no_other() -> None:
    rows = [line.split("|") for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines() if "| `/v1/" in line]
    documented = {(row[1].strip().strip("`"), row[2].strip().strip("`").partition("?")[0]) for row in rows}
    assert documented == {(route.method, route.path) for route in ROUTES}


def test_the_documentation_has_every_word_of_an_answer() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    for word in (*Reason, *Change):
        assert f"`{word.value}`" in text
