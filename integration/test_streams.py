"""Clients that know nothing of a proxy: servers that lead to fixed places, or to the name in the first bytes."""

from collections import Counter

import pytest

from integration.clients import Answer, curl, raw, sha256, shell
from integration.lab import Lab, eventually

HELLO = "hello from the origin\n"
SITES = {"8081", "8082", "8083"}
TRUST = ["--cacert", "/srv/tls/authority.crt"]
CLIENT = ["--cert", "/srv/tls/client.crt", "--key", "/srv/tls/client.key"]


def answers(lab: Lab, port: int, times: int) -> Counter[str]:
    """What as many connections, one after the other, are answered; a connection that is closed is `-`."""
    script = 'for _ in $(seq "$1"); do curl -sS --max-time 10 "$2" 2>/dev/null || echo -; done'
    return Counter(shell(lab, script, str(times), f"http://{lab.address('proxy')}:{port}/").split())


def test_random_pick(lab: Lab) -> None:
    """That one of three is never met in 60 draws happens to nobody."""
    assert answers(lab, 3001, 60).keys() == SITES


def test_round_robin(lab: Lab) -> None:
    """Each of two workers has turns of its own, so that none gets more than one extra from either."""
    found = answers(lab, 3002, 30)

    assert found.keys() == SITES
    assert max(found.values()) - min(found.values()) <= 2


def test_serial(lab: Lab) -> None:
    assert answers(lab, 3003, 10) == {"8082": 10}, "the heaviest"


@pytest.mark.parametrize("port", [3004, 3005, 3006], ids=["ketama", "rendezvous", "jump_hash"])
def test_consistent_pick(lab: Lab, port: int) -> None:
    found = answers(lab, port, 10)

    assert len(found) == 1
    assert found.keys() < SITES


def test_one_of_two_is_dead(lab: Lab) -> None:
    """Who is led to the dead one is closed without a word, and the log says why; the other one is not disturbed."""
    found = answers(lab, 3007, 20)

    assert found.keys() == {"-", "8081"}
    expected = {
        ("origin.g3.test:81", "UpstreamNotConnected"): found["-"],
        ("origin.g3.test:8081", "Finished"): found["8081"],
    }
    assert eventually(lambda: sum(reasons(lab, "half-dead").values()) == 20)
    assert reasons(lab, "half-dead") == expected


def reasons(lab: Lab, server: str) -> Counter[tuple[str, str]]:
    """Where a server's clients were led, and how that ended."""
    lines = lab.task_logs(server_name=server, task_event="Finished")
    return Counter((line["upstream"], line["reason"]) for line in lines)


def test_fixed_place_is_byte_exact(lab: Lab) -> None:
    answer = curl(lab, "http://proxy.g3.test:3080/medium.bin", "-o", "/tmp/stream-medium")

    assert answer.status == 200
    assert sha256(lab, "/tmp/stream-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_tls_towards_the_fixed_place(lab: Lab) -> None:
    answer = curl(lab, "http://proxy.g3.test:3081/medium.bin", "-o", "/tmp/stream-medium")

    assert answer.status == 200
    assert sha256(lab, "/tmp/stream-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_fixed_place_with_an_expired_certificate(lab: Lab) -> None:
    answer = curl(lab, "http://proxy.g3.test:3082/hello.txt")
    line = lab.task(server_name="to-expired")

    assert (answer.exit_code != 0, answer.status) == (True, 0)
    assert line["reason"] == "UpstreamTlsHandshakeFailed"
    assert "certificate_expired" in line["msg"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tls_stream_is_byte_exact(lab: Lab, version: str) -> None:
    versions = [f"--tlsv{version}", "--tls-max", version]
    answer = curl(lab, *TRUST, *CLIENT, *versions, "https://proxy.g3.test:3443/medium.bin", "-o", "/tmp/stream-medium")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/stream-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "no_certificate"), ("unknown-client", "certificate_issuer"), ("expired-client", "certificate_expired")],
)
def test_tls_stream_and_the_wrong_certificate(lab: Lab, name: str, reason: str) -> None:
    shown = ["--cert", f"/srv/tls/{name}.crt", "--key", f"/srv/tls/{name}.key"] if name else []
    with lab.saying(
        f"server tls: refused a connection from {lab.address('client')}: the TLS handshake failed: {reason}"
    ):
        answer = curl(lab, *TRUST, *shown, "https://proxy.g3.test:3443/hello.txt")

    assert (answer.exit_code != 0, answer.status) == (True, 0)


def via_sni(lab: Lab, url: str, *words: str) -> Answer:
    """curl, whose name server lies to it: everything is at the proxy's one port."""
    return curl(lab, *TRUST, "--connect-to", f"::{lab.address('proxy')}:443", *words, url)


@pytest.mark.parametrize("url", ["https://origin.g3.test/medium.bin", "http://origin.g3.test:80/medium.bin"])
def test_name_in_the_first_bytes(lab: Lab, url: str) -> None:
    """TLS and HTTP on one port; TLS is the origin's, which curl verifies.

    curl leaves the port of http out of Host, and the server takes its own instead: so it is written.
    """
    answer = via_sni(lab, url, "-o", "/tmp/sni-medium", "-H", "Host: origin.g3.test:80")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/sni-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_port_in_the_host_field(lab: Lab) -> None:
    assert via_sni(lab, "http://origin.g3.test:8083/").body == "8083\n"


def test_name_that_is_not_allowed(lab: Lab) -> None:
    """Each client is told in its own protocol: an alert of TLS, a status of HTTP."""
    client = lab.address("client")
    with lab.saying(f"server sni: refused a connection from {client}: not_allowed"):
        assert via_sni(lab, "http://elsewhere.example/").status == 403
    with lab.saying(f"server sni: refused a connection from {client}: not_allowed"):
        answer = via_sni(lab, "https://elsewhere.example/")

    assert answer.exit_code == 35
    assert "unrecognized name" in answer.error


@pytest.mark.parametrize(
    ("data", "end", "reason", "reply"),
    [
        pytest.param(b"", False, "timeout: the client said nothing", b"", id="silence"),
        pytest.param(bytes.fromhex("1603010200 010001fc03"), False, "timeout: ", b"", id="slow hello"),
        pytest.param(bytes.fromhex("1603010200 010001fc03"), True, "closed", b"", id="truncated hello"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: ori", False, "timeout: ", b"HTTP/1.1 408 ", id="slow request"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", False, "", b"HTTP/1.1 400 ", id="no name"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: origin.g3.test\r\nHost: b\r\n\r\n", False, "", b"HTTP/1.1 400 ", id="two names"
        ),
        pytest.param(
            b"CONNECT origin.g3.test:80 HTTP/1.1\r\nHost: origin.g3.test\r\n\r\n",
            False,
            "",
            b"HTTP/1.1 405 ",
            id="CONNECT",
        ),
        pytest.param(b"\x05\x01\x00", False, "", b"HTTP/1.1 400 ", id="SOCKS"),
    ],
)
def test_first_bytes_without_a_name(lab: Lab, data: bytes, end: bool, reason: str, reply: bytes) -> None:
    with lab.saying(f"server sni: refused a connection from {lab.address('client')}: {reason}"):
        answer = raw(lab, 443, data, end=end)

    assert answer.startswith(reply)
    assert bool(answer) == bool(reply)
