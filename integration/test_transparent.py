"""A guest that knows nothing of a proxy, behind a firewall that leads its connections to one (TPROXY)."""

import pytest

from integration.lab import Lab, eventually

CURL = ["curl", "-sS", "--max-time", "20", "--cacert", "/srv/tls/authority.crt"]


def digest(lab: Lab, url: str) -> str:
    """Of what the guest gets."""
    done = lab.run("guest", "sh", "-eu", "-c", '"$@" -o /tmp/got; sha256sum /tmp/got', "sh", *CURL, url)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


@pytest.mark.parametrize("url", ["http://origin.g3.test/medium.bin", "https://origin.g3.test/medium.bin"])
def test_guest_gets_what_the_origin_has(lab: Lab, url: str) -> None:
    """Port 80 leads to tcp_tproxy, port 443 to a transparent sni_proxy; the guest sees the origin's address."""
    there = lab.run("origin", "sha256sum", "/srv/www/medium.bin").stdout.split()[0]

    assert digest(lab, url) == there


def test_log_tells_who_wanted_to_go_where(lab: Lab) -> None:
    lab.run("guest", *CURL, "http://origin.g3.test:8083/")
    target = f"{lab.address('origin')}:8083"
    line = lab.task("gateway", upstream=target)

    assert (line["server_type"], line["server_name"], line["reason"]) == ("TcpTProxy", "transparent", "Finished")
    assert line["client_addr"].startswith(f"{lab.address('guest')}:")
    assert line["server_addr"] == line["next_peer_addr"] == target


def test_log_tells_the_name(lab: Lab) -> None:
    lab.run("guest", *CURL, "https://origin.g3.test/hello.txt")
    fields = {
        "server_type": "SniProxy",
        "upstream": "origin.g3.test:443",
        "server_addr": f"{lab.address('origin')}:443",
    }

    assert eventually(lambda: bool(lab.task_logs("gateway", **fields)))


def test_origin_sees_the_gateway(lab: Lab) -> None:
    """A connection of its own: nothing comes from the guest itself."""
    lab.run("guest", *CURL, "http://origin.g3.test/hello.txt?who")
    lines = [line for line in lab.log("origin").splitlines() if "?who" in line]

    assert [line.split()[0] for line in lines] == [lab.address("gateway")]


def test_nobody_listens_there(lab: Lab) -> None:
    """The guest is connected before the proxy is; so it is closed without a word."""
    done = lab.run("guest", *CURL, "http://origin.g3.test:82/")

    assert done.returncode in {52, 56}
    assert lab.task("gateway", upstream=f"{lab.address('origin')}:82")["reason"] == "UpstreamNotConnected"


def test_name_that_is_not_allowed(lab: Lab) -> None:
    with lab.saying("server transparent-names: refused a connection", "gateway"):
        done = lab.run("guest", *CURL, "https://wrong-name.g3.test/")

    assert done.returncode == 35


def test_direct_connection_to_the_transparent_server(lab: Lab) -> None:
    """Else it would connect to itself without end."""
    with lab.saying("server transparent: refused a connection", "gateway"):
        done = lab.run("guest", *CURL, f"http://{lab.address('gateway')}:9000/")

    assert done.returncode in {52, 56}
