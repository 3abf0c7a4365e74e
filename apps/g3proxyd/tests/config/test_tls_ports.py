"""Servers that end TLS: `plain_tls_port`, `native_tls_port` and `tls_stream`, and TLS that would end twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import DAY, authority
from g3proxyd.config import Config, NativeTlsPortConfig, PlainTlsPortConfig, TcpStreamConfig, TlsStreamConfig
from g3proxyd.config.conflicts import tls_in_tls
from g3proxyd.config.graph import bottom_up, draw
from g3proxyd.config.values.tls_server import OpensslTlsServer, TlsServer
from g3proxyd.control.operations import OperationError
from g3proxyd.supervisor.reload import check

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

PAIR = "certificate: leaf.crt, private_key: leaf.key"
CHAIN = f"""\
server:
  - {{name: front, type: plain_tls_port, listen: 127.0.0.1:80, server: http, tls_server: {{cert_pairs: [{{{PAIR}}}]}}}}
  - {{name: http, type: http_proxy, escaper: d}}
escaper: [{{name: d, type: dummy_deny}}]
"""
STREAM = f"""\
server: [{{name: s, type: tls_stream, listen: 80, escaper: d, tls_server: {{{PAIR}}}, upstream: "a.test:9"}}]
escaper: [{{name: d, type: dummy_deny}}]
"""


@pytest.fixture(autouse=True)
def pair(tmp_path: Path) -> None:
    """`leaf.crt` and `leaf.key` beside the configuration."""
    authority().issue("a.test", valid=(-DAY, 30 * DAY)).write(tmp_path)


@pytest.mark.parametrize("name", ["plain_tls_port", "PlainTlsPort", "plain-tls", "plaintls"])
def test_a_port_that_ends_tls(config: Read, name: str) -> None:
    found = config(CHAIN.replace("plain_tls_port", name))
    assert found.warnings == ()
    front = found.servers["front"]
    assert isinstance(front, PlainTlsPortConfig)
    assert (front.type, front.server, front.proxy_protocol, front.tls_ticketer) == (
        "plain_tls_port",
        "http",
        None,
        None,
    )
    assert type(front.tls_server) is TlsServer
    assert len(front.tls_server.settings.pairs) == 1
    assert bottom_up(found.servers, "server") == ["http", "front"]
    assert "  server_0 --> server_1\n" in draw(found, "mermaid")


@pytest.mark.parametrize("name", ["native_tls_port", "NativeTlsPort", "native-tls", "nativetls"])
def test_the_same_in_other_words(config: Read, name: str) -> None:
    text = CHAIN.replace("plain_tls_port", name).replace("tls_server: {", "tls: {session_id_context: a, ")
    found = config(text.replace("server: http", "server: http, proxy_protocol: 2, tls_ticketer: {local_lifetime: 60}"))
    assert found.warnings == ()
    front = found.servers["front"]
    assert isinstance(front, NativeTlsPortConfig)
    assert (front.type, front.server, front.proxy_protocol) == ("native_tls_port", "http", 2)
    assert type(front.tls_server) is OpensslTlsServer
    assert front.tls_server.settings.label == "a"
    assert front.tls_ticketer is not None
    assert front.tls_ticketer.settings.lifetime == 60


def test_what_a_port_needs(problems: Lines) -> None:
    for name in ("plain_tls_port", "native_tls_port"):
        assert [line.partition(": ")[2] for line in problems(f"server: [{{name: a, type: {name}}}]")] == [
            "server a: the key 'listen' is missing",
            "server a: the key 'tls_server' is missing",
            "server a: the key 'server' is missing",
        ]
        (problem,) = problems(CHAIN.replace("plain_tls_port", name).replace(f"cert_pairs: [{{{PAIR}}}]", ""))
        assert "server front.tls_server: there is no certificate; expected cert_pairs" in problem


def test_the_keys_of_certificates_differ(config: Read, problems: Lines) -> None:
    text = CHAIN.replace(f"cert_pairs: [{{{PAIR}}}]", PAIR)
    assert config(text).servers["front"].type == "plain_tls_port"
    assert any(
        "front.tls_server.certificate: unknown key" in line for line in problems(text.replace("plain", "native"))
    )


def test_a_stream_that_ends_tls(config: Read, problems: Lines) -> None:
    found = config(STREAM.replace("tls_server", "tls"))
    assert found.warnings == ()
    server = found.servers["s"]
    assert isinstance(server, TlsStreamConfig)
    assert not isinstance(server, TcpStreamConfig)
    assert (server.type, str(server.upstream[0].upstream), server.tls_client) == ("tls_stream", "a.test:9", None)
    assert config(STREAM.replace("tls_stream", "TlsStream")).servers["s"].type == "tls_stream"
    (problem,) = problems(STREAM.replace(f"tls_server: {{{PAIR}}}, ", ""))
    assert problem.endswith("server s: the key 'tls_server' is missing")
    (problem,) = problems(STREAM.replace("listen: 80", "listen: 80, auth_by_client_ip: yes"))
    assert "server s.auth_by_client_ip: not supported yet" in problem


def test_tls_inside_tls(problems: Lines, config: Read) -> None:
    """At whatever distance, and once for each pair."""
    inner = CHAIN.replace("http_proxy, escaper: d", f"http_proxy, escaper: d, tls_server: {{{PAIR}}}")
    (problem,) = problems(inner)
    assert problem.startswith(
        "main.yml:2:71: server front.server: TLS ends here, and the server http behind it would ask for TLS again; "
        "expected one of the two without TLS; a plain_tcp_port"
    )
    config(inner.replace("plain_tls_port", "plain_tcp_port").replace(f", tls_server: {{cert_pairs: [{{{PAIR}}}]}}", ""))
    middle = "  - {name: middle, type: intelli_proxy, listen: 81, http_server: http, socks_server: http}\n"
    (problem,) = problems(inner.replace("server: http", "server: middle").replace("escaper: [", middle + "escaper: ["))
    assert "server front.server: TLS ends here, and the server http behind it" in problem
    native = "  - {name: last, type: tls_stream, escaper: d, upstream: 'a:1', tls_server: {KEYS}}\n".replace(
        "KEYS", PAIR
    )
    (problem,) = problems(CHAIN.replace("server: http", "server: last").replace("escaper: [", native + "escaper: ["))
    assert "the server last behind it" in problem


def test_a_circle_ends(problems: Lines) -> None:
    text = CHAIN.replace("server: http", "server: front")
    assert any("the names lead in a circle" in line for line in problems(text))


def test_single_reloads_that_put_tls_in_tls_are_refused(config: Read) -> None:
    found = config(CHAIN)
    check(found)
    front = found.servers["front"]
    assert isinstance(front, PlainTlsPortConfig)
    http = found.servers["http"].model_copy(update={"tls_server": front.tls_server})
    changed = replace(found, servers={"front": front, "http": http})
    assert list(tls_in_tls(changed.servers)) == [("front", "http")]
    with pytest.raises(OperationError) as refused:
        check(changed)
    assert refused.value.details == ("server front ends TLS, and server http behind it would ask for TLS again",)
    assert list(tls_in_tls({"front": front})) == []
