"""The port for QUIC: its keys, its TLS, and its address beside those of other servers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import DAY, authority
from cryptography.hazmat.primitives.asymmetric import ec
from g3proxyd.config import Config, PlainQuicPortConfig
from g3proxyd.config.conflicts import tls_in_tls
from g3proxyd.config.values.address import parse_socket_address
from g3proxyd.config.values.listen import UdpListen
from g3proxyd.config.values.quic_server import QuicServer
from g3proxyd.config.values.socket_buffer import SocketBuffer
from g3proxyd.config.values.sockopts import UdpMiscSockOpts
from g3proxyd.supervisor.reload import check
from g3proxyd.supervisor.sockets import wanted

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

PAIR = "certificate: leaf.crt, private_key: leaf.key"
CHAIN = f"""\
server:
  - {{name: front, type: plain_quic_port, listen: 127.0.0.1:80, server: http, quic_server: {{{PAIR}}}}}
  - {{name: http, type: http_proxy, escaper: d, listen: 127.0.0.1:80}}
escaper: [{{name: d, type: dummy_deny}}]
"""


@pytest.fixture(autouse=True)
def pair(tmp_path: Path) -> None:
    """`leaf.crt` and `leaf.key` beside the configuration."""
    authority().issue("a.test", valid=(-DAY, 30 * DAY)).write(tmp_path)


def with_keys(keys: str) -> str:
    return CHAIN.replace("server: http,", f"server: http, {keys},")


def with_tls(keys: str) -> str:
    return CHAIN.replace("quic_server: {", f"quic_server: {{{keys}, ")


@pytest.mark.parametrize("name", ["plain_quic_port", "PlainQuicPort", "plain-quic", "plainquic"])
def test_a_port(config: Read, name: str) -> None:
    """It may have the number of a TCP port."""
    found = config(CHAIN.replace("plain_quic_port", name))
    assert found.warnings == ()
    front = found.servers["front"]
    assert isinstance(front, PlainQuicPortConfig)
    assert front.listen == UdpListen(address=parse_socket_address("127.0.0.1:80"))
    assert (front.type, front.server, front.offline_rebind_port) == ("plain_quic_port", "http", None)
    assert type(front.quic_server) is QuicServer
    check(found)


def test_all_keys_of_the_socket(config: Read) -> None:
    listen = """{addr: "[::]:80", interface: lo, ipv6only: true, socket_buffer: 64K, instance_count: 0, scale: 50%,
      socket_misc_opts: {ttl: 5}}"""
    front = config(CHAIN.replace("listen: 127.0.0.1:80, server", f"listen: {listen}, server")).servers["front"]
    assert front.listen == UdpListen(  # type: ignore[attr-defined]
        address=parse_socket_address("[::]:80"),
        interface="lo",
        ipv6_only=True,
        socket_buffer=SocketBuffer(recv=64000, send=64000),
        instance=1,
        scale=0.5,
        socket_misc_opts=UdpMiscSockOpts(time_to_live=5),
    )


def test_a_socket_for_each_worker(config: Read) -> None:
    """Those of UDP and those of TCP are never taken for each other; other options make another socket."""
    sockets = {want.server: want for want in wanted(config(CHAIN), 3)}
    assert sockets["front"].count == 3
    assert sockets["front"].identity == "127.0.0.1:80 udp"
    assert sockets["http"].identity == "127.0.0.1:80"
    other = config(
        CHAIN.replace("listen: 127.0.0.1:80, server", "listen: {addr: 127.0.0.1:80, socket_buffer: 1M}, server")
    )
    assert wanted(other, 3)[0].identity not in {want.identity for want in sockets.values()}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (with_keys("offline_rebind_port: 81"), "offline_rebind_port"),
        (with_keys("tls_ticketer: {local_lifetime: 60}"), "tls_ticketer"),
        (with_tls("no_session_ticket: true"), "no_session_ticket"),
        (with_tls("disable_session_cache: true"), "disable_session_cache"),
    ],
)
def test_keys_without_effect(config: Read, text: str, key: str) -> None:
    (warning,) = config(text).warnings
    assert key in str(warning)
    assert "has no effect here" in str(warning)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            CHAIN.replace("listen: 127.0.0.1:80, server", "listen: 127.0.0.1:0, server"),
            "port 0 would be a different port",
        ),
        (CHAIN.replace("listen: 127.0.0.1:80, server", "server"), "the key 'listen' is missing"),
        (CHAIN.replace("server: http, ", "server: front, "), "the names lead in a circle"),
        (CHAIN.replace(f"{{{PAIR}}}", "{}"), "there is no certificate"),
        (CHAIN.replace("escaper: d, listen", f"escaper: d, tls_server: {{{PAIR}}}, listen"), "TLS ends here"),
        (with_tls("handshake_timeout: 0"), "0 would leave no time"),
        (with_tls("alpn: h3"), "unknown key"),
        (
            CHAIN.replace("listen: 127.0.0.1:80, server", "listen: {addr: 127.0.0.1:80, backlog: 5}, server"),
            "unknown key",
        ),
    ],
)
def test_mistakes(problems: Lines, text: str, mistake: str) -> None:
    assert mistake in "\n".join(problems(text))


def test_two_on_one_address(problems: Lines) -> None:
    second = f"  - {{name: b, type: plain_quic, listen: 80, server: http, quic_server: {{{PAIR}}}}}\n"
    text = CHAIN.replace("listen: 127.0.0.1:80, server", "listen: 80, server").replace(
        "escaper: [", second + "escaper: ["
    )
    assert "[::]:80 is taken by the server front" in "\n".join(problems(text))


def test_a_key_that_the_library_cannot_sign_with(problems: Lines, tmp_path: Path) -> None:
    """OpenSSL can: such a certificate is good for other servers."""
    leaf = authority().issue("a.test", key=ec.generate_private_key(ec.SECP521R1()))
    leaf.write(tmp_path)
    (mistake,) = problems(CHAIN)
    assert "QUIC's TLS library cannot sign with the key of leaf.crt" in mistake


def test_tls_in_quic_is_found_by_a_reload_of_one_object(config: Read) -> None:
    quic = config(CHAIN).servers["front"]
    http = config(f"""\
server: [{{name: http, type: http_proxy, escaper: d, listen: 80, tls_server: {{{PAIR}}}}}]
escaper: [{{name: d, type: dummy_deny}}]
""").servers["http"]
    assert list(tls_in_tls({"front": quic, "http": http})) == [("front", "http")]
