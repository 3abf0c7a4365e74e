"""TLS between client and proxy, with and without certificates of clients, and https that the proxy speaks itself."""

import pytest

from integration.clients import Answer, curl, raw, sha256, shell
from integration.lab import Lab

HELLO = "hello from the origin\n"
MEDIUM = 4_194_305
TRUST = ["--cacert", "/srv/tls/authority.crt", "--proxy-cacert", "/srv/tls/authority.crt"]
# The beginning of a ClientHello: a record of 512 bytes is announced, 5 come.
TRUNCATED_HELLO = bytes.fromhex("1603010200 010001fc03")


def via_https(lab: Lab, url: str, *words: str, port: int = 8443) -> Answer:
    """curl with TLS to the proxy: requests for http go in the absolute form, those for https by CONNECT."""
    return curl(lab, "-x", f"https://proxy.g3.test:{port}", *TRUST, *words, url)


def absolute(lab: Lab, uri: str, *words: str, port: int = 8080) -> Answer:
    """A request for an https URI in the absolute form: the proxy has to speak TLS with the origin."""
    return curl(
        lab, f"http://proxy.g3.test:{port}/", "--request-target", uri, "-H", f"Host: {uri.split('/')[2]}", *words
    )


def certificate(name: str) -> list[str]:
    return ["--proxy-cert", f"/srv/tls/{name}.crt", "--proxy-key", f"/srv/tls/{name}.key"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_proxy(lab: Lab, scheme: str) -> None:
    answer = via_https(lab, f"{scheme}://origin.g3.test/hello.txt")

    assert (answer.status, answer.body) == (200, HELLO), answer.error


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_download_is_byte_exact(lab: Lab, scheme: str) -> None:
    answer = via_https(lab, f"{scheme}://origin.g3.test/medium.bin", "-o", "/tmp/tls-medium")

    assert (answer.status, answer.size) == (200, MEDIUM)
    assert sha256(lab, "/tmp/tls-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_upload_is_byte_exact(lab: Lab, scheme: str) -> None:
    shell(lab, "[ -e /tmp/upload ] || head -c 20000003 /dev/urandom >/tmp/upload")
    answer = via_https(lab, f"{scheme}://origin.g3.test/upload/tls-{scheme}", "-T", "/tmp/upload")

    assert answer.status in {201, 204}
    assert sha256(lab, f"/srv/www/upload/tls-{scheme}") == sha256(lab, "/tmp/upload", at="client")


def test_certificate_of_the_proxy_is_for_its_name(lab: Lab) -> None:
    """curl's own verdict."""
    answer = curl(lab, "-x", f"https://{lab.address('proxy')}:8443", *TRUST, "http://origin.g3.test/hello.txt")

    assert (answer.exit_code, answer.status) == (60, 0)


def test_client_that_does_not_trust_the_proxy(lab: Lab) -> None:
    refused = f"refused a connection from {lab.address('client')}: the TLS handshake failed: alert:unknown_ca"
    with lab.saying(f"server https: {refused}"):
        answer = curl(lab, "-x", "https://proxy.g3.test:8443", "http://origin.g3.test/hello.txt")

    assert (answer.exit_code, answer.status) == (60, 0)


def test_client_with_the_right_certificate(lab: Lab) -> None:
    answer = via_https(lab, "https://origin.g3.test/hello.txt", *certificate("client"), port=8444)

    assert (answer.status, answer.body) == (200, HELLO), answer.error


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        pytest.param([], "no_certificate", id="none"),
        pytest.param(certificate("unknown-client"), "certificate_issuer", id="of an unknown issuer"),
        pytest.param(certificate("expired-client"), "certificate_expired", id="expired"),
        pytest.param(certificate("origin"), "certificate_purpose", id="of a server"),
    ],
)
def test_client_with_the_wrong_certificate(lab: Lab, shown: list[str], reason: str) -> None:
    refused = f"server mutual: refused a connection from {lab.address('client')}: the TLS handshake failed: {reason}"
    with lab.saying(refused):
        answer = via_https(lab, "http://origin.g3.test/hello.txt", *shown, port=8444)

    assert (answer.exit_code != 0, answer.status) == (True, 0)


@pytest.mark.parametrize(
    ("data", "end", "reason"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", False, "the TLS handshake failed: plain_http", id="plain HTTP"),
        pytest.param(b"\x05\x01\x00", True, "the TLS handshake failed: truncated", id="three bytes and an end"),
        pytest.param(b"\x05\x01\x00\x00\x00\x00", False, "the TLS handshake failed: not_tls", id="SOCKS"),
        pytest.param(TRUNCATED_HELLO, True, "the TLS handshake failed: truncated", id="truncated ClientHello"),
        pytest.param(TRUNCATED_HELLO, False, "no TLS handshake in time", id="slow ClientHello"),
        pytest.param(b"", False, "no TLS handshake in time", id="silence"),
    ],
)
def test_what_is_no_handshake_is_refused(lab: Lab, data: bytes, end: bool, reason: str) -> None:
    with lab.saying(f"server https: refused a connection from {lab.address('client')}: {reason}"):
        answer = raw(lab, 8443, data, end=end)

    assert b"HTTP" not in answer


def test_proxy_speaks_tls_for_an_absolute_uri(lab: Lab) -> None:
    uri = "https://origin.g3.test/hello.txt?absolute"
    answer = absolute(lab, uri)

    assert (answer.status, answer.body) == (200, HELLO), answer.error
    assert lab.task(uri=uri)["task_type"] == "HttpForward"


def test_download_for_an_absolute_uri_is_byte_exact(lab: Lab) -> None:
    answer = absolute(lab, "https://origin.g3.test/medium.bin", "-o", "/tmp/absolute-medium")

    assert (answer.status, answer.size) == (200, MEDIUM)
    assert sha256(lab, "/tmp/absolute-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_upload_for_an_absolute_uri_is_byte_exact(lab: Lab) -> None:
    shell(lab, "[ -e /tmp/upload ] || head -c 20000003 /dev/urandom >/tmp/upload")
    answer = absolute(lab, "https://origin.g3.test/upload/absolute", "-T", "/tmp/upload")

    assert answer.status in {201, 204}
    assert sha256(lab, "/srv/www/upload/absolute") == sha256(lab, "/tmp/upload", at="client")


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("expired.g3.test", "certificate_expired"),
        ("wrong-name.g3.test", "certificate_name"),
        ("unknown-issuer.g3.test", "certificate_issuer"),
        ("origin.g3.test:80", "not_tls"),
    ],
)
def test_origin_whose_tls_is_at_fault(lab: Lab, host: str, fault: str) -> None:
    """The reason is on the page for the client, and in the log; nothing of the origin comes through."""
    uri = f"https://{host}/hello.txt"
    answer = absolute(lab, uri)

    assert answer.status == 525
    assert fault in answer.body
    line = lab.task(uri=uri)
    assert line["reason"] == "UpstreamTlsHandshakeFailed"
    assert fault in line["msg"]


def test_origin_that_wants_a_certificate_of_the_proxy(lab: Lab) -> None:
    answer = absolute(lab, "https://mutual.g3.test/", port=8081)

    assert (answer.status, answer.body) == (200, "SUCCESS\n")


def test_origin_that_wants_a_certificate_and_gets_none(lab: Lab) -> None:
    """nginx takes the connection and says in its answer that it was not enough."""
    answer = absolute(lab, "https://mutual.g3.test/")

    assert answer.status == 400
    assert "No required SSL certificate was sent" in answer.body
