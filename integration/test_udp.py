"""Datagrams over SOCKS5: PySocks and dnspython, dnsmasq and an echo."""

import pytest

from integration.lab import Done, Lab

ONE_TARGET, MANY_TARGETS = 1080, 1081


def udp(lab: Lab, port: int, *words: str) -> Done:
    return lab.client("/usr/bin/python3", "/srv/udp_client.py", f"{lab.address('proxy')}:{port}", *words)


@pytest.mark.parametrize("port", [ONE_TARGET, MANY_TARGETS])
def test_questions_to_a_name_server(lab: Lab, port: int) -> None:
    done = udp(lab, port, "dns", lab.address("dns"), "origin.g3.test", "A")
    assert done.stdout.split() == ["origin.g3.test.", "60", "IN", "A", lab.address("origin")], done.stderr

    done = udp(lab, port, "dns", lab.address("dns"), "empty.g3.test", "TXT")
    assert done.stdout.split(maxsplit=4)[-1] == '"no address here"\n', done.stderr


@pytest.mark.parametrize("port", [ONE_TARGET, MANY_TARGETS])
@pytest.mark.parametrize("name", ["", "udp-echo.fresh.g3.test"], ids=["address", "name"])
def test_datagrams_come_back_as_they_were(lab: Lab, port: int, name: str) -> None:
    """From nothing at all to the largest that is relayed unless the configuration says more.

    Where there is one target the headers of its answers have the words of the client, else its address.
    """
    address = lab.address("origin")
    sizes = ["0", "1", "1472", "1473", "4096"]
    done = udp(lab, port, "echo", name or address, *sizes)
    source = repr(name.encode()) if name and port == ONE_TARGET else address

    assert done.stdout.split("\n")[:-1] == [f"{size} {source}" for size in sizes], done.stderr


def test_log_of_a_session_with_one_target(lab: Lab) -> None:
    udp(lab, ONE_TARGET, "echo", "udp-log-one.fresh.g3.test", "1000", "1000", "1000")
    line = lab.task(upstream="udp-log-one.fresh.g3.test:7")

    assert (line["server_name"], line["task_type"], line["reason"]) == ("socks", "UdpConnect", "ClosedByClient")
    assert line["tcp_client_addr"].startswith(f"{lab.address('client')}:")
    assert line["udp_client_addr"].startswith(f"{lab.address('client')}:")
    assert line["next_peer_addr"] == f"{lab.address('origin')}:7"
    packets = [line[f"{side}_packets"] for side in ("c_rd", "c_wr", "r_rd", "r_wr")]
    assert packets == [3, 3, 3, 3]
    assert line["r_rd_bytes"] == line["r_wr_bytes"] == 3000


def test_log_of_a_session_with_many_targets(lab: Lab) -> None:
    udp(lab, MANY_TARGETS, "echo", "udp-log-many.fresh.g3.test", "1000")
    line = lab.task(initial_peer="udp-log-many.fresh.g3.test:7")

    assert (line["server_name"], line["task_type"], line["reason"]) == (
        "socks-associate",
        "UdpAssociate",
        "ClosedByClient",
    )


def test_second_target(lab: Lab) -> None:
    """It ends a session that has one; others have any number."""
    done = udp(lab, ONE_TARGET, "send", "udp-second.fresh.g3.test", "7", "8")

    assert done.stdout == "ended\n", done.stderr
    assert lab.task(upstream="udp-second.fresh.g3.test:7")["reason"] == "InvalidClientProtocol"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.9", "ForbiddenByRule"),
        ("loopback.g3.test", "ForbiddenByRule"),
        ("udp.nowhere.example", "UpstreamNotResolved"),
    ],
)
def test_target_that_cannot_be(lab: Lab, host: str, reason: str) -> None:
    done = udp(lab, ONE_TARGET, "send", host, "7")

    assert done.stdout == "ended\n", done.stderr
    assert lab.task(upstream=f"{host}:7", task_type="UdpConnect")["reason"] == reason


def test_loss_of_a_target_is_no_loss_of_the_session(lab: Lab) -> None:
    """A port where nobody is, and an address that is forbidden; what comes behind them is carried."""
    origin = lab.address("origin")
    done = udp(lab, MANY_TARGETS, "despite", origin, f"{origin}:8", "127.0.0.1:7", f"{lab.address('dns')}:9")

    assert done.stdout == "echoed\n", done.stderr
