"""A port for QUIC in front of the HTTP proxy. The client is in the gateway's container, which has the library."""

import pytest

from integration.clients import sha256
from integration.lab import Done, Lab


def ask(lab: Lab, certificate: str, *urls: str) -> Done:
    command = ["/opt/g3/bin/python", "/etc/g3proxyd/quic_client.py", lab.address("proxy"), "2445", certificate]
    return lab.run("gateway", *command, *urls)


def test_streams_at_once_are_byte_exact(lab: Lab) -> None:
    paths = ["medium.bin", "hello.txt", "medium.bin"]
    done = ask(lab, "client", *(f"http://origin.g3.test/{path}" for path in paths))

    assert done.stdout.split() == [sha256(lab, f"/srv/www/{path}") for path in paths], done.stderr


def test_log_of_a_stream(lab: Lab) -> None:
    uri = "http://origin.g3.test/hello.txt?quic"
    ask(lab, "client", uri)
    line = lab.task(uri=uri)

    assert line["client_addr"].startswith(f"{lab.address('gateway')}:")
    assert (line["server_name"], line["reason"]) == ("http", "Finished")


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("-", "no_certificate"),
        ("unknown-client", "certificate_issuer"),
        ("expired-client", "certificate_expired"),
    ],
)
def test_wrong_certificate(lab: Lab, certificate: str, reason: str) -> None:
    refused = f"refused a connection from {lab.address('gateway')}: the TLS handshake failed: {reason}"
    with lab.saying(f"server quic: {refused}"):
        done = ask(lab, certificate, "http://origin.g3.test/hello.txt")

    assert done.returncode != 0
    assert done.stdout == ""
