"""The proxies' configurations: what the figures cannot show."""

from pathlib import Path

import pytest

from bench.load import Client, Dialect, Orders, Outcome
from bench.origin import SMALL, SMALL_SIZE, Origin, missing, serve
from bench.peers import PEERS, Peer, Places, Setup
from bench.processes import free_port, running

SPOKEN: dict[Setup, Dialect] = {"next_http": "connect", "next_socks": "socks5"}
CHAINS = [
    pytest.param(peer, setup, id=f"{peer.name}-{setup}") for peer in PEERS for setup in SPOKEN if setup in peer.setups
]


@pytest.mark.skipif(missing() is not None, reason="nginx is missing")
@pytest.mark.parametrize(("peer", "setup"), CHAINS)
def test_a_next_proxy_is_needed_where_there_is_one(peer: Peer, setup: Setup, tmp_path: Path) -> None:
    if reason := peer.missing():
        pytest.skip(f"{peer.name}: {reason}")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # for proxies that change their user
    with serve(tmp_path / "origin", None) as origin:
        outcome = ask(peer, setup, origin, tmp_path)

    assert (outcome.completed, outcome.failed) == (0, 1)


def ask(peer: Peer, setup: Setup, origin: Origin, tmp_path: Path) -> Outcome:
    """Ask the proxy, behind which there is none, for the origin's small file."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    places = Places(free_port(), origin.port, free_port(), tmp_path, tmp_path)
    config = peer.configure(folder, setup, places)
    try:
        with running(peer.command(config), folder / "log", None, [places.port]):
            orders = Orders(places.port, origin.port, SPOKEN[setup], SMALL, SMALL_SIZE, 1, 1)
            return Client(orders).run()
    finally:
        peer.clean(config)
