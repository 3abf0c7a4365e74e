"""Hostile text for g3-acl: hosts from clients, rules from configurations, and values that rules are asked about.

The first byte of an input picks what is read from the rest. Hosts are read again from what they are written as, rules
are asked about the host, and a rule that is parsed twice is the same rule.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-acl" / "tests" / "vectors"
WHOLE = 65_536


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if not data:
        return
    text = data[1:].decode("utf-8", "surrogateescape")
    plays = (read_host, read_rules, read_pattern, ask_rules)
    plays[data[0] % len(plays)](text)


def read_host(text: str) -> None:
    """A host is stable, plain, and nothing that a rule trips over."""
    from g3_acl import HostError, parse_host

    try:
        host = parse_host(text)
    except HostError as error:
        message = str(error)
    else:
        message = ""
        check_host(host)
    assert message.isprintable()


def check_host(host: Any) -> None:
    from g3_acl import parse_host

    assert parse_host(str(host)) == host
    if isinstance(host, str):
        assert host == host.lower()
        assert len(host) <= 253
        assert set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    rules().check(host)


def read_rules(text: str) -> None:
    """Whatever JSON there is: a rule, or problems with places that exist."""
    import g3_acl

    try:
        data = json.loads(text, parse_constant=float)
    except (ValueError, RecursionError):
        return
    for name in g3_acl.__all__:
        if name.startswith("parse_") and name.endswith(("_rule", "_set")):
            parse = getattr(g3_acl, name)
            try:
                rule = parse(data)
            except g3_acl.AclError as error:
                for problem in error.problems:
                    lead(data, problem.path)
            else:
                assert parse(data) == rule


def lead(data: Any, path: tuple[str | int, ...]) -> None:
    for step in path:
        data = data[step]


def read_pattern(text: str) -> None:
    """A pattern before the first line feed is tried on what follows."""
    from g3_acl import Action, PatternError, RegexSetRule

    pattern, _, value = text.partition("\n")
    rule = RegexSetRule(Action.FORBID)
    try:
        rule.add(pattern, Action.PERMIT)
        rule.freeze()
    except PatternError as error:
        message = str(error)
    else:
        message = ""
        rule.check(value)
    assert message.isprintable()


def ask_rules(text: str) -> None:
    """Values that come from clients as they are: User-Agent, and names that nobody has read."""
    from g3_acl import UserAgentRule, parse_user_agent_rule

    rule: UserAgentRule = parse_user_agent_rule(["curl", "Example Office", "a/1"])
    rule.check(text)
    rules().check(text)


@cache
def rules() -> Any:
    """A set with a rule of each kind."""
    from g3_acl import parse_host_rule_set

    return parse_host_rule_set(
        {
            "exact": ["example.com", "127.0.0.1", "::1"],
            "child": {"forbid": "example.net"},
            "regex": ["^a", {"parent": "b", "regex": "c+$"}],
            "subnet": {"permit": ["10.0.0.0/8", "2000::/3"]},
        }
    )


def seeds() -> Iterator[bytes]:
    """The hosts of the package's own test vectors, and a rule in each form."""
    vectors = json.loads((VECTORS / "hosts.json").read_text(encoding="utf-8"))
    for vector in (vector for kind in vectors.values() for vector in kind):
        yield b"\0" + vector["text"].encode()
    for data in (
        "10.0.0.0/8",
        ["80", "8000-8080", 443],
        {"default": "permit", "forbid": ["example.com"], "deny_log": "a"},
        {
            "exact_match": "a",
            "child": {"allow": ["b"]},
            "regex": [{"parent": "a", "regex": "^b$"}],
            "subnet_match": "::/0",
        },
    ):
        yield b"\1" + json.dumps(data).encode()
    yield from (
        b"\2^(?:.*[.])?ads?[0-9]{1,3}[.]\nads1.example",
        b"\2[[:alpha:]a-z&&b]\\b{start}\n",
        b"\3curl/8 (x; a/1)",
    )


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_acl"]):
        importlib.import_module("g3_acl")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
