"""SOCKS 4, 4a and 5: curl and PySocks against nginx."""

import pytest

from integration.clients import sha256, via_socks
from integration.lab import Done, Lab

HELLO = "hello from the origin\n"
CURL_VERSIONS = ["socks4", "socks4a", "socks5", "socks5-hostname"]
PYSOCKS_VERSIONS = ["4", "4a", "5", "5h"]


def pysocks(lab: Lab, version: str, host: str, path: str = "/hello.txt") -> Done:
    return lab.client("/usr/bin/python3", "/srv/socks_client.py", version, lab.socks_proxy, host, path)


@pytest.mark.parametrize("version", CURL_VERSIONS)
def test_curl_gets_a_page(lab: Lab, version: str) -> None:
    answer = via_socks(lab, version, "http://origin.g3.test/hello.txt")

    assert (answer.status, answer.body) == (200, HELLO), answer.error


@pytest.mark.parametrize("version", CURL_VERSIONS)
def test_curl_gets_a_page_over_tls(lab: Lab, version: str) -> None:
    answer = via_socks(lab, version, "https://origin.g3.test/hello.txt", "--cacert", "/srv/tls/authority.crt")

    assert (answer.status, answer.body) == (200, HELLO), answer.error


def test_big_download_is_byte_exact(lab: Lab) -> None:
    answer = via_socks(lab, "socks5-hostname", "http://origin.g3.test/big.bin", "-o", "/tmp/socks-big")

    assert answer.status == 200
    assert sha256(lab, "/tmp/socks-big", at="client") == sha256(lab, "/srv/www/big.bin")


def test_upload_is_byte_exact(lab: Lab) -> None:
    lab.client("sh", "-c", "head -c 20000003 /dev/urandom >/tmp/socks-upload")
    answer = via_socks(lab, "socks5-hostname", "http://origin.g3.test/upload/socks", "-T", "/tmp/socks-upload")

    assert answer.status in {201, 204}
    assert sha256(lab, "/srv/www/upload/socks") == sha256(lab, "/tmp/socks-upload", at="client")


@pytest.mark.parametrize("version", PYSOCKS_VERSIONS)
def test_pysocks_gets_a_file(lab: Lab, version: str) -> None:
    done = pysocks(lab, version, "origin.g3.test", "/big.bin")

    assert done.stdout.split() == ["200", sha256(lab, "/srv/www/big.bin")], done.stderr


@pytest.mark.parametrize(
    ("host", "reply"),
    [
        ("no-such-name.g3.test", "0x04: Host unreachable"),
        ("origin.g3.test:81", "0x05: Connection refused"),
        ("loopback.g3.test", "0x02: Connection not allowed by ruleset"),
        ("127.0.0.1", "0x02: Connection not allowed by ruleset"),
    ],
)
def test_socks5_tells_why_not(lab: Lab, host: str, reply: str) -> None:
    done = pysocks(lab, "5h", host)

    assert done.returncode == 1
    assert reply in done.stderr


def test_socks4_refuses(lab: Lab) -> None:
    done = pysocks(lab, "4a", "no-such-name.g3.test")

    assert done.returncode == 1
    assert "0x5b: Request rejected or failed" in done.stderr
