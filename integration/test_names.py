"""Names that the daemon asks unbound for: over UDP, TLS and HTTPS, and with a second server in reserve."""

import re
import time
from collections import Counter

import pytest

from integration.clients import via_entrance
from integration.lab import Lab, Service, eventually
from integration.load import under_load

COUNTERS = {"udp": None, "tls": "num.query.tls", "https": "num.query.https"}


def statistics(lab: Lab, service: Service = "names") -> dict[str, int]:
    """What a name server has counted since it began."""
    done = lab.run(service, "unbound-control", "-c", "/tmp/unbound.conf", "stats_noreset")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.split("=") for line in done.stdout.splitlines())
    return {key: int(value) for key, value in figures.items() if value.isdigit()}


def asked(lab: Lab, service: Service) -> Counter[str]:
    """How often a name server has been asked for each name, all its lives together."""
    return Counter(re.findall(r"info: \S+ (\S+)\. A IN", lab.process_log(service)))


@pytest.mark.parametrize("way", COUNTERS)
def test_name_is_asked_for_once(lab: Lab, way: str) -> None:
    """Three requests: the first one asks, over the protocol of the configuration, and the others remember.

    unbound counts HTTPS as TLS, too.
    """
    before = statistics(lab)
    for _ in range(3):
        assert via_entrance(lab, f"http://once.{way}.fresh.g3.test/hello.txt").status == 200
    after = statistics(lab)

    counted = {key: after[key] - before[key] for key in ("total.num.queries", "num.query.tls", "num.query.https")}
    expected = {"total.num.queries": 1, "num.query.tls": int(way != "udp"), "num.query.https": int(way == "https")}
    assert counted == expected


@pytest.mark.parametrize("way", COUNTERS)
def test_ten_names(lab: Lab, way: str) -> None:
    """Each is a question; with encryption all of them take one connection, whose handshake unbound counts."""
    before = statistics(lab)
    urls = [f"http://{number}.{way}.fresh.g3.test/hello.txt" for number in range(10)]
    statuses = [via_entrance(lab, url).status for url in urls]
    after = statistics(lab)

    assert statuses == [200] * 10
    assert after["total.num.queries"] - before["total.num.queries"] == 10
    if counter := COUNTERS[way]:
        assert after[counter] - before[counter] == 10


def ask_for_absent(lab: Lab, way: str) -> str:
    """Ask this resolver for a name that does not exist, and see that client and resolve log are told; the name."""
    host = f"{way}.absent.g3.test"
    assert via_entrance(lab, f"http://{host}/").status == 530
    line = lab.record("Resolve", "entrance", domain=host)
    assert (line["resolver_name"], line["error_type"], line["error_subtype"]) == (
        f"by-{way}",
        "ServerError",
        "NOTFOUND",
    )
    return host


@pytest.mark.parametrize("way", COUNTERS)
def test_name_that_does_not_exist(lab: Lab, way: str) -> None:
    """dnsmasq says so, unbound repeats it, the client is told, and the resolve log has the word."""
    host = ask_for_absent(lab, way)
    assert lab.task("entrance", upstream=f"{host}:80")["reason"] == "UpstreamNotResolved"


def test_server_with_another_name_is_not_believed(lab: Lab) -> None:
    host = "secret.misnamed-server.fresh.g3.test"
    answer = via_entrance(lab, f"http://{host}/")
    line = lab.record("Resolve", "entrance", domain=host)

    assert answer.status == 530
    assert (line["resolver_name"], line["error_type"], line["error_subtype"]) == (
        "by-misnamed",
        "DriverError",
        "ConnRefused",
    )
    assert host not in asked(lab, "names")


def test_encrypted_server_goes_and_comes_back(lab: Lab) -> None:
    """The connections that were kept are of no use any more, and nobody is told to try again."""
    for way in ("tls", "https"):
        assert via_entrance(lab, f"http://before.{way}.fresh.g3.test/hello.txt").status == 200
    lab.kill("names")
    lab.start("names")
    for way in ("tls", "https"):
        assert via_entrance(lab, f"http://after.{way}.fresh.g3.test/hello.txt").status == 200
        assert statistics(lab)[COUNTERS[way] or ""] == 1


def test_primary_is_killed_under_load(lab: Lab) -> None:
    """Each request has a name of its own, so that each needs a name server."""
    with under_load(lab, "http://n{0}.two.fresh.g3.test", "names") as load:
        load.wait_for_more("by-two", 50)
        lab.kill("names")
        dead = time.monotonic()
        try:
            assert eventually(lambda: asked(lab, "reserve").total() >= 50, 40)
        finally:
            back = time.monotonic()
            lab.start("names")
        load.wait_for_more("by-two", 50)

    # Nobody is refused, also of those whose questions the dead server has taken with it.
    assert [request for request in load.requests if request.status != 200] == []
    assert load.at_origin() == dict.fromkeys(load.answered(), 1)

    # While the primary is dead each name is a question to the other server, after the head start.
    meanwhile = [request for request in load.requests if dead <= request.begin and request.end <= back]
    reserve = asked(lab, "reserve")
    assert len(meanwhile) >= 20
    assert {reserve[f"n{request.number}.two.fresh.g3.test"] for request in meanwhile} == {1}
    assert max(request.end - request.begin for request in meanwhile) < 0.2 + 3


def test_primary_that_is_back_has_all_of_it_again(lab: Lab) -> None:
    hosts = [f"back-{number}.two.fresh.g3.test" for number in range(10)]
    with lab.stopped("names"):
        pass
    for host in hosts:
        assert via_entrance(lab, f"http://{host}/hello.txt").status == 200

    assert eventually(lambda: [asked(lab, "names")[host] for host in hosts] == [1] * 10)
    assert asked(lab, "reserve").keys().isdisjoint(hosts)


def test_both_are_gone(lab: Lab) -> None:
    host = "neither.two.fresh.g3.test"
    with lab.stopped("names"), lab.stopped("reserve"):
        answer = via_entrance(lab, f"http://{host}/", seconds=40)
    assert answer.status == 530
    assert lab.record("Resolve", "entrance", domain=host, resolver_name="by-two")["error_type"] == "DriverError"
    assert via_entrance(lab, "http://both-back.two.fresh.g3.test/hello.txt").status == 200
