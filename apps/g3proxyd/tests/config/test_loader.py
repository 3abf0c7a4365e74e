"""Whole configurations: sections, documents, split files, names; and where each mistake is."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from g3proxyd.config import Config, ConfigError, DirectFixedConfig, HttpProxyConfig, Kind, load
from g3proxyd.config.kinds import KINDS, type_name

Files = Mapping[str, str] | None
Problems = Callable[..., list[str]]
Loads = Callable[..., Config]

OBJECTS = """\
escaper: [{name: d, type: direct_fixed, resolver: r}]
resolver: [{name: r, type: deny_all}]
"""
A = "{name: a, type: dummy_close}"
SERVER = "expected a list of maps and paths, or one path of a file or directory with maps, one server each"
SERVER_TYPES = f"expected one of {', '.join(type_name(model).names[0] for model in KINDS['server'])}"


def test_everything(config: Loads) -> None:
    found = config(
        """\
Runtime: {thread_name: proxy}
worker: {}
log: stdout
stat:
controller: {}
user-group: []
auditor:
server:
  - name: http
    type: HttpProxy
    escaper: d
    listen: 127.0.0.1:8080
"""
        + OBJECTS
    )
    assert found.path == Path("main.yml")
    assert found.runtime.thread_name == "proxy"
    assert found.worker is not None
    assert found.log.task.driver == "stdout"
    assert list(found.servers) == ["http"]
    assert isinstance(found.servers["http"], HttpProxyConfig)
    assert isinstance(found.escapers["d"], DirectFixedConfig)
    assert found.resolvers["r"].type == "deny_all"
    assert found.warnings == ()


def test_nothing(config: Loads) -> None:
    found = config("# empty\n")
    assert found == Config(path=Path("main.yml"))
    assert (found.worker, found.servers) == (None, {})


@pytest.mark.parametrize("text", ["runtime:\nworker:\nlog:\nserver:\nescaper: ~\nresolver: null\n", "---\n---\n{}\n"])
def test_empty_sections(text: str, config: Loads) -> None:
    found = config(text)
    assert (found.servers, found.escapers, found.resolvers) == ({}, {}, {})


def test_documents_of_the_main_file_count_as_one(config: Loads) -> None:
    found = config(
        f"""\
        runtime: {{thread_name: a}}
        server: [{A}]
        ---
        ---
        runtime: {{task_wait_delay: 5s}}
        server: [{A.replace("a,", "b,")}]
        """
    )
    assert (found.runtime.thread_name, found.runtime.task_wait_delay) == ("a", 5.0)
    assert list(found.servers) == ["a", "b"]


def test_and_may_not_contradict(problems: Problems) -> None:
    text = "runtime: {thread_name: a}\nlog: stdout\n---\nruntime: {thread_name: b}\nlog: discard\n"
    assert problems(text) == [
        "main.yml:4:11: runtime.thread_name: given twice: also at main.yml:1:11",
        "main.yml:5:6: log: given twice: also at main.yml:2:6",
    ]


def test_split_files(config: Loads) -> None:
    found = config(
        f"server: [s.d, {A}, more/x.txt]\nescaper: e.d/\nresolver: r.yml\n",
        {
            "s.d/2.yml": "name: c\ntype: dummy_close\n---\n---\nname: d\ntype: dummy_close\n",
            "s.d/1.yml": "name: b\ntype: dummy_close\n",
            "s.d/0.yaml": "not read",
            "s.d/sub/3.yml": "not read",
            "more/x.txt": "name: e\ntype: dummy_close\n",
            "e.d/only.yml": "name: f\ntype: dummy_deny\n",
            "r.yml": "name: g\ntype: deny_all\n",
        },
    )
    assert list(found.servers) == ["b", "c", "d", "a", "e"]
    assert (list(found.escapers), list(found.resolvers)) == (["f"], ["g"])


def test_paths_begin_at_the_main_file(write: Callable[..., Path]) -> None:
    write("", {"etc/main.yml": "server: s.d\n", "etc/s.d/a.yml": "name: a\ntype: dummy_close\n"})
    assert list(load("etc").servers) == ["a"]
    assert list(load(Path("etc/main.yml").absolute()).servers) == ["a"]


def test_the_main_file_may_be_a_pipe(write: Callable[..., Path]) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"runtime: {thread_name: piped}\n")
    os.close(write_end)
    try:
        assert load(f"/dev/fd/{read_end}").runtime.thread_name == "piped"
    finally:
        os.close(read_end)


def test_wrong_sections(problems: Problems) -> None:
    text = "sever: []\nruntime: 3\nuser: [{name: a}]\nstat: {prefix: x}\nlog: {syslog: {}}\nauditor: yes\n"
    assert problems(text) == [
        ("main.yml:1:1: sever: unknown section; expected one of runtime, worker, log, controller, server, escaper, "
        "resolver, stat, user_group, auditor; did you mean 'server'?"),
        "main.yml:2:10: runtime: 3 is not a map; expected a map",
        "main.yml:3:7: user_group: not supported yet: users and their authentication arrive with the user groups",
        "main.yml:4:7: stat: not supported yet: metrics arrive with the statistics",
        "main.yml:5:7: log.syslog: not supported yet: the log drivers so far are discard and stdout",
        "main.yml:6:10: auditor: not supported yet: inspection of traffic arrives with the auditors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("3", f"main.yml:1:9: server: 3 stands where a server should; {SERVER}"),
        (A, f"main.yml:1:9: server: a map stands where a server should; {SERVER}"),
        (f"[{A}, 3]", f"main.yml:1:40: server[1]: 3 stands where a server should; {SERVER}"),
        (f"[{A}, [x]]", f"main.yml:1:40: server[1]: a list stands where a server should; {SERVER}"),
        ("[no.yml]", "main.yml:1:10: server[0]: cannot read no.yml: no such file or directory"),
        ("''", "main.yml:1:9: server: cannot read '': '' is not a path"),
        ("list.yml", "list.yml:1:1: the document is a list; expected a map in each document of the file"),
    ],
)
def test_wrong_objects(section: str, problem: str, problems: Problems) -> None:
    assert problems(f"server: {section}\n", {"list.yml": "[1]"}) == [problem]


def test_the_main_file_cannot_be_read(write: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError) as caught:
        load("none.yml")
    assert [str(problem) for problem in caught.value.problems] == ["cannot read none.yml: No such file or directory"]


def test_names_are_unique_in_their_kind(problems: Problems) -> None:
    text = f"server: [{A}, s.yml]\nescaper: [{{name: a, type: dummy_deny}}]\n"
    assert problems(text, {"s.yml": "type: dummy_close\nname: a\n"}) == [
        "s.yml:2:7: server a.name: the name is taken by another server at main.yml:1:17"
    ]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("{name: a}", f"main.yml:1:10: server a: the key 'type' is missing; {SERVER_TYPES}"),
        ("{name: a, typ: socks_proxy}", "main.yml:1:20: server a.typ: unknown key; did you mean 'type'?"),
        ("{type: dummy_close}", "main.yml:1:10: server[0]: the key 'name' is missing"),
        ("{name: 1, type: dummy_close}", (
            "main.yml:1:17: server[0].name: 1 is not a name; expected a name of letters, digits and -_./, in quotes"
        )),
        ("{name: a, type: dumy_close}", (
            f"main.yml:1:26: server a.type: 'dumy_close' is not a type of server; {SERVER_TYPES}; "
            "did you mean 'dummy_close'?"
        )),
        ("{name: a, type: [x]}", f"main.yml:1:26: server a.type: a list is not a type of server; {SERVER_TYPES}"),
    ],
)  # fmt: skip
def test_names_and_types(server: str, problem: str, problems: Problems) -> None:
    assert problems(f"server: [{server}]\n") == [problem]


def test_names_of_objects_that_are_wrong_are_not_missing(problems: Problems) -> None:
    text = """\
    server: [{name: a, type: socks_proxy, escaper: e, listen: 80}]
    escaper: [{name: e, type: no_such_one}, {name: f, type: direct_fixed, resolver: r, xyz: 1}]
    resolver: [{name: r, type: xyz}]
    """
    assert [problem.split(":")[1:3] for problem in problems(text)] == [["2", "27"], ["2", "84"], ["3", "28"]]


def test_missing_names_of_objects_that_are_wrong_are_told(problems: Problems) -> None:
    text = "server: [{name: a, type: socks_proxy, escaper: e, listen: x}]\n"
    assert len(problems(text)) == 2


def test_names_in_a_file_that_cannot_be_read_are_not_missing(problems: Problems) -> None:
    text = "server: [{name: a, type: socks_proxy, escaper: e, listen: 80}]\nescaper: e.yml\n"
    assert problems(text, {"e.yml": "a: b: c"}) == [
        "e.yml:1:5: not valid YAML: mapping values are not allowed in this context"
    ]


def test_servers_on_one_address(problems: Problems) -> None:
    text = OBJECTS + "server: s.yml\n"
    server = "name: {}\ntype: socks_proxy\nescaper: d\nLISTEN: 8080\n"
    assert problems(text, {"s.yml": f"{server.format('a')}---\n{server.format('b')}"}) == [
        (
            "s.yml:9:1: server b.listen: [::]:8080 is taken by the server a at s.yml:4:1; "
            "expected an address of its own for each server"
        )
    ]


def test_mistakes_of_all_files_in_their_order(problems: Problems, write: Callable[..., Path]) -> None:
    found = problems(
        """\
        server:
          - s.d
          - {name: x, type: socks_proxy, escaper: d, listen: 127.0.0.1:80, bogus: 1}
        escaper:
          - name: d
            type: direct_fixed
            resolver: rr
            bind_ip: [127.0.0.1, nonsense, "::1", 7]
        resolver: [{name: r, type: c_ares, server: [9.9.9.9, 0.0.0.0, x]}]
        """,
        {
            "s.d/b.yml": "name: b\ntype: http_proxy\nescaper: dd\nlisten: 127.0.0.1:81\n",
            "s.d/a.yml": "name: a\ntype: http_proxy\nescaper: d\npipeline_size: 0\n",
        },
    )
    assert [problem.partition(";")[0] for problem in found] == [
        "main.yml:3:68: server x.bogus: unknown key",
        "main.yml:7:15: escaper d.resolver: there is no resolver called 'rr'",
        "main.yml:8:26: escaper d.bind_ip[1]: 'nonsense' is not an IP address",
        "main.yml:8:43: escaper d.bind_ip[3]: 7 is not an IP address",
        "main.yml:9:54: resolver r.server[1]: 0.0.0.0 cannot be a name server",
        "main.yml:9:63: resolver r.server[2]: 'x' is not a socket address",
        "s.d/a.yml:4:16: server a.pipeline_size: 0 is out of range",
        "s.d/b.yml:3:10: server b.escaper: there is no escaper called 'dd'",
    ]


def test_warnings_come_with_the_problems(write: Callable[..., Path]) -> None:
    path = write("runtime: {thread_number: 2}\nserver: [{name: a, type: socks_proxy, escaper: e}]\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [problem.kind for problem in caught.value.problems] == [Kind.REFERENCE]
    assert [str(warning) for warning in caught.value.warnings] == [
        "main.yml:1:11: runtime.thread_number: has no effect here: worker.thread_number is the number of processes",
        ("main.yml:2:10: server a: no client can reach this server: 'listen' is not set, "
        "and no other server leads to it"),
    ]  # fmt: skip


def test_mistakes_in_an_anchor_are_told_for_each_use(problems: Problems) -> None:
    text = """\
server:
  - {name: a, type: http_proxy, escaper: d, listen: &l {address: 127.0.0.1:80, backlog: x}}
  - {name: b, type: http_proxy, escaper: d, listen: *l}
"""
    found = problems(text + OBJECTS)
    assert [problem.partition(";")[0] for problem in found] == [
        "main.yml:2:89: server a.listen.backlog: 'x' is not a whole number",
        "main.yml:2:89: server b.listen.backlog: 'x' is not a whole number",
    ]
