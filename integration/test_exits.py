"""The guide's two exits: relays that are reached by mutual TLS, `west` first, `east` in reserve after 200 ms."""

import time

import pytest

from integration.clients import curl, shell, via_entrance
from integration.lab import Lab, eventually
from integration.load import CLIENTS, under_load

URL = "http://exits.fresh.g3.test/hello.txt"
SLACK = 3.0
"""Seconds that a busy machine may take for a request of some milliseconds."""


ASK = 'for i in $(seq $3); do curl -s -o /dev/null -w "%{http_code} " -x "$1" "$2=$i"; done'


def escapers(lab: Lab, mark: str, count: int) -> list[str]:
    """The escapers of so many requests, one after the other, each of them a success."""
    url = f"{URL}?{mark}"
    statuses = shell(lab, ASK, f"http://{lab.address('entrance')}:8080", url, str(count))
    assert statuses.split() == ["200"] * count

    def lines() -> list[str]:
        tasks = lab.task_logs("entrance", task_event="Finished")
        return [str(line["escaper"]) for line in tasks if line.get("uri", "").startswith(f"{url}=")]

    assert eventually(lambda: len(lines()) == count)
    return lines()


@pytest.mark.parametrize("keep", [False, True], ids=["connections of their own", "kept connections"])
def test_primary_is_killed_under_load(lab: Lab, keep: bool) -> None:
    """Clients whose connections last stay with the reserve, to which a connection is kept for them."""
    with under_load(lab, "http://exits.fresh.g3.test", f"killed-{keep}", keep=keep) as load:
        load.wait_for_more("west", 50)
        alive = time.monotonic()
        lab.kill("west")
        dead = time.monotonic()
        try:
            load.wait_for_more("east", 50)
        finally:
            back = time.monotonic()
            lab.start("west")
        load.wait_for_more("east" if keep else "west", 50)
        assert escapers(lab, f"new-{keep}", 5) == ["west"] * 5

    # What the primary was about to answer when it died is all that may be lost.
    struck = [request for request in load.requests if request.begin < dead and request.end > alive]
    lost = [request for request in load.requests if request.status != 200]
    assert [request for request in lost if request not in struck] == []
    assert len(lost) <= CLIENTS

    # Nobody waits for the dead one longer than for the head start that it has.
    meanwhile = [request for request in load.requests if dead <= request.begin and request.end <= back]
    assert len(meanwhile) >= 20
    assert max(request.end - request.begin for request in meanwhile) < 0.2 + SLACK

    # Nothing has come to the origin twice, and nothing was answered that has not come there.
    assert load.at_origin().keys() >= load.answered()
    assert load.at_origin().keys() <= load.answered() | {request.number for request in lost}
    assert {number for number, count in load.at_origin().items() if count > 1} <= {one.number for one in struck}

    # The logs know of each request, and through which exit it went.
    assert eventually(lambda: load.escapers().total() == len(load.requests))
    counts = load.escapers()
    assert counts["east"] >= len(meanwhile)
    assert counts["west"] + counts["east"] >= len(load.answered())
    assert eventually(lambda: load.escapers("east")["local"] == counts["east"])


def test_primary_that_is_back_has_all_of_it_again(lab: Lab) -> None:
    with lab.stopped("west"):
        assert escapers(lab, "stopped", 10) == ["east"] * 10
    assert escapers(lab, "back", 20) == ["west"] * 20


def test_primary_stands_still(lab: Lab) -> None:
    """Its kernel takes connections, but TLS does not begin."""
    with lab.frozen("west"):
        begin = time.monotonic()
        assert escapers(lab, "still", 3) == ["east"] * 3
        assert time.monotonic() - begin < 3 * (0.2 + SLACK)
    assert escapers(lab, "moving", 3) == ["west"] * 3


def test_reserve_is_not_asked_for_anything_while_the_primary_is_well(lab: Lab) -> None:
    before = len(lab.task_logs("east"))
    assert escapers(lab, "well", 10) == ["west"] * 10

    assert len(lab.task_logs("east")) == before


def test_tunnel_through_the_reserve_stays_there(lab: Lab) -> None:
    """It is not ended when the primary is back, which has the new ones."""
    proxy = ["-x", f"http://{lab.address('entrance')}:8080", "--cacert", "/srv/tls/authority.crt"]
    command = ["curl", "-sS", *proxy, "-T", "-", "https://exits.fresh.g3.test/upload/exits"]
    tunnels = ["ss", "-Htn", "state", "established", "sport", "=", ":8443"]
    with lab.stopped("west"), lab.talking("client", *command) as upload:
        assert upload.stdin is not None
        upload.stdin.write("while the primary is gone\n")
        upload.stdin.flush()
        assert eventually(lambda: lab.address("entrance") in lab.run("east", *tunnels).stdout)
        lab.start("west")
        assert curl(lab, *proxy, "https://exits.fresh.g3.test/hello.txt").status == 200
        assert lab.task("entrance", upstream="exits.fresh.g3.test:443")["escaper"] == "west"
        upload.stdin.write("when it is back\n")

    expected = "while the primary is gone\nwhen it is back\n"
    assert eventually(lambda: lab.run("origin", "cat", "/srv/www/upload/exits").stdout == expected)
    assert lab.task("entrance", upstream="exits.fresh.g3.test:443", escaper="east")["reason"] == "Finished"


def test_both_exits_fail(lab: Lab) -> None:
    """The client and the task log are told about the one that failed last, the escape log about both."""
    answer = via_entrance(lab, "https://exits-dead.fresh.g3.test/")
    task = lab.task("entrance", upstream="exits-dead.fresh.g3.test:443")

    assert (answer.connect, task["reason"], task["escaper"]) == (502, "UpstreamNotNegotiated", "stranger")
    lines = lab.records("Escape", "entrance", task_id=task["task_id"])
    reasons = {line["escaper_name"]: line["reason"] for line in lines}
    assert reasons == {"dead": "ConnectFailed", "stranger": "NegotiationReadFailed"}
