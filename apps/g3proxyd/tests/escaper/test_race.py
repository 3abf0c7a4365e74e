"""Races over real sockets in virtual time: when what is dialled, what is left open, what is told."""

import asyncio
import contextlib
import errno
import gc
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from escaper.network import FakeResolver, elapsed, host, network, open_sockets, run_virtually
from g3_acl import parse_egress_network_rule
from g3_escape import Family, HappyEyeballs, Pace
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectKind, ConnectReason, TcpConnectError
from g3proxyd.escaper.race import Course, Race
from g3proxyd.escaper.sockets import FamilySockets, Host, OutgoingSockets
from g3proxyd.resolver.errors import driver_error, server_error

V4, V6 = Family.IPV4, Family.IPV6
ANSWERS, CLOSED, HANGS, HANGS_TOO = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
NOT_FOUND = server_error("NOTFOUND", "no such name")
TIMEOUT = driver_error("Timeout", "late")


class Scene:
    """A network where one address answers, one refuses, and two are silent; and one race in it."""

    def __init__(self, port: int, resolver: FakeResolver, course: Course, sockets: OutgoingSockets | None) -> None:
        self.port = port
        self.resolver = resolver
        self.sockets = sockets or OutgoingSockets("e", FamilySockets(), FamilySockets())
        self.notes = ConnectNotes()
        self.reports: list[tuple[float, str, str]] = []
        loop = asyncio.get_running_loop()
        self.race = Race(loop, self.sockets, port, course, self.notes, self.report)

    def report(self, error: TcpConnectError) -> None:
        assert self.notes.next_peer_addr is not None
        self.reports.append((elapsed(), self.notes.next_peer_addr[0], error.reason.value))

    async def run(self) -> socket.socket:
        return await self.race.run(partial(self.resolver.query, "a.test"))

    async def win(self) -> tuple[float, str]:
        """When the race was won, and by which address."""
        with await self.run() as sock:
            assert sock.getsockname() == self.notes.next_bound_addr
            assert sock.getpeername() == self.notes.next_peer_addr
            return elapsed(), sock.getpeername()[0]

    async def lose(self) -> tuple[float, TcpConnectError]:
        with pytest.raises(TcpConnectError) as caught:
            await self.run()
        return elapsed(), caught.value


def race(
    test: Callable[[Scene], Coroutine[Any, Any, None]],
    resolver: FakeResolver,
    pace: Pace | None = None,
    families: tuple[Family, ...] = (V4, V6),
    shuffle: Callable[[list[Host]], object] | None = None,
    sockets: OutgoingSockets | None = None,
) -> None:
    async def main() -> None:
        with network() as net:
            net.listen(ANSWERS)
            net.listen("::1")
            net.hang(HANGS)
            net.hang(HANGS_TOO)
            before = open_sockets()
            scene = Scene(net.port, resolver, Course(families, pace or Pace(), shuffle), sockets)
            await test(scene)
            assert open_sockets() == before, "something was left open"
            assert all(query.cancelled for query in resolver.queries), "somebody is still waited for"

    run_virtually(main)


class TestOneAddress:
    def test_known_at_once(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)
            assert scene.notes.tcp_connect_tries == 1
            assert scene.resolver.asked == [("a.test", V4), ("a.test", V6)]

        race(test, FakeResolver(v4=(None, ANSWERS), v6=(None, "")))

    def test_that_never_answers(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (7.0, ConnectReason.TIMEOUT_BY_RULE)
            assert scene.reports == [(7.0, HANGS, "TimeoutByRule")]

        race(test, FakeResolver(v4=(None, HANGS), v6=(None, "")), Pace(each_timeout=7.0))

    def test_mapped_into_ipv6_is_ipv4(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)

        race(test, FakeResolver(v4=(None, ""), v6=(None, f"::ffff:{ANSWERS}")))
        race(test, FakeResolver(v6=(None, f"::ffff:{ANSWERS} ::ffff:{CLOSED}")), families=(V6,))

    def test_of_one_family(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, "::1")
            assert scene.resolver.asked == [("a.test", V6)]

        race(test, FakeResolver(v6=(None, "::1")), families=(V6,))


class TestResolving:
    def test_the_preferred_family_comes_first(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.02, ANSWERS)

        race(test, FakeResolver(v4=(0.02, ANSWERS), v6=(0.5, "::1")))

    def test_the_other_family_waits_for_it(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.06, "::1")

        race(test, FakeResolver(v4=(5.0, ANSWERS), v6=(0.01, "::1")))

    def test_one_at_once_the_other_later(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.25, "::1")
            assert scene.notes.tcp_connect_tries == 2

        race(test, FakeResolver(v4=(None, HANGS), v6=(0.1, "::1")))

    def test_no_addresses(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (0.2, ConnectReason.NO_ADDRESS_CONNECTED)
            assert (scene.reports, scene.notes.tcp_connect_tries) == ([], 0)

        race(test, FakeResolver(v4=(0.1, ""), v6=(0.2, "")))

    def test_no_addresses_at_once(self) -> None:
        async def test(scene: Scene) -> None:
            assert (await scene.lose())[1].reason is ConnectReason.NO_ADDRESS_CONNECTED

        race(test, FakeResolver(v4=(None, ""), v6=(None, "")))

    @pytest.mark.parametrize(
        ("v4", "v6", "subtype"),
        [(NOT_FOUND, NOT_FOUND, "NOTFOUND"), (TIMEOUT, NOT_FOUND, "Timeout"), ("", TIMEOUT, "Timeout")],
    )
    def test_failures_of_the_resolver(self, v4: Any, v6: Any, subtype: str) -> None:
        async def test(scene: Scene) -> None:
            _, error = await scene.lose()
            assert error.reason is ConnectReason.RESOLVE_FAILED
            assert error.resolve_error is not None
            assert error.resolve_error.subtype == subtype
            assert error.resolve_error not in (v4, v6)

        race(test, FakeResolver(v4=(None, v4), v6=(None, v6)))

    def test_one_family_fails_and_the_other_does_not(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.1, "::1")

        race(test, FakeResolver(v4=(None, TIMEOUT), v6=(0.1, "::1")))

    def test_the_second_family_does_not_come(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (2.0, ConnectReason.TIMEOUT_BY_RULE)

        race(test, FakeResolver(v4=(None, "")))

    def test_the_second_family_does_not_come_after_a_failure(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.kind) == (2.0, ConnectKind.REFUSED)

        race(test, FakeResolver(v4=(None, CLOSED)))


class TestRacing:
    def test_a_silent_address_gets_its_head_start(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.25, ANSWERS)
            assert scene.notes.tcp_connect_tries == 2
            assert scene.reports == []
            stats = scene.sockets.stats
            assert (stats.tcp_connect_attempt, stats.tcp_connect_success, stats.tcp_connect_establish) == (2, 1, 1)

        race(test, FakeResolver(v4=(None, f"{HANGS} {ANSWERS}")), families=(V4,))

    def test_a_refusal_starts_the_next_at_once(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)
            assert scene.reports == [(0.0, CLOSED, "ConnectFailed")]
            assert scene.sockets.stats.tcp_connect_error == 1

        race(test, FakeResolver(v4=(None, f"{CLOSED} {ANSWERS}")), families=(V4,))

    def test_attempts_are_over_time_one_by_one(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (1.25, ConnectReason.TIMEOUT_BY_RULE)
            assert scene.reports == [(1.0, HANGS, "TimeoutByRule"), (1.25, HANGS_TOO, "TimeoutByRule")]
            assert scene.sockets.stats.tcp_connect_timeout == 2

        race(test, FakeResolver(v4=(None, f"{HANGS} {HANGS_TOO}")), Pace(each_timeout=1.0), families=(V4,))

    def test_the_latest_failure_is_told(self) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (1.0, ConnectReason.TIMEOUT_BY_RULE)
            assert scene.reports == [(0.25, CLOSED, "ConnectFailed"), (1.0, HANGS, "TimeoutByRule")]

        race(test, FakeResolver(v4=(None, f"{HANGS} {CLOSED}")), Pace(each_timeout=1.0), families=(V4,))

    def test_not_more_than_so_many_tries(self) -> None:
        async def test(scene: Scene) -> None:
            _, error = await scene.lose()
            assert error.kind is ConnectKind.REFUSED
            assert scene.notes.tcp_connect_tries == 2

        closed = " ".join(f"127.0.1.{number}" for number in range(1, 9))
        race(test, FakeResolver(v4=(None, f"{closed} {ANSWERS}")), Pace(max_tries=2), families=(V4,))

    def test_shuffling(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)
            assert scene.reports == []

        race(
            test,
            FakeResolver(v4=(None, f"{CLOSED} {ANSWERS}")),
            families=(V4,),
            shuffle=lambda hosts: hosts.reverse(),
        )


class TestRules:
    def test_each_candidate_is_checked(self) -> None:
        """One that is forbidden is passed over; the one that is dialled is the one that was allowed."""

        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)
            assert scene.notes.tcp_connect_tries == 1
            assert scene.sockets.stats.ip_blocked == 2

        rule = parse_egress_network_rule([f"{ANSWERS}/32"])
        sockets = OutgoingSockets("e", FamilySockets(), FamilySockets(), egress=rule)
        race(test, FakeResolver(v4=(None, f"{HANGS} {CLOSED} {ANSWERS}")), families=(V4,), sockets=sockets)

    @pytest.mark.parametrize("found", [HANGS, f"{HANGS} {CLOSED}"])
    def test_all_are_forbidden(self, found: str) -> None:
        async def test(scene: Scene) -> None:
            when, error = await scene.lose()
            assert (when, error.reason) == (0.0, ConnectReason.FORBIDDEN_REMOTE_ADDRESS)
            assert (scene.reports, scene.notes.tcp_connect_tries) == ([], 0)

        rule = parse_egress_network_rule([f"{ANSWERS}/32"])
        sockets = OutgoingSockets("e", FamilySockets(), FamilySockets(), egress=rule)
        race(test, FakeResolver(v4=(None, found)), families=(V4,), sockets=sockets)

    def test_failures_of_the_network_are_told_first(self) -> None:
        async def test(scene: Scene) -> None:
            _, error = await scene.lose()
            assert error.kind is ConnectKind.REFUSED

        rule = parse_egress_network_rule([f"{CLOSED}/32"])
        sockets = OutgoingSockets("e", FamilySockets(), FamilySockets(), egress=rule)
        race(test, FakeResolver(v4=(None, f"{CLOSED} {HANGS}")), families=(V4,), sockets=sockets)

    def test_local_addresses_are_noted(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)
            assert str(scene.notes.next_bind_ip) == "127.0.0.9"

        sockets = OutgoingSockets("e", FamilySockets(bind_ips=(host("127.0.0.9"),)), FamilySockets())
        race(test, FakeResolver(v4=(None, f"{CLOSED} {ANSWERS}")), families=(V4,), sockets=sockets)


class TestSlowNetwork:
    """The kernel does not know at once: the loop tells when it does."""

    @pytest.fixture(autouse=True)
    def _slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def begin(sock: socket.socket, address: tuple[str, int]) -> int:
            assert sock.connect_ex(address) == errno.EINPROGRESS
            return errno.EINPROGRESS

        monkeypatch.setattr("g3proxyd.escaper.race.begin_connect", begin)

    def test_an_answer(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.0, ANSWERS)

        race(test, FakeResolver(v4=(None, ANSWERS), v6=(0.01, "")))

    def test_a_refusal(self) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.win() == (0.01, "::1")
            assert scene.reports == [(0.0, CLOSED, "ConnectFailed")]

        race(test, FakeResolver(v4=(None, CLOSED), v6=(0.01, "::1")))

    def test_two_answers_in_one_turn_of_the_loop(self) -> None:
        async def test(scene: Scene) -> None:
            when, _ = await scene.win()
            assert when == 0.0
            assert scene.notes.tcp_connect_tries == 2
            assert scene.sockets.stats.tcp_connect_success == 1

        pace = Pace(connection_attempt_delay=0.0)
        race(test, FakeResolver(v4=(None, ANSWERS), v6=(None, "::1")), pace)


def test_a_connection_that_is_gone_already(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise TcpConnectError(ConnectReason.SETUP_SOCKET_FAILED, os_error=OSError(errno.EINVAL, "gone"))

    async def test(scene: Scene) -> None:
        _, error = await scene.lose()
        assert error.reason is ConnectReason.SETUP_SOCKET_FAILED

    monkeypatch.setattr("g3proxyd.escaper.race.note_connected", gone)
    race(test, FakeResolver(v4=(None, ANSWERS), v6=(0.01, "")))


class TestEnds:
    @pytest.mark.parametrize("seconds", [0.0, 0.01, 0.06, 0.1, 0.3, 1.0])
    def test_cancelled_at_any_time(self, seconds: float) -> None:
        async def test(scene: Scene) -> None:
            before = open_sockets()
            running = asyncio.ensure_future(scene.run())
            await asyncio.sleep(seconds)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert open_sockets() == before
            assert all(query.cancelled for query in scene.resolver.queries)
            assert scene.race._timer is None or scene.race._timer.cancelled()

        race(test, FakeResolver(v4=(0.02, f"{HANGS} {HANGS_TOO}"), v6=(0.8, "")))

    def test_cancelled_at_the_moment_of_success(self) -> None:
        async def test(scene: Scene) -> None:
            running = asyncio.ensure_future(scene.run())
            while scene.race._outcome is None:
                await asyncio.sleep(0.01)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        race(test, FakeResolver(v4=(0.02, f"{HANGS} {ANSWERS}"), v6=(0.02, "")))

    def test_the_moment_of_success_is_there(self) -> None:
        """The test above would prove nothing if the race were over before it could be cancelled."""

        async def test(scene: Scene) -> None:
            running = asyncio.ensure_future(scene.run())
            while scene.race._outcome is None and not running.done():
                await asyncio.sleep(0)
            assert isinstance(scene.race._outcome, socket.socket)
            assert not running.done()
            (await running).close()

        race(test, FakeResolver(v4=(None, f"{HANGS} {ANSWERS}"), v6=(0.02, "")), Pace(connection_attempt_delay=0.0))

    @pytest.mark.parametrize(
        ("v4", "v6"),
        [
            ((None, f"{CLOSED} 127.0.1.1"), (0.01, "")),
            ((None, HANGS), (None, "")),
            ((None, f"{HANGS} {HANGS_TOO}"), (0.01, "")),
            ((None, CLOSED), (None, "")),
            ((None, NOT_FOUND), (0.01, NOT_FOUND)),
            ((None, f"{HANGS} {ANSWERS}"), (0.01, "")),
            ((None, ANSWERS), (None, "")),
            ((0.01, ANSWERS), (0.02, "")),
        ],
    )
    def test_no_race_leaves_work_for_the_garbage_collector(self, v4: Any, v6: Any) -> None:
        async def test(scene: Scene) -> None:
            gc.collect()
            gc.disable()
            try:
                with contextlib.suppress(TcpConnectError):
                    (await scene.run()).close()
                scene.race = None  # type: ignore[assignment]  # let go of it
                await asyncio.sleep(0)  # so does the loop of the call that has woken this task
                left = (Race, TcpConnectError, HappyEyeballs)
                assert [thing for thing in gc.get_objects() if isinstance(thing, left)] == []
            finally:
                gc.enable()

        race(test, FakeResolver(v4=v4, v6=v6))
