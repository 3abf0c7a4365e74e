"""Names that the daemon asks a name server for over QUIC and HTTP/3, alone, and with unbound before or behind it."""

import time

import pytest

from integration.clients import via_entrance
from integration.lab import Lab, eventually
from integration.test_names import ask_for_absent, asked

PROTOCOLS = {"quic": "doq", "h3": "h3"}
pytestmark = pytest.mark.parametrize("way", PROTOCOLS)


def seen(lab: Lab, way: str, what: str = "question") -> list[str]:
    """The lines that the server has for this protocol."""
    start = f"{what} {PROTOCOLS[way]}"
    return [line for line in lab.log("quicnames").splitlines() if line.startswith(start)]


def test_name_is_asked_for_once(lab: Lab, way: str) -> None:
    host = f"once.{way}.fresh.g3.test"
    for _ in range(3):
        assert via_entrance(lab, f"http://{host}/hello.txt").status == 200
    assert seen(lab, way).count(f"question {PROTOCOLS[way]} {host}") == 1


def test_ten_names_share_a_connection(lab: Lab, way: str) -> None:
    questions, connections = len(seen(lab, way)), len(seen(lab, way, "connection"))
    for number in range(10):
        assert via_entrance(lab, f"http://{number}.{way}.fresh.g3.test/hello.txt").status == 200
    assert len(seen(lab, way)) - questions == 10
    assert len(seen(lab, way, "connection")) - connections <= 1


def test_name_that_does_not_exist(lab: Lab, way: str) -> None:
    ask_for_absent(lab, way)


def fetch_soon(lab: Lab, hosts: list[str]) -> None:
    """See that a page of each comes, no later than the standby's turn and some seconds for a busy machine."""
    for host in hosts:
        began = time.monotonic()
        assert via_entrance(lab, f"http://{host}/hello.txt").status == 200
        assert time.monotonic() - began < 0.2 + 3


def test_unbound_steps_in(lab: Lab, way: str) -> None:
    """Also for questions on the connection that was kept; and the server that is back has the questions again."""
    assert via_entrance(lab, f"http://before.{way}-first.fresh.g3.test/hello.txt").status == 200
    hosts = [f"{number}.{way}-first.fresh.g3.test" for number in range(5)]
    with lab.stopped("quicnames"):
        fetch_soon(lab, hosts)
    assert [asked(lab, "reserve")[host] for host in hosts] == [1] * len(hosts)

    def is_asked() -> bool:
        host = f"back{time.monotonic_ns()}.{way}-first.fresh.g3.test"
        assert via_entrance(lab, f"http://{host}/hello.txt").status == 200
        return f"question {PROTOCOLS[way]} {host}" in seen(lab, way)

    assert eventually(is_asked)


def test_it_steps_in_for_unbound(lab: Lab, way: str) -> None:
    hosts = [f"{number}.{way}-second.fresh.g3.test" for number in range(5)]
    with lab.stopped("names"):
        fetch_soon(lab, hosts)
    questions = seen(lab, way)
    assert [questions.count(f"question {PROTOCOLS[way]} {host}") for host in hosts] == [1] * len(hosts)


def test_server_goes_and_comes_back(lab: Lab, way: str) -> None:
    """It knows nothing any more of the connection that was kept, and says nothing to what comes on it."""
    assert via_entrance(lab, f"http://before-death.{way}.fresh.g3.test/hello.txt").status == 200
    lab.kill("quicnames")
    lab.start("quicnames")
    assert via_entrance(lab, f"http://after-death.{way}.fresh.g3.test/hello.txt").status == 200
