"""A route by the answers of a service: in virtual time, with a real socket between the two."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from escaper.network import Task, elapsed, open_sockets, run_virtually
from escaper.paths import End, make_route
from escaper.services import Service, packed, service
from g3_acl import parse_host
from g3proxyd.escaper.route_query_messages import QueryAnswer, parse_answer
from g3proxyd.upstream import Upstream
from hypothesis import given
from hypothesis import strategies as st

KEYS = {"type": "route_query", "fallback_node": "f", "query_allowed_next": ["a", "b"]}


@contextlib.asynccontextmanager
async def asking(port: int, **keys: Any) -> AsyncIterator[Any]:
    route = make_route({**KEYS, "query_peer_addr": f"127.0.0.1:{port}", **keys}, *map(End, "abf"))
    try:
        yield route
    finally:
        await route.close()


async def chosen(route: Any, host: str = "x.test", client: str = "192.0.2.9", user: str | None = None) -> str:
    """The name of the next escaper."""
    upstream, task = Upstream(parse_host(host), 80), Task(client_addr=(client, 7), user=user)
    found = route.choose(upstream, task) or await route.decide(upstream, task)
    name: str = found.name
    return name


def query(
    test: Callable[[Any, Service], Coroutine[Any, Any, None]],
    reply: Callable[[Any], Any],
    **keys: Any,
) -> None:
    async def main() -> None:
        with service(reply) as served:
            async with asking(served.port, **keys) as route:
                await test(route, served)

    run_virtually(main)


def naming(nodes: Any, **more: Any) -> Callable[[Any], bytes]:
    """Answer with these nodes."""
    return lambda question: packed(id=question["id"], nodes=nodes, **more)


def test_what_is_asked() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await chosen(route) == "a"
        assert await chosen(route, "::ffff:192.0.2.1") == "a"
        one, other = served.questions
        assert (one.pop("id"), len(other["id"])) != (other["id"], 0)
        assert one == {"user": "", "host": "x.test"}
        assert other["host"] == "192.0.2.1"
        assert len(served.clients) == 1
        assert elapsed() == 0.0

    query(test, naming("a"))


def test_the_client_is_told_only_if_wanted() -> None:
    async def test(route: Any, served: Service) -> None:
        for client in ("192.0.2.9", "::ffff:192.0.2.9", "192.0.2.9", "2001:db8::1%eth0"):
            assert await chosen(route, client=client) == "a"
        assert [question["client_ip"] for question in served.questions] == ["192.0.2.9", "2001:db8::1"]

    query(test, naming("a", ttl=60), query_pass_client_ip=True)


def test_an_answer_is_for_one_user() -> None:
    async def test(route: Any, served: Service) -> None:
        for user in ("joe", "jim", None, "joe"):
            assert await chosen(route, user=user) == ("a" if user == "joe" else "b")
        assert [question["user"] for question in served.questions] == ["joe", "jim", ""]

    query(test, lambda question: packed(id=question["id"], nodes="a" if question["user"] == "joe" else "b", ttl=60))


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ("b", {"b"}),
        (["b"], {"b"}),
        (["a", {"name": "b", "weight": 1}], {"a", "b"}),
        (["a", {"name": "b", "weight": 0}], {"a"}),
        ([{"name": "b", "strange": 1}], {"b"}),
        ([], {"f"}),
        (["c"], {"f"}),
        ("f", {"f"}),
    ],
)
def test_nodes(nodes: Any, names: set[str]) -> None:
    async def test(route: Any, served: Service) -> None:
        assert {await chosen(route, client=f"192.0.2.{number}") for number in range(64)} == names
        assert len(served.questions) == 1

    query(test, naming(nodes, ttl=60))


def test_answers_count_for_their_time() -> None:
    async def test(route: Any, served: Service) -> None:
        for when, questions in ((0.0, 1), (59.0, 1), (60.5, 2), (61.0, 2)):
            await asyncio.sleep(when - elapsed())
            assert await chosen(route) == "a"
            assert len(served.questions) == questions

    query(test, naming("a", ttl=60))


@pytest.mark.parametrize(("ttl", "time"), [(0, 10), (7, 7), (5000, 1800), (2**32 - 1, 1800)])
def test_times_have_limits(ttl: int, time: int) -> None:
    async def test(route: Any, served: Service) -> None:
        for when, questions in ((0.0, 1), (time - 0.5, 1), (time + 0.5, 2)):
            await asyncio.sleep(when - elapsed())
            await chosen(route)
            assert len(served.questions) == questions

    query(test, naming("a", ttl=ttl))


def test_a_silent_service_is_not_waited_for() -> None:
    async def test(route: Any, served: Service) -> None:
        assert (await chosen(route), elapsed()) == ("f", 0.1)
        await asyncio.sleep(5)
        assert (await chosen(route), elapsed()) == ("f", 5.2)
        assert len(served.questions) == 1  # the first is still open
        await asyncio.sleep(5.3)
        assert (await chosen(route), elapsed()) == ("f", 10.5)  # that there was no answer is remembered
        await asyncio.sleep(10)
        assert (await chosen(route), elapsed()) == ("f", 20.6)
        assert len(served.questions) == 2

    query(test, lambda question: [])


def test_an_old_answer_serves_while_there_is_no_new_one() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await chosen(route) == "a"
        served.reply = lambda question: []
        await asyncio.sleep(11)
        assert (await chosen(route), elapsed()) == ("a", 11.1)
        await asyncio.sleep(60)
        assert await chosen(route) == "f"

    query(test, naming("a"))


def test_an_answer_that_comes_late_serves_the_next_request() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await chosen(route) == "f"
        served.say(packed(id=served.questions[0]["id"], nodes="a", ttl=5))
        assert await chosen(route) == "a"
        assert route.client.stats.answered == 1

    query(test, lambda question: [])


def test_those_who_ask_the_same_wait_together() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await asyncio.gather(*(chosen(route) for _ in range(50))) == ["a"] * 50
        assert len(served.questions) == 1

    query(test, naming("a"))


GARBAGE = [
    b"", b"\xc1", b"\x80", b"hello", b"\x81\xa2id", b"\x91" * 4000, packed(nodes="b"), packed(id=b"short", nodes="b"),
    packed(id="no uuid", nodes="b"), packed(id=bytes(16), nodes="b"), packed(id=7, nodes="b"),
]  # fmt: skip


def bad(question: Any) -> list[bytes]:
    """Whatever is no answer, with the right id where there may be one."""
    fields: list[dict[str, Any]] = [
        {"nodes": 7},
        {"nodes": [7]},
        {"nodes": [{"weight": 1}]},
        {"nodes": [{"name": "b", "weight": float("nan")}]},
        {"nodes": [{"name": "b", "weight": -1}]},
        {"nodes": [{"name": "b", "weight": True}]},
        {"nodes": ["b"] * 1025},
        {"nodes": {"name": "b"}},
        {"nodes": "b", "ttl": -1},
        {"nodes": "b", "ttl": 2**32},
        {"nodes": "b", "ttl": True},
        {"nodes": "b", "ttl": "1"},
        {"nodes": "b", "Nodes": "b"},
        {"nodes": "b", "padding": bytes(4096)},
    ]
    return [packed(id=question["id"], **each) for each in fields]


def test_garbage_is_counted_and_changes_nothing() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await chosen(route) == "a"
        stats = route.client.stats
        assert (stats.queries, stats.answered, stats.ignored) == (1, 1, len(GARBAGE) + 14)
        served.say(packed(id=served.questions[0]["id"], nodes="b"))  # twice
        assert await chosen(route) == "a"
        await asyncio.sleep(0.01)
        assert (stats.answered, stats.ignored) == (1, len(GARBAGE) + 15)

    query(test, lambda question: [*GARBAGE, *bad(question), packed(id=question["id"], nodes="a", strange=[1])])


@given(st.binary(max_size=64))
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    assert isinstance(parse_answer(data), QueryAnswer | None)


def test_spellings_of_an_answer() -> None:
    async def test(route: Any, served: Service) -> None:
        assert await chosen(route) == "a"

    query(test, lambda question: packed(ID=str(uuid.UUID(bytes=question["id"])), NODES="a", Ttl=5))


def test_what_others_send_does_not_arrive() -> None:
    async def test(route: Any, served: Service) -> None:
        def forging(question: Any) -> list[bytes]:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
                for client in served.clients:
                    forger.sendto(packed(id=question["id"], nodes="b"), client)
            return []

        served.reply = forging
        assert (await chosen(route), elapsed()) == ("f", 0.1)
        assert (route.client.stats.answered, route.client.stats.ignored) == (0, 0)

    query(test, naming("b"))


def test_a_closed_port_is_noticed_at_once() -> None:
    async def main() -> None:
        with service(lambda question: b"") as served:
            port = served.port
        async with asking(port) as route:
            assert await asyncio.gather(*(chosen(route, f"h{number}.test") for number in range(3))) == ["f"] * 3
            assert elapsed() == 0.0
            await chosen(route, "h0.test")
            assert route.client.stats.queries <= 3
            assert route.client.stats.failed >= 1
            await asyncio.sleep(11)
            with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
                sock.bind(("127.0.0.1", port))
                assert (await chosen(route, "h0.test"), elapsed()) == ("f", 11.1)
                assert sock.recv(4096)

    run_virtually(main)


def test_an_unreachable_service() -> None:
    async def main() -> None:
        route = make_route({**KEYS, "query_peer_addr": "255.255.255.255:9"}, *map(End, "abf"))
        assert (await chosen(route), elapsed()) == ("f", 0.0)
        assert route.client.stats.failed == 1
        assert await chosen(route) == "f"
        assert route.client.stats.failed == 1
        await route.close()

    run_virtually(main)


def test_ipv6_and_buffers() -> None:
    async def main() -> None:
        with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as sock:
            sock.bind(("::1", 0))
            keys = {"query_peer_addr": f"[::1]:{sock.getsockname()[1]}", "query_socket_buffer": 65536}
            route = make_route({**KEYS, **keys}, *map(End, "abf"))
            assert await chosen(route) == "f"
            assert sock.recv(4096)
            assert route.client._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 131072
            await route.close()

    run_virtually(main)


def test_who_stops_waiting_leaves_nothing() -> None:
    async def test(route: Any, served: Service) -> None:
        waiting = asyncio.create_task(chosen(route))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert route.client._waiting == {}
        await asyncio.sleep(20)
        assert route.client._open == {}

    query(test, lambda question: [])


def test_an_end_while_somebody_waits() -> None:
    async def test(route: Any, served: Service) -> None:
        before = open_sockets()
        waiting = asyncio.create_task(chosen(route))
        await asyncio.sleep(0.05)
        await route.close()
        assert open_sockets() == before
        assert (await waiting, elapsed()) == ("f", 0.05)
        assert await chosen(route, "y.test") == "f"
        assert len(served.questions) == 1

    query(test, lambda question: [])
