"""Ports in front of the proxies: PROXY headers of a balancer, TLS around SOCKS, HTTP and SOCKS on one port."""

import pytest

from integration.clients import Answer, curl, raw, sha256
from integration.lab import Lab

HELLO = "hello from the origin\n"
REQUEST = b"GET http://origin.g3.test/hello.txt HTTP/1.1\r\nHost: origin.g3.test\r\nConnection: close\r\n\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def via_balancer(lab: Lab, port: int, url: str, *words: str) -> Answer:
    return curl(lab, "-x", f"http://{lab.address('balancer')}:{port}", *words, url)


def refusal(lab: Lab, server: str, reason: str, source: str | None = None) -> str:
    return f"server {server}: refused a connection from {source or lab.address('client')}: {reason}"


@pytest.mark.parametrize("version", [1, 2])
def test_balancer_tells_the_client_s_address(lab: Lab, version: int) -> None:
    uri = f"http://origin.g3.test/hello.txt?version-{version}"
    answer = via_balancer(lab, 8000 + version, uri)
    line = lab.task(uri=uri)

    assert (answer.status, answer.body) == (200, HELLO)
    assert line["client_addr"].startswith(f"{lab.address('client')}:")
    assert line["server_addr"] == f"{lab.address('balancer')}:{8000 + version}"


@pytest.mark.parametrize("version", [1, 2])
def test_download_behind_a_header_is_byte_exact(lab: Lab, version: int) -> None:
    answer = via_balancer(lab, 8000 + version, "http://origin.g3.test/medium.bin", "-o", "/tmp/port-medium")

    assert answer.status == 200
    assert sha256(lab, "/tmp/port-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_curl_writes_a_header_too(lab: Lab) -> None:
    uri = "http://origin.g3.test/hello.txt?curl"
    proxy = f"http://{lab.address('proxy')}:2001"

    assert curl(lab, "-x", proxy, "--haproxy-protocol", uri).body == HELLO


@pytest.mark.parametrize("port", [8003, 8004], ids=["no header", "version 2"])
def test_balancer_without_the_right_header(lab: Lab, port: int) -> None:
    with lab.saying(refusal(lab, "version-1", "signature", lab.address("balancer"))):
        answer = via_balancer(lab, port, "http://origin.g3.test/hello.txt")

    assert (answer.exit_code != 0, answer.status) == (True, 0)


@pytest.mark.parametrize(
    ("port", "data", "reason"),
    [
        pytest.param(2001, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "line", id="1: port"),
        pytest.param(2001, b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "line", id="1: address"),
        pytest.param(2001, b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "line", id="1: too few fields"),
        pytest.param(2001, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "line", id="1: bare LF"),
        pytest.param(2001, b"PROXY " + b"x" * 200, "line", id="1: too long"),
        pytest.param(2001, REQUEST, "signature", id="1: none"),
        pytest.param(2002, REQUEST, "signature", id="2: none"),
        pytest.param(2002, SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), "version", id="2: version 3"),
        pytest.param(2002, SIGNATURE + b"\x21\x11\x00\x04" + bytes(4), "length", id="2: addresses too short"),
        pytest.param(2002, SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12), "transport", id="2: datagrams"),
    ],
)
def test_header_with_a_fault(lab: Lab, port: int, data: bytes, reason: str) -> None:
    """Closed without a word, and the request behind the header goes nowhere."""
    with lab.saying(refusal(lab, f"version-{port - 2000}", reason)):
        assert raw(lab, port, data + REQUEST) == b""


@pytest.mark.parametrize(("port", "part"), [(2001, b"PROXY TCP4 192"), (2002, SIGNATURE + b"\x21"), (2002, b"")])
def test_header_that_does_not_come_in_time(lab: Lab, port: int, part: bytes) -> None:
    with lab.saying(refusal(lab, f"version-{port - 2000}", "timeout: ")):
        assert raw(lab, port, part) == b""


def test_only_the_balancer_may_send_a_header(lab: Lab) -> None:
    header = f"PROXY TCP4 {lab.address('balancer')} 192.0.2.2 1 2\r\n".encode()

    assert raw(lab, 2003, header + REQUEST) == b""


@pytest.mark.parametrize("port", [1081, 1082], ids=["plain_tls_port", "native_tls_port behind a PROXY header"])
@pytest.mark.parametrize("version", ["socks4a", "socks5-hostname"])
def test_socks_inside_tls(lab: Lab, port: int, version: str) -> None:
    """curl speaks SOCKS to haproxy, and haproxy TLS to the port, whose certificate it verifies."""
    answer = curl(
        lab,
        f"--{version}",
        f"{lab.address('balancer')}:{port}",
        "http://origin.g3.test/medium.bin",
        "-o",
        "/tmp/tls-socks",
    )

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/tls-socks", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_header_before_tls_tells_the_client_s_address(lab: Lab) -> None:
    curl(lab, "--socks5-hostname", f"{lab.address('balancer')}:1082", "http://port-tls.fresh.g3.test/hello.txt")
    line = lab.task(upstream="port-tls.fresh.g3.test:80")

    assert line["client_addr"].startswith(f"{lab.address('client')}:")
    assert (line["server_name"], line["task_type"]) == ("socks", "TcpConnect")


@pytest.mark.parametrize(
    ("data", "end", "reason"),
    [
        pytest.param(b"\x05\x01\x00\x00\x00\x00", False, "the TLS handshake failed: not_tls", id="plain SOCKS"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", True, "the TLS handshake failed: truncated", id="truncated hello"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", False, "no TLS handshake in time", id="slow hello"),
    ],
)
def test_what_is_no_tls_is_refused(lab: Lab, data: bytes, end: bool, reason: str) -> None:
    with lab.saying(refusal(lab, "plain-tls", reason)):
        assert b"\x05\x00" not in raw(lab, 2443, data, end=end)


@pytest.mark.parametrize(
    "way",
    [["-x", "http://{}:2080"], ["--proxytunnel", "-x", "http://{}:2080"]]
    + [[f"--{version}", "{}:2080"] for version in ("socks4", "socks4a", "socks5", "socks5-hostname")],
    ids=["http", "connect", "socks4", "socks4a", "socks5", "socks5h"],
)
def test_one_port_for_http_and_socks(lab: Lab, way: list[str]) -> None:
    words = [word.format(lab.address("proxy")) for word in way]
    answer = curl(lab, *words, "http://origin.g3.test/medium.bin", "-o", "/tmp/either")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/either", at="client") == sha256(lab, "/srv/www/medium.bin")


@pytest.mark.parametrize(
    ("data", "end", "reason"),
    [
        pytest.param(
            b"\x16\x03\x01\x02\x00", False, "protocol: neither HTTP nor SOCKS begins with the byte 0x16", id="TLS"
        ),
        pytest.param(b"", False, "timeout: the client said nothing", id="silence"),
        pytest.param(b"", True, "closed: the client left without a word", id="end"),
    ],
)
def test_neither_http_nor_socks(lab: Lab, data: bytes, end: bool, reason: str) -> None:
    with lab.saying(refusal(lab, "either", reason)):
        assert raw(lab, 2080, data, end=end) == b""
