"""Which sockets there are, who listens on which, and what a change keeps."""

import dataclasses
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from daemon import free_port
from g3proxyd.config import Config
from g3proxyd.supervisor.sockets import Key, Sockets, share, wanted
from proxy import configuration


def config(port: int, **listen: Any) -> Config:
    return configuration(http={"listen": {"address": f"127.0.0.1:{port}", **listen}})


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    opened = Sockets(2)
    yield opened
    opened.close()


def serve(sockets: Sockets, config: Config) -> dict[Key, socket.socket]:
    """Go over to the configuration; the sockets that are of no more use."""
    staged = sockets.stage(config)
    sockets.listen(staged)
    return sockets.commit(staged)


@pytest.mark.parametrize(
    ("keys", "workers", "expected"),
    [
        (2, 2, [[0], [1]]),
        (5, 2, [[0, 2, 4], [1, 3]]),
        (1, 3, [[0], [0], [0]]),
        (2, 3, [[0], [1], [0]]),
        (0, 2, [[], []]),
    ],
)
def test_every_socket_has_a_worker(keys: int, workers: int, expected: list[list[int]]) -> None:
    everything = tuple(Key("x", index) for index in range(keys))
    assert [[key.index for key in share(everything, number, workers)] for number in range(workers)] == expected


@pytest.mark.parametrize(
    ("more", "listen", "count"),
    [({}, {}, 2), ({}, {"instance": 5}, 5), ({"listen_in_worker": True}, {"instance": 5}, 2)],
)
def test_how_many(more: dict[str, Any], listen: dict[str, Any], count: int) -> None:
    document = configuration(http={"listen": {"address": "127.0.0.1:1", **listen}, **more})
    assert [want.count for want in wanted(document, 2)] == [count]


def test_a_change_of_the_backlog_keeps_the_sockets(sockets: Sockets) -> None:
    port = free_port()
    assert serve(sockets, config(port)) == {}
    before = dict(sockets.items())
    assert serve(sockets, config(port, backlog=100)) == {}
    assert dict(sockets.items()) == before


def test_other_options_bring_other_sockets(sockets: Sockets) -> None:
    port = free_port()
    serve(sockets, config(port))
    before = dict(sockets.items())
    retired = serve(sockets, config(port, mss=1000))
    assert retired == before
    assert len(sockets) == 2
    for sock in retired.values():
        sock.close()


def test_what_was_staged_for_nothing_is_closed(sockets: Sockets) -> None:
    port, other = free_port(), free_port()
    serve(sockets, config(port))
    staged = sockets.stage(config(other))
    opened = list(staged.fresh.values())
    sockets.abandon(staged)
    assert [sock.fileno() for sock in opened] == [-1, -1]
    assert {sock.getsockname()[1] for _, sock in sockets.items()} == {port}


def test_nobody_gets_in_before_it_serves(sockets: Sockets) -> None:
    port = free_port()
    staged = sockets.stage(config(port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    sockets.listen(staged)
    with socket.create_connection(("127.0.0.1", port)):
        pass
    sockets.commit(staged)


def test_all_sockets_of_a_larger_predecessor_are_kept_until_a_reload(sockets: Sockets) -> None:
    port = free_port()
    larger = Sockets(4)
    serve(larger, config(port))
    sockets.take_over(dict(larger.items()))
    assert serve(sockets, config(port)) == {}
    assert len(sockets) == 4
    assert [len(keys) for keys in sockets.servers.values()] == [4]
    retired = serve(sockets, dataclasses.replace(config(port)))
    assert sorted(key.index for key in retired) == [2, 3]
    for sock in retired.values():
        sock.close()


def test_sockets_of_systemd(sockets: Sockets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as fitting, socket.create_server(("127.0.0.1", 0)) as foreign:
        document = config(fitting.getsockname()[1])
        assert sockets.take_activated([fitting, foreign], document) == [foreign]
        # It cannot be shared with others of ours, so all workers listen on it.
        assert serve(sockets, document) == {}
        assert [sock for _, sock in sockets.items()] == [fitting]
