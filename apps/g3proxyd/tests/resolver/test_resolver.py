"""Resolvers by their configuration, and what all of them share."""

import asyncio
import subprocess
import sys
import traceback

import pytest
from g3_escape import Family
from g3proxyd.config.resolver import CAresConfig, DenyAllConfig, HickoryConfig, ResolverConfig
from g3proxyd.io.poller import Poller
from g3proxyd.io.timers import Wheel
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.logger import Logger
from g3proxyd.resolver import Answer, ErrorType, ResolveError, Resolver, Surroundings, make_resolver
from g3proxyd.resolver.c_ares import CAresResolver
from g3proxyd.resolver.deny_all import DenyAllResolver
from g3proxyd.resolver.errors import driver_error, local_error, server_error
from g3proxyd.resolver.hickory.resolver import HickoryResolver
from loopback import run

LOGGER = Logger("Resolve", DiscardSink())


def make(config: ResolverConfig) -> Resolver:
    """A resolver that needs no others; to be made on an event loop."""
    loop = asyncio.get_running_loop()
    return make_resolver(config, Surroundings(Poller(loop), Wheel(loop), LOGGER))


@pytest.mark.parametrize(("kind", "library"), [("CAres", "pycares"), ("Hickory", "dns"), ("DenyAll", None)])
def test_only_what_is_wanted_is_imported_ahead(kind: str, library: str | None) -> None:
    keys = {"server": "192.0.2.53"} if kind == "Hickory" else {}
    program = f"""
import sys
from g3proxyd.config.resolver import {kind}Config
from g3proxyd.resolver import preload
libraries = {{"pycares", "dns"}}
assert libraries.isdisjoint(sys.modules)
preload({kind}Config.model_validate({{"name": "r", **{keys}}}))
assert libraries & set(sys.modules) == { ({library} if library else set())!r}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_each_type_has_its_class() -> None:
    async def main() -> None:
        for config, kind, type_name in (
            (CAresConfig(name="r"), CAresResolver, "c-ares"),
            (DenyAllConfig(name="r"), DenyAllResolver, "deny-all"),
            (HickoryConfig.model_validate({"name": "r", "server": "192.0.2.53"}), HickoryResolver, "hickory"),
        ):
            resolver = make(config)
            assert type(resolver) is kind
            assert (resolver.name, resolver.type_name) == ("r", type_name)
            await resolver.close()

    run(main())


def test_a_type_without_a_class() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="no resolver for ResolverConfig"):
            make(ResolverConfig(name="r", type="other"))

    run(main())


def test_deny_all() -> None:
    async def main() -> None:
        resolver = make(DenyAllConfig(name="r"))
        for family in Family:
            answer = resolver.query("a.test", family, lambda answer: pytest.fail("delivered"))
            assert isinstance(answer, Answer)
            assert answer.addresses == ()
            with pytest.raises(ResolveError) as caught:
                await resolver.resolve("a.test", family)
            assert (caught.value.error_type, caught.value.subtype) == (ErrorType.LOCAL, "NoResolverRunning")
        await resolver.close()

    run(main())


def test_shared_errors_keep_no_tracebacks() -> None:
    """The same error object answers many tasks: each of them raises a copy."""

    async def main() -> None:
        resolver = make(DenyAllConfig(name="r"))
        answer = resolver.query("a.test", Family.IPV4, lambda answer: None)
        assert isinstance(answer, Answer)
        for _ in range(2):
            with pytest.raises(ResolveError) as caught:
                await resolver.resolve("a.test", Family.IPV4)
            assert len(traceback.extract_tb(caught.value.__traceback__)) == 2
        assert answer.error is not None
        assert answer.error.__traceback__ is None

    run(main())


@pytest.mark.parametrize(
    ("error", "error_type", "text"),
    [
        (server_error("SERVFAIL", "it failed"), "ServerError", "server error: it failed"),
        (driver_error("Timeout", "it was late"), "DriverError", "driver error: it was late"),
        (local_error("DriverTimedOut", "we were late"), "LocalError", "local error: we were late"),
        (ResolveError(ErrorType.EMPTY_DOMAIN, "", "no name"), "EmptyDomain", "no name"),
    ],
)
def test_words(error: ResolveError, error_type: str, text: str) -> None:
    copy = error.fresh()
    assert copy is not error
    for one in (error, copy):
        assert one.error_type.value == error_type
        assert str(one) == text
        assert one.subtype == error.subtype


def test_cancelling_a_resolve_cancels_the_query() -> None:
    async def main() -> None:
        config = CAresConfig.model_validate({"name": "r", "server": "127.0.0.1:9", "graceful_stop_wait": 0.0})
        resolver = CAresResolver(config, LOGGER)
        task = asyncio.ensure_future(resolver.resolve("a.test", Family.IPV4))
        await asyncio.sleep(0)
        (waiting,) = resolver._caches[Family.IPV4]._waiters["a.test"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert waiting._receive is None  # type: ignore[attr-defined]  # it is a Waiting, which the cache need not know
        await resolver.close()

    run(main())
