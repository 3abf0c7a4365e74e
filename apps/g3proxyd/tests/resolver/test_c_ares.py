"""The c-ares resolver against a name server that answers, lies, lags and keeps silent."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from g3_escape import Family
from g3proxyd.config.resolver import CAresConfig
from g3proxyd.log.logger import Logger, Sink
from g3proxyd.resolver import c_ares as module
from g3proxyd.resolver.base import Answer, Query, Source
from g3proxyd.resolver.c_ares import CAresResolver
from g3proxyd.resolver.channel import ChannelOptions
from g3proxyd.resolver.errors import ErrorType, ResolveError
from loopback import run
from resolver.dns_server import (
    A,
    Asked,
    DnsServer,
    Speak,
    addresses,
    record,
    reply,
    serving,
    silence,
    with_code,
)

V4, V6 = Family.IPV4, Family.IPV6


class Records(Sink):
    """Keeps the records."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[dict[str, Any]] = []

    def write(self, record: dict[str, Any]) -> None:
        self.written.append(record)

    def close(self, patience: float) -> None:
        pass


def make(*servers: DnsServer | str, sink: Sink | None = None, **options: Any) -> CAresResolver:
    listed = [server if isinstance(server, str) else server.address for server in servers]
    config = CAresConfig.model_validate({"name": "dns", "server": listed, **options})
    return CAresResolver(config, Logger("Resolve", sink or Records()))


@asynccontextmanager
async def resolving(speak: Speak, **options: Any) -> AsyncIterator[tuple[CAresResolver, DnsServer]]:
    async with serving(speak) as server:
        resolver = make(server, **options)
        try:
            yield resolver, server
        finally:
            resolver._graceful_stop_wait = 0.0
            await resolver.close()


def never(answer: Answer) -> None:
    pytest.fail(f"{answer} was to be returned, not delivered")


async def ask(resolver: CAresResolver, domain: str = "a.test", family: Family = V4) -> list[str]:
    return [str(address) for address in (await resolver.resolve(domain, family)).addresses]


async def fail(resolver: CAresResolver, domain: str = "a.test", family: Family = V4) -> tuple[ErrorType, str]:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve(domain, family)
    return caught.value.error_type, caught.value.subtype


def sockets() -> int:
    links = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.lexists(f"/proc/self/fd/{fd}")
    ]
    return sum(link.startswith("socket:") for link in links)


class TestAnswers:
    def test_both_families(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1", "2001:db8::1", "192.0.2.2")) as (resolver, server):
                assert await ask(resolver) == ["192.0.2.1", "192.0.2.2"]
                assert await ask(resolver, family=V6) == ["2001:db8::1"]
                assert [asked.qtype for asked in server.asked] == [1, 28]
                assert len({asked.id for asked in server.asked}) == 2

        run(main())

    def test_aliases(self) -> None:
        def speak(asked: Asked) -> list[bytes]:
            return [reply(asked, record("a.test", "b.test"), record("b.test", "192.0.2.1"))]

        async def main() -> None:
            async with resolving(speak) as (resolver, _):
                assert await ask(resolver) == ["192.0.2.1"]

        run(main())

    def test_no_such_address(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1")) as (resolver, server):
                assert await ask(resolver, family=V6) == []
                assert await ask(resolver, family=V6) == []
                assert len(server.asked) == 1

        run(main())

    def test_a_truncated_answer_is_asked_for_again_over_tcp(self) -> None:
        def speak(asked: Asked) -> list[bytes]:
            if not asked.tcp:
                return [reply(asked, truncated=True)]
            return [reply(asked, *(record("a.test", f"192.0.2.{number}") for number in range(1, 100)))]

        async def main() -> None:
            async with resolving(speak) as (resolver, server):
                assert len(await ask(resolver)) == 32
                assert [asked.tcp for asked in server.asked] == [False, True]

        run(main())

    def test_ipv6_server(self) -> None:
        async def main() -> None:
            async with serving(addresses("192.0.2.1"), "::1") as server:
                resolver = make(server)
                assert await ask(resolver) == ["192.0.2.1"]
                await resolver.close()

        run(main())

    @pytest.mark.parametrize(
        ("rcode", "word"), [(1, "FORMERR"), (2, "SERVFAIL"), (3, "NOTFOUND"), (4, "NOTIMP"), (5, "REFUSED")]
    )
    def test_the_server_says_no(self, rcode: int, word: str) -> None:
        async def main() -> None:
            async with resolving(with_code(rcode)) as (resolver, server):
                assert await fail(resolver) == (ErrorType.SERVER, word)
                assert await fail(resolver) == (ErrorType.SERVER, word)
                assert len(server.asked) == 1

        run(main())

    @pytest.mark.parametrize("rcode", [6, 9, 10])
    def test_a_code_that_means_nothing_here(self, rcode: int) -> None:
        async def main() -> None:
            async with resolving(with_code(rcode)) as (resolver, _):
                assert await fail(resolver) == (ErrorType.DRIVER, "BadResp")

        run(main())


class TestHostileAnswers:
    def test_only_the_answer_to_the_question_counts(self) -> None:
        def speak(asked: Asked) -> list[bytes]:
            evil = record("a.test", "192.0.2.66")
            return [
                reply(asked, evil, message_id=asked.id ^ 1),
                reply(asked, evil, question=asked.question.replace(b"\1a", b"\1b")),
                reply(asked, evil, question=asked.question[:-3] + b"\x1c\0\1"),
                reply(asked, record("a.test", "192.0.2.1")),
            ]

        async def main() -> None:
            async with resolving(speak, each_timeout=5.0) as (resolver, server):
                assert await ask(resolver) == ["192.0.2.1"]
                assert len(server.asked) == 1

        run(main())

    @pytest.mark.parametrize("garbage", [b"\0", b"\0" * 11, b"\xff" * 40])
    def test_garbage_from_the_server_makes_c_ares_ask_again(self, garbage: bytes) -> None:
        async def main() -> None:
            async with resolving(lambda asked: [garbage], each_timeout=5.0) as (resolver, server):
                assert await fail(resolver) == (ErrorType.DRIVER, "BadResp")
                assert len(server.asked) == 3
                assert resolver.stats[V4].driver_malformed == 1

        run(main())

    def test_only_the_server_counts(self) -> None:
        """A forger knows the id and the port, and still has the wrong address."""

        async def main() -> None:
            async with serving(silence) as forger, resolving(silence, each_timeout=5.0) as (resolver, server):
                answer = asyncio.ensure_future(ask(resolver))
                await server.until_asked(1)
                asked = server.asked[0]
                assert forger.udp is not None
                assert server.udp is not None
                forger.udp.sendto(reply(asked, record("a.test", "192.0.2.66")), asked.source)
                server.udp.sendto(reply(asked, record("a.test", "192.0.2.1")), asked.source)
                assert await answer == ["192.0.2.1"]

        run(main())

    def test_records_of_other_names(self) -> None:
        def speak(asked: Asked) -> list[bytes]:
            return [reply(asked, record("b.test", "192.0.2.66"))]

        async def main() -> None:
            async with resolving(speak) as (resolver, _):
                assert await ask(resolver) == []
                assert resolver._caches[V4].find("b.test", 0.0) is None

        run(main())

    @pytest.mark.parametrize(
        "tail",
        [
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f",  # cut short
            b"\xc0\xff\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1",  # a pointer behind the end
            b"\xc0\x1c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1",  # a pointer to itself
        ],
    )
    def test_malformed_records(self, tail: bytes) -> None:
        def speak(asked: Asked) -> list[bytes]:
            return [reply(asked, tail)]

        async def main() -> None:
            async with resolving(speak, each_timeout=0.05, each_tries=1) as (resolver, _):
                error_type, subtype = await fail(resolver)
                assert error_type is ErrorType.DRIVER
                assert subtype in {"BadResp", "Timeout"}

        run(main())

    @pytest.mark.parametrize("domain", ["a\0.test", "a..test", "a b.test", "bücher.test", "x" * 64, "\n"])
    def test_bad_names_stay_here(self, domain: str) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1")) as (resolver, server):
                assert await fail(resolver, domain) == (ErrorType.DRIVER, "BadName")
                assert await ask(resolver, "b.test") == ["192.0.2.1"]
                assert [asked.name for asked in server.asked] == ["b.test"]

        run(main())

    def test_no_name(self) -> None:
        async def main() -> None:
            async with resolving(silence) as (resolver, _):
                assert await fail(resolver, "") == (ErrorType.EMPTY_DOMAIN, "")

        run(main())


class TestSilence:
    def test_each_server_has_its_tries(self) -> None:
        async def main() -> None:
            async with serving(silence) as first, serving(silence) as second:
                resolver = make(first, second, each_timeout=0.02, each_tries=2)
                assert await fail(resolver) == (ErrorType.DRIVER, "Timeout")
                assert (len(first.asked), len(second.asked)) == (2, 2)
                assert resolver.stats[V4].driver_timeout == 1
                await resolver.close()

        run(main())

    def test_the_next_server_answers(self) -> None:
        async def main() -> None:
            async with serving(silence) as first, serving(addresses("192.0.2.1")) as second:
                resolver = make(first, second, each_timeout=0.02)
                assert await ask(resolver) == ["192.0.2.1"]
                await resolver.close()

        run(main())

    def test_nobody_listens(self) -> None:
        async def main() -> None:
            async with serving(silence) as gone:
                address = gone.address
            resolver = make(address, each_timeout=0.05, each_tries=1)
            assert await fail(resolver) == (ErrorType.DRIVER, "ConnRefused")
            assert resolver.stats[V4].driver_refused == 1
            await resolver.close()

        run(main())

    def test_the_protective_timeout(self) -> None:
        async def main() -> None:
            async with resolving(silence, each_timeout=10.0, protective_query_timeout=0.02) as (resolver, server):
                assert await fail(resolver) == (ErrorType.LOCAL, "DriverTimedOut")
                assert resolver.stats[V4].driver_timeout == 1
                assert server.udp is not None
                asked = server.asked[0]
                server.udp.sendto(reply(asked, record("a.test", "192.0.2.1")), asked.source)
                while resolver._channel._pending:
                    await asyncio.sleep(0)
                assert await fail(resolver) == (ErrorType.LOCAL, "DriverTimedOut")

        run(main())


class TestOneQueryForMany:
    def test_the_cache_answers_at_once(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1")) as (resolver, server):
                await ask(resolver, "A.Test.")
                for spelling in ("a.test", "A.TEST", "a.test."):
                    answer = resolver.query(spelling, V4, never)
                    assert isinstance(answer, Answer)
                    assert answer.source is Source.CACHE
                assert len(server.asked) == 1
                stats = resolver.stats[V4]
                assert (stats.total, stats.cached, stats.trashed, stats.driver_total) == (4, 3, 0, 1)
                assert resolver.stats[V6].total == 0

        run(main())

    def test_equal_queries_share_an_answer(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1")) as (resolver, server):
                answers = await asyncio.gather(
                    *(resolver.resolve(name, V4) for name in ("a.test", "A.test", "a.test."))
                )
                assert [answer.source for answer in answers] == [Source.QUERY, Source.CACHE, Source.CACHE]
                assert len(server.asked) == 1

        run(main())

    def test_c_ares_has_no_cache_of_its_own(self) -> None:
        async def main() -> None:
            options = {"positive_min_ttl": 0, "positive_max_ttl": 0, "negative_min_ttl": 0}
            async with resolving(with_code(3), **options) as (resolver, server):
                for _ in range(3):
                    await fail(resolver)
                assert len(server.asked) == 3

        run(main())

    def test_an_expired_answer_serves_while_a_new_one_is_fetched(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1", ttl=600), positive_min_ttl=0, positive_max_ttl=0) as (
                resolver,
                server,
            ):
                await ask(resolver)
                server.speak = addresses("192.0.2.2", ttl=600)
                for spelling in ("a.test", "A.test"):
                    answer = resolver.query(spelling, V4, never)
                    assert isinstance(answer, Answer)
                    assert (str(answer.addresses[0]), answer.source) == ("192.0.2.1", Source.TRASH)
                while resolver._caches[V4].asking:
                    await asyncio.sleep(0)
                assert len(server.asked) == 2
                answer = resolver.query("a.test", V4, never)
                assert isinstance(answer, Answer)
                assert str(answer.addresses[0]) == "192.0.2.2"
                assert resolver.stats[V4].trashed == 3

        run(main())

    def test_a_cancelled_query_hears_nothing(self) -> None:
        async def main() -> None:
            async with resolving(addresses("192.0.2.1")) as (resolver, _):
                query = resolver.query("a.test", V4, never)
                assert isinstance(query, Query)
                query.cancel()
                query.cancel()
                assert await ask(resolver) == ["192.0.2.1"]

        run(main())

    def test_a_cancelled_task_leaves_the_others_alone(self) -> None:
        async def main() -> None:
            async with resolving(silence) as (resolver, server):
                first = asyncio.ensure_future(resolver.resolve("a.test", V4))
                second = asyncio.ensure_future(resolver.resolve("a.test", V4))
                await server.until_asked(1)
                first.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await first
                asked = server.asked[0]
                assert server.udp is not None
                server.udp.sendto(reply(asked, record("a.test", "192.0.2.1")), asked.source)
                assert len((await second).addresses) == 1

        run(main())

    def test_not_too_many_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            monkeypatch.setattr(CAresResolver, "asking_max", 2)
            async with resolving(silence, each_timeout=5.0) as (resolver, _):
                for name in ("a.test", "b.test", "a.test"):
                    assert isinstance(resolver.query(name, V4, lambda answer: None), Query)
                assert await fail(resolver, "c.test") == (ErrorType.DRIVER, "InternalError")
                assert isinstance(resolver.query("c.test", V6, lambda answer: None), Query)

        run(main())


class TestOptions:
    def test_one_server_after_the_other(self) -> None:
        async def main() -> None:
            async with serving(addresses("192.0.2.1")) as first, serving(addresses("192.0.2.2")) as second:
                resolver = make(first, second)
                for number in range(8):
                    assert await ask(resolver, f"{number}.test") == ["192.0.2.1"]
                await resolver.close()
                resolver = make(first, second, round_robin=True)
                answers = [(await ask(resolver, f"{number}.test"))[0] for number in range(32)]
                assert set(answers) == {"192.0.2.1", "192.0.2.2"}
                await resolver.close()

        run(main())

    @pytest.mark.parametrize(("host", "key"), [("127.0.0.1", "bind_ipv4"), ("::1", "bind_ipv6")])
    def test_local_addresses(self, host: str, key: str) -> None:
        async def main() -> None:
            async with serving(addresses("192.0.2.1"), host) as server:
                local = "127.0.0.9" if key == "bind_ipv4" else "::1"
                options: dict[str, Any] = {key: local}
                resolver = make(server, **options)
                await ask(resolver)
                assert server.asked[0].source[0] == local
                await resolver.close()

        run(main())

    @pytest.mark.parametrize(("most", "ports"), [(0, 1), (1, 4), (2, 2)])
    def test_queries_of_a_port(self, most: int, ports: int) -> None:
        async def main() -> None:
            async with resolving(silence, udp_max_quires=most, each_timeout=5.0) as (resolver, server):
                for number in range(4):
                    resolver.query(f"{number}.test", V4, lambda answer: None)
                await server.until_asked(4)
                assert len({asked.source for asked in server.asked}) == ports

        run(main())

    def test_the_channel_gets_what_is_configured(self) -> None:
        config = CAresConfig.model_validate(
            {
                "name": "dns",
                "server": "192.0.2.53 [2001:db8::53]:5353",
                "each_timeout": 1500,
                "each_tries": 4,
                "max_timeout": 4000,
                "udp_max_quires": 7,
                "round_robin": True,
                "socket_send_buffer_size": 10000,
                "socket_recv_buffer_size": 20000,
                "bind_ipv4": "192.0.2.1",
                "bind_ipv6": "2001:db8::1",
            }
        )
        servers = ("192.0.2.53:53", "[2001:db8::53]:5353")
        local = ("192.0.2.1", "2001:db8::1")
        assert module._options(config) == ChannelOptions(servers, 1.5, 4, 4000, 7, True, 10000, 20000, local)
        assert module._options(CAresConfig(name="dns")) == ChannelOptions(udp_max_queries=64)

    def test_what_c_ares_does_not_take(self) -> None:
        async def main() -> None:
            config = CAresConfig(name="dns")
            broken = config.model_copy(update={"server": ("nonsense",)})
            with pytest.raises(ValueError, match="resolver dns: "):
                CAresResolver(broken, Logger("Resolve", Records()))

        run(main())

    def test_the_system_has_servers(self) -> None:
        async def main() -> None:
            resolver = CAresResolver(CAresConfig(name="dns"), Logger("Resolve", Records()))
            assert resolver._channel.servers
            await resolver.close()

        run(main())


class TestLog:
    def test_an_error_is_logged_for_each_who_asked(self) -> None:
        sink = Records()

        async def main() -> None:
            async with resolving(with_code(2), sink=sink, bind_ipv4="127.0.0.1") as (resolver, server):
                await asyncio.gather(fail(resolver), fail(resolver, "A.test"))
                await fail(resolver, family=V6)
                await fail(resolver)
                expected = {
                    "log_type": "Resolve",
                    "resolver_type": "c-ares",
                    "resolver_name": "dns",
                    "bind_ipv4": "127.0.0.1",
                    "bind_ipv6": None,
                    "server": server.address,
                    "error_type": "ServerError",
                    "error_subtype": "SERVFAIL",
                    "domain": "a.test",
                    "msg": "server error: the server failed",
                }
                sources = [("A", "query"), ("A", "cache"), ("AAAA", "query"), ("A", "cache")]
                for written, (query_type, source) in zip(sink.written, sources, strict=True):
                    assert written.pop("duration").endswith("s")
                    assert written == {**expected, "query_type": query_type, "rr_source": source}

        run(main())

    def test_answers_are_not_logged(self) -> None:
        sink = Records()

        async def main() -> None:
            async with resolving(addresses("192.0.2.1"), sink=sink) as (resolver, _):
                await ask(resolver)
                await ask(resolver, family=V6)
                await ask(resolver)

        run(main())
        assert sink.written == []

    def test_bad_names_are_logged_as_they_came(self) -> None:
        sink = Records()

        async def main() -> None:
            async with resolving(silence, sink=sink) as (resolver, _):
                await fail(resolver, "a\n.test")

        run(main())
        assert [(entry["domain"], entry["error_subtype"]) for entry in sink.written] == [("a\n.test", "BadName")]


class TestClose:
    def test_running_queries_may_end(self) -> None:
        async def main() -> None:
            async with serving(silence) as server:
                before = sockets()
                resolver = make(server, graceful_stop_wait=10.0)
                answers = [asyncio.ensure_future(ask(resolver, name)) for name in ("a.test", "b.test")]
                await server.until_asked(2)
                closing = asyncio.ensure_future(resolver.close())
                await asyncio.sleep(0)
                assert await fail(resolver, "c.test") == (ErrorType.LOCAL, "NoResolverRunning")
                assert server.udp is not None
                for asked in server.asked:
                    assert not closing.done()
                    server.udp.sendto(reply(asked, record(asked.name, "192.0.2.1")), asked.source)
                assert [await answer for answer in answers] == [["192.0.2.1"], ["192.0.2.1"]]
                await closing
                assert sockets() == before
                await resolver.close()

        run(main())

    def test_but_not_for_ever(self) -> None:
        async def main() -> None:
            async with serving(silence) as server:
                before = sockets()
                resolver = make(server, graceful_stop_wait=0.02)
                failure = asyncio.ensure_future(fail(resolver))
                await server.until_asked(1)
                await resolver.close()
                assert await failure == (ErrorType.LOCAL, "NoResolverRunning")
                assert sockets() == before
                assert await fail(resolver) == (ErrorType.LOCAL, "NoResolverRunning")

        run(main())


def test_a_slow_family_does_not_hold_up_the_other() -> None:
    def speak(asked: Asked) -> list[bytes]:
        return [reply(asked, record("a.test", "192.0.2.1"))] if asked.qtype == A else []

    async def main() -> None:
        async with resolving(speak, each_timeout=5.0) as (resolver, _):
            heard: list[Family] = []
            slow = resolver.query("a.test", V6, lambda answer: heard.append(V6))
            assert isinstance(slow, Query)
            assert await ask(resolver) == ["192.0.2.1"]
            assert heard == []

    run(main())
