"""A route by a function of the operator's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from escaper.network import Task
from escaper.paths import End, make_route
from g3_acl import parse_host
from g3proxyd.config import Config
from g3proxyd.config.escaper import RoutePythonConfig
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.route_python import RouteRequest, load_function
from g3proxyd.upstream import Upstream

CODE = """\
import ipaddress

SEEN = []

def choose(request):
    SEEN.append(request)
    if request.host.endswith(".b.test"):
        return "b"
    if request.port == 25:
        return "c"
    if request.port == 26:
        return ["b"]
    if request.port == 28:
        raise SystemExit("the end")
    if request.port == 27:
        return {}["x"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "choose.py"
    file.write_text(CODE)
    return file


def make(path: Path, **keys: Any) -> Any:
    common = {"type": "route_python", "file": str(path), "default_next": "a", "allowed_next": ["b"]}
    return make_route({**common, **keys}, *map(End, "abc"))


def chosen(route: Any, host: str, port: int = 80) -> str:
    name: str = route.choose(Upstream(parse_host(host), port), Task(client_addr=("::ffff:192.0.2.9", 7))).name
    return name


def test_the_function_decides(path: Path) -> None:
    route = make(path)
    assert [chosen(route, host) for host in ("x.b.test", "X.B.Test.", "b.test", "::ffff:192.0.2.1")] == [*"bbaa"]
    seen = route._function.__globals__["SEEN"]
    assert seen[1:] == [
        RouteRequest("x.b.test", 80, "192.0.2.9"),
        RouteRequest("b.test", 80, "192.0.2.9"),
        RouteRequest("192.0.2.1", 80, "192.0.2.9"),
    ]


def test_the_function_is_told_who_asks(path: Path) -> None:
    route = make(path)
    route.choose(Upstream("a.test", 80), Task(user="joe"))
    assert [request.user for request in route._function.__globals__["SEEN"]] == ["joe"]


@pytest.mark.parametrize(
    ("port", "detail"),
    [
        (25, "the function has named 'c', which is no escaper that it may name"),
        (26, "the function has named \"['b']\", which is no escaper that it may name"),
        (27, "the function has failed: KeyError: 'x'"),
        (28, "the function has failed: SystemExit: the end"),
    ],
)
def test_a_fault_of_the_function_fails_the_request(port: int, detail: str, path: Path) -> None:
    with pytest.raises(TcpConnectError) as caught:
        chosen(make(path), "x.test", port)
    assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
    assert str(caught.value) == f"the escaper is not usable: {detail}"


def test_a_traceback_is_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    route = make(path)
    for _ in range(3):
        with pytest.raises(TcpConnectError):
            chosen(route, "x.test", 27)
    (record,) = caplog.records
    assert record.getMessage() == "escaper r: the function has failed for x.test:27"
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import no_such_module_at_all", ":3: ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("raise SystemExit('the end')", ":3: SystemExit: the end"),
        ("del choose", ": AttributeError: module 'g3proxyd.route_python.r' has no attribute 'choose'"),
    ],
)
def test_a_file_that_cannot_be_run(line: str, message: str, path: Path) -> None:
    path.write_text(f"def choose(request):\n    pass\n{line}\n")
    with pytest.raises(ValueError, match=rf"escaper r: .*choose\.py{message}"):
        make(path)


def test_it_is_a_module_like_any_other(path: Path) -> None:
    """Decorators look up the module of what they decorate; a reload leaves the old one to those that it serves."""
    code = """\
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Answer:
    name: str

def choose(request):
    return Answer("NAME").name
"""
    path.write_text(code.replace("NAME", "a"))
    before = make(path)
    path.write_text(code.replace("NAME", "b"))
    after = make(path)
    path.write_text("def choose(request): return 1 / 0\n1 / 0\n")
    with pytest.raises(ValueError, match=r"choose\.py:2: ZeroDivisionError"):
        make(path)
    assert (chosen(before, "x.test"), chosen(after, "x.test")) == ("a", "b")
    assert Path(after._function.__globals__["__file__"]) == path
    assert list(path.parent.iterdir()) == [path]


def test_what_has_changed_since_it_was_checked_is_not_run(path: Path) -> None:
    config = RoutePythonConfig.model_validate({"name": "r", "file": str(path), "default_next": "a"})
    path.write_text("def choose(request): raise SystemExit\n")
    assert load_function(config)(RouteRequest("x.b.test", 80, "192.0.2.9")) == "b"


def test_a_file_that_anybody_may_write_to(path: Path) -> None:
    path.chmod(0o646)
    with pytest.raises(ValueError, match=r"choose\.py: anybody may write to it"):
        make(path)


START = (
    "escaper:\n  - {name: a, type: dummy_deny}\n  - {name: r, type: route_python, default_next: a, file: code.py%s}\n"
)


@pytest.mark.parametrize(
    ("code", "keys", "problem"),
    [
        (None, "", "r.file: cannot read 'code.py': no such file"),
        ("def choose(", "", "r.file: code.py:1: '(' was never closed"),
        ("x = 1\0", "", "r.file: "),
        ("def other(request): ...", "", "r.file: there is no function 'choose' in "),
        ("async def choose(request): ...", "", "there is no function 'choose'"),
        ("def choose(request): ...", ", function: chose", "did you mean 'choose'?"),
        ("def choose(request): ...", ", allowed_next: [b]", "r.allowed_next[0]: there is no escaper called 'b'"),
    ],
)
def test_what_is_wrong(code: str | None, keys: str, problem: str, problems: Callable[..., list[str]]) -> None:
    (found,) = problems(START % keys, {} if code is None else {"code.py": code})
    assert found.startswith("main.yml:3:")
    assert problem in found


def test_what_is_not_a_path(problems: Callable[..., list[str]]) -> None:
    (found,) = problems(START.replace("code.py", "7") % "")
    assert "r.file: 7 is not a path; expected the path of a file with Python code" in found


def test_nothing_is_run_before_it_serves_and_new_code_is_another_escaper(config: Callable[..., Config]) -> None:
    code = "raise SystemExit('it was run')\ndef choose(request): ...\n"
    before = config(START % "", {"code.py": code}).escapers["r"]
    assert isinstance(before, RoutePythonConfig)
    assert before.function == "choose"
    assert before == config(START % "", {"code.py": code}).escapers["r"]
    assert before != config(START % "", {"code.py": code + "\n"}).escapers["r"]
