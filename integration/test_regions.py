"""The guide's regional acceleration: an agent says in which region a site is, and relays there are spoken to by TLS.

For the agent the first label of a host, up to a dash, is its region: `region_agent.py` beside the configuration.
"""

import time
from collections.abc import Callable

import pytest

from integration.clients import TRUST, Answer, curl, sha256, via_entrance
from integration.lab import Lab, Service, eventually

HELLO = "hello from the origin\n"
RELAYS: tuple[Service, Service] = ("west", "east")


def get(lab: Lab, name: str, *words: str) -> str:
    """A page by the entrance; returns the escaper that the task log tells."""
    url = f"http://{name}.region.fresh.g3.test/hello.txt"
    answer = via_entrance(lab, url, *words)
    assert (answer.status, answer.body) == (200, HELLO), answer
    return str(lab.task("entrance", uri=url)["escaper"])


def questions(lab: Lab, name: str) -> int:
    """How often the agent was asked for the name."""
    return lab.log("agent").splitlines().count(f"{name}.region.fresh.g3.test")


@pytest.mark.parametrize(("region", "relay"), [("west", "west"), ("east", "east"), ("here", None)])
def test_region_of_the_site_chooses_the_way(lab: Lab, region: str, relay: Service | None) -> None:
    name = f"{region}-1"
    assert get(lab, name) == (relay or "local")

    through = [one for one in RELAYS if lab.task_logs(one, uri=f"http://{name}.region.fresh.g3.test/hello.txt")]
    assert through == ([relay] if relay else [])
    assert questions(lab, name) == 1


@pytest.mark.parametrize("region", ["nowhere", "forbidden", "unknown"])
def test_no_usable_answer_leads_to_the_fallback(lab: Lab, region: str) -> None:
    """None at all, an escaper that may not be named, and one that does not exist."""
    assert get(lab, f"{region}-1") == "local"


def test_either_of_two_regions_and_always_the_same_for_a_client(lab: Lab) -> None:
    urls = [f"http://either.region.fresh.g3.test/hello.txt?{number}" for number in range(8)]
    assert [via_entrance(lab, url).status for url in urls] == [200] * 8

    used = {lab.task("entrance", uri=url)["escaper"] for url in urls}
    assert len(used) == 1
    assert used < set(RELAYS)
    assert questions(lab, "either") == 1, "the answer is remembered"


@pytest.mark.parametrize("region", RELAYS)
def test_reverse_proxy(lab: Lab, region: Service) -> None:
    """Layer 7: clients believe that the entrance is the site."""
    url = f"http://{region}-site.fresh.g3.test/medium.bin"
    answer = curl(lab, "--connect-to", f"::{lab.address('entrance')}:80", "-o", "/tmp/region", url)

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/region", at="client") == sha256(lab, "/srv/www/medium.bin")
    assert lab.task("entrance", uri=url)["escaper"] == region


@pytest.mark.parametrize("region", RELAYS)
def test_sni_proxy(lab: Lab, region: Service) -> None:
    """Layer 4: TLS from end to end, which the entrance and the relay only carry."""

    def site(path: str, *words: str) -> Answer:
        there = ["--connect-to", f"::{lab.address('entrance')}:443"]
        return curl(lab, *TRUST, *there, *words, f"https://{region}-tls.fresh.g3.test{path}")

    assert site("/medium.bin", "-o", "/tmp/region").status == 200
    assert sha256(lab, "/tmp/region", at="client") == sha256(lab, "/srv/www/medium.bin")
    (line,) = lab.task_logs(region, upstream=f"{region}-tls.fresh.g3.test:443", task_event="Finished")
    assert line["client_addr"].startswith(f"{lab.address('entrance')}:")


def test_agent_is_gone(lab: Lab) -> None:
    """What it said still counts for its time; what it is not asked for any more goes the configured way."""
    assert get(lab, "west-known") == "west"
    with lab.stopped("agent"):
        again = "http://west-known.region.fresh.g3.test/hello.txt?again"
        assert via_entrance(lab, again).status == 200
        assert lab.task("entrance", uri=again)["escaper"] == "west"
        assert get(lab, "west-late") == "local"
    assert eventually(lambda: later(lab, "west-late") == "west"), "the failure is remembered for a second"


def test_agent_stands_still(lab: Lab) -> None:
    """A request waits for `cache_request_timeout`, no longer."""
    with lab.frozen("agent"):
        begin = time.monotonic()
        assert get(lab, "east-still") == "local"
        assert 0.3 < time.monotonic() - begin < 0.3 + 3, "a busy machine may take its time"
    assert eventually(lambda: later(lab, "east-still") == "east")


def test_answer_that_expired_serves_for_a_while(lab: Lab) -> None:
    """Its time is a second, and `cache_vanish_wait` another one."""
    assert get(lab, "brief-1") == "west"
    with lab.frozen("agent"):
        assert eventually(lambda: later(lab, "brief-1") == "local")
    assert eventually(lambda: later(lab, "brief-1") == "west")


def test_region_whose_relay_is_gone(lab: Lab) -> None:
    """There is no failover in this configuration: the client is told, and other regions do not notice."""
    with lab.stopped("east"):
        url = "http://east-gone.region.fresh.g3.test/hello.txt"
        assert via_entrance(lab, url).status in {504, 523}
        assert get(lab, "west-meanwhile") == "west"
    assert eventually(lambda: later(lab, "east-gone") == "east")


_number: Callable[[], int] = iter(range(10**9)).__next__


def later(lab: Lab, name: str) -> str:
    """The escaper that one more request goes through."""
    url = f"http://{name}.region.fresh.g3.test/hello.txt?later-{_number()}"
    via_entrance(lab, url)
    return str(lab.task("entrance", uri=url)["escaper"])
