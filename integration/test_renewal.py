"""Certificates that are renewed while connections last."""

from collections.abc import Iterator

import pytest

from integration.clients import curl
from integration.lab import Done, Lab

OLD, NEW = "leaf", "renewed"  # the common names in the certificates
CONTROL = ["/opt/g3/bin/g3proxy-ctl", "-G", "main"]


def install(lab: Lab, name: str) -> None:
    """Put certificate and key where the server has read them."""
    for kind in ("crt", "key"):
        done = lab.run("proxy", "cp", f"/srv/tls/{name}.{kind}", f"/tmp/tls/proxy.{kind}")
        assert done.returncode == 0, done.stderr


def reload(lab: Lab) -> Done:
    return lab.run("proxy", *CONTROL, "reload")


@pytest.fixture
def old_certificate(lab: Lab) -> Iterator[None]:
    """The test begins with the old one, and so does whatever comes behind it."""
    yield
    install(lab, "proxy")
    assert reload(lab).returncode == 0


def shown(lab: Lab) -> str:
    """The common name of the certificate that a new connection sees."""
    command = (
        "openssl s_client -connect proxy.g3.test:8443 -CAfile /srv/tls/authority.crt -verify_return_error </dev/null"
    )
    done = lab.client("sh", "-c", f"{command} | openssl x509 -noout -subject -nameopt multiline")
    return done.stdout.split("= ")[-1].strip()


@pytest.mark.usefixtures("old_certificate")
@pytest.mark.parametrize("how", [["reload"], ["reload-server", "https"]], ids=["all", "one server"])
def test_a_new_certificate(lab: Lab, how: list[str]) -> None:
    """New connections see it at once; a tunnel that is open goes on as it began."""
    assert shown(lab) == OLD
    with lab.talking("client", "/usr/bin/python3", "/srv/kept_tunnel.py", "proxy.g3.test", "8443") as tunnel:

        def ask() -> str:
            assert tunnel.stdin is not None
            assert tunnel.stdout is not None
            print(file=tunnel.stdin, flush=True)
            return tunnel.stdout.readline()

        assert ask() == f"200 {OLD}\n"
        install(lab, "renewed")
        assert ask() == f"200 {OLD}\n"
        assert shown(lab) == OLD, "files count when they are read again"

        done = lab.run("proxy", *CONTROL, *how)
        assert done.returncode == 0, done.stderr

        assert shown(lab) == NEW
        assert ask() == f"200 {OLD}\n"
    trust = ["--proxy-cacert", "/srv/tls/authority.crt"]
    assert curl(lab, "-x", "https://proxy.g3.test:8443", *trust, "http://origin.g3.test/hello.txt").status == 200


@pytest.mark.usefixtures("old_certificate")
def test_a_key_that_does_not_belong_to_the_certificate(lab: Lab) -> None:
    """The reload is refused with the reason, and the old certificate stays."""
    lab.run("proxy", "cp", "/srv/tls/renewed.key", "/tmp/tls/proxy.key")

    done = reload(lab)

    assert done.returncode == 1
    assert "server https.tls_server" in done.stderr
    assert shown(lab) == OLD
