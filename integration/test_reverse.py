"""The reverse proxy: sites by host, with a TLS of its own for each, in front of nginx."""

import pytest

from integration.clients import Answer, curl, raw, sha256, shell
from integration.lab import Lab

TRUST = ["--cacert", "/srv/tls/authority.crt"]
PORTS = {"http": 4080, "https": 4443}


def ask(lab: Lab, url: str, *words: str) -> Answer:
    """curl, for which every name leads to the reverse proxy."""
    port = PORTS[url.partition(":")[0]]
    return curl(lab, *TRUST, "--connect-to", f"::{lab.address('proxy')}:{port}", *words, url)


@pytest.mark.parametrize("scheme", PORTS)
def test_download_is_byte_exact(lab: Lab, scheme: str) -> None:
    """By https the proxy ends TLS and speaks it again to the upstream."""
    answer = ask(lab, f"{scheme}://web.fresh.g3.test/medium.bin", "-o", "/tmp/reverse-medium")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/reverse-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


@pytest.mark.parametrize("scheme", PORTS)
def test_upload_is_byte_exact(lab: Lab, scheme: str) -> None:
    shell(lab, "[ -e /tmp/upload ] || head -c 20000003 /dev/urandom >/tmp/upload")
    answer = ask(lab, f"{scheme}://web.fresh.g3.test/upload/reverse-{scheme}", "-T", "/tmp/upload")

    assert answer.status in {201, 204}
    assert sha256(lab, f"/srv/www/upload/reverse-{scheme}") == sha256(lab, "/tmp/upload", at="client")


def test_upstream_is_told_who_asks(lab: Lab) -> None:
    answer = ask(lab, "http://site.fresh.g3.test/who", "-H", "X-Forwarded-For: 192.0.2.1")

    assert answer.body == f"site.fresh.g3.test 192.0.2.1, {lab.address('client')}\n"


def test_log(lab: Lab) -> None:
    uri = "http://site.fresh.g3.test/?log"
    ask(lab, uri)
    line = lab.task(uri=uri)

    assert (line["server_type"], line["upstream"], line["rsp_status"]) == ("HttpRProxy", "origin.g3.test:8081", 200)


def test_site_of_the_name_and_its_certificate(lab: Lab) -> None:
    """curl verifies that the certificate is for the name."""
    assert ask(lab, "https://proxy.g3.test/").body == "8082\n"


def test_site_that_wants_a_certificate(lab: Lab) -> None:
    client = ["--cert", "/srv/tls/client.crt", "--key", "/srv/tls/client.key"]
    assert ask(lab, "https://mutual.g3.test/", *client).body == "8083\n"

    refused = f"refused a connection from {lab.address('client')}: the TLS handshake failed: no_certificate"
    with lab.saying(f"server reverse-tls: {refused}"):
        assert ask(lab, "https://mutual.g3.test/").status == 0


def test_nobody_gets_to_a_site_under_the_name_of_another(lab: Lab) -> None:
    answer = ask(lab, "https://proxy.g3.test/", "-H", "Host: mutual.g3.test")

    assert (answer.status, "8083" in answer.body) == (421, False)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("http://elsewhere.example/", 404, id="host that is not served"),
        pytest.param("http://dead.fresh.g3.test/", 521, id="upstream that is not there"),
        pytest.param("https://expired.fresh.g3.test/", 525, id="upstream whose certificate has expired"),
    ],
)
def test_refusals(lab: Lab, url: str, status: int) -> None:
    """The client learns the status alone."""
    answer = ask(lab, url)

    assert answer.status == status
    assert "origin.g3.test" not in answer.body


def test_reason_of_a_refusal_is_in_the_log(lab: Lab) -> None:
    uri = "https://expired.fresh.g3.test/?reason"
    ask(lab, uri)
    line = lab.task(uri=uri)

    assert line["reason"] == "UpstreamTlsHandshakeFailed"
    assert "certificate_expired" in line["msg"]


def test_name_that_has_no_site(lab: Lab) -> None:
    refused = f"refused a connection from {lab.address('client')}: the TLS handshake failed: unrecognized_name"
    with lab.saying(f"server reverse-tls: {refused}"):
        answer = ask(lab, "https://elsewhere.example/")

    assert answer.exit_code == 35
    assert "unrecognized name" in answer.error


@pytest.mark.parametrize(
    ("data", "end", "reason"),
    [
        pytest.param(bytes.fromhex("1603010200 010001fc03"), False, "no TLS handshake in time", id="slow hello"),
        pytest.param(bytes.fromhex("1603010200 010001fc03"), True, "the TLS handshake failed: ", id="truncated hello"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", False, "the TLS handshake failed: not_tls", id="plain HTTP"),
    ],
)
def test_what_is_no_hello_is_refused(lab: Lab, data: bytes, end: bool, reason: str) -> None:
    with lab.saying(f"server reverse-tls: refused a connection from {lab.address('client')}: {reason}"):
        assert b"HTTP" not in raw(lab, 4443, data, end=end)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"400", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400", id="two hosts"),
        pytest.param(b"CONNECT origin.g3.test:80 HTTP/1.1\r\nHost: origin.g3.test\r\n\r\n", b"501", id="CONNECT"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: web.fresh", b"408", id="slow request"),
    ],
)
def test_requests_that_go_nowhere(lab: Lab, data: bytes, status: bytes) -> None:
    assert raw(lab, 4080, data, end=status != b"408").startswith(b"HTTP/1.1 " + status)
