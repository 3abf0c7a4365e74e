"""Questions over QUIC and HTTP/3, in virtual time, against servers of aioquic with messages of dnspython."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest
from certificates import Authority, authority
from escaper.network import elapsed, run_virtually
from g3_dns import Failure, Server
from g3proxyd.resolver.hickory.quic import QuicTransport, http3_start, quic_start
from g3proxyd.resolver.hickory.quic_tls import quic_configuration
from g3proxyd.resolver.hickory.sockets import ServerSockets
from g3proxyd.resolver.hickory.transport import NoReplyError
from g3proxyd.tls.pem import Certificates, PrivateKey
from g3proxyd.tls.settings import ClientSettings, Pair
from resolver.hickory.quic_servers import NAME, Asked, Log, Relay, addresses, name_server
from resolver.hickory.servers import Parts, ask, fail, question
from resolver.hickory.test_tls import ask as resolve
from resolver.hickory.test_tls import fail as fail_to_resolve
from resolver.hickory.test_tls import make

ONE = "Addresses(addresses=(IPv4Address('192.0.2.1'),), ttl=60)"
TRUST = ClientSettings(ca=Certificates(authority().pem), default_ca=False)
BOTH = pytest.mark.parametrize("http3", [False, True], ids=["doq", "doh3"])


@asynccontextmanager
async def transport_to(
    server: Server,
    *,
    http3: bool = False,
    name: str = NAME,
    request_timeout: float = 5.0,
    settings: ClientSettings = TRUST,
    sockets: ServerSockets | None = None,
) -> AsyncIterator[QuicTransport]:
    configuration = quic_configuration(settings, name)
    start = http3_start(configuration, request_timeout, name) if http3 else quic_start(configuration, request_timeout)
    with Parts() as parts:
        transport = QuicTransport(parts.poller, server, sockets or ServerSockets(), start, 10.0)
        yield transport
        await transport.close()


@BOTH
def test_questions_share_a_connection(http3: bool) -> None:
    def speak(asked: Asked) -> None:
        label = asked.query.question[0].name.labels[0].decode()
        asked.answer(f"192.0.2.{label}")

    async def main() -> None:
        async with name_server(speak, http3=http3) as log, transport_to(log.server, http3=http3) as transport:
            answers = await asyncio.gather(*(ask(transport, f"{number}.test") for number in range(50)))
            for number, said in enumerate(answers):
                assert f"('192.0.2.{number}')" in said
            assert "192.0.2.77" in await ask(transport, "77.test")
            assert len(log.connections) == 1
            assert log.open == 1
            assert not log.connections[0].quic.tls.early_data_accepted

    run_virtually(main)


@BOTH
def test_more_questions_open_more_connections(http3: bool) -> None:
    held: list[Asked] = []

    async def main() -> None:
        async with name_server(held.append, http3=http3) as log, transport_to(log.server, http3=http3) as transport:
            asking = [asyncio.ensure_future(ask(transport)) for _ in range(150)]
            while len(held) < 150:
                await asyncio.sleep(0.01)
            assert len(log.connections) == 2
            for asked in held:
                asked.answer("192.0.2.1")
            assert set(await asyncio.gather(*asking)) == {ONE}

    run_virtually(main)


@BOTH
def test_a_connection_that_nobody_needs_is_closed(http3: bool) -> None:
    async def main() -> None:
        async with (
            name_server(addresses("192.0.2.1"), http3=http3) as log,
            transport_to(log.server, http3=http3) as transport,
        ):
            assert await ask(transport) == ONE
            await asyncio.sleep(9)
            assert log.open == 1
            await asyncio.sleep(2)
            assert log.open == 0
            assert transport._connections == []
            assert await ask(transport) == ONE
            assert len(log.connections) == 2

    run_virtually(main)


def test_the_local_address() -> None:
    async def main() -> None:
        async with name_server(addresses("192.0.2.1")) as log:
            sockets = ServerSockets(bind_ip=IPv4Address("127.0.0.7"))
            async with transport_to(log.server, sockets=sockets) as transport:
                assert await ask(transport) == ONE
            assert log.sources == {"127.0.0.7"}

    run_virtually(main)


def test_a_client_certificate() -> None:
    leaf = authority().issue("me", client=True)
    pair = Pair(Certificates(leaf.certificate), PrivateKey(leaf.key))
    settings = ClientSettings(ca=TRUST.ca, default_ca=False, pair=pair)

    async def main() -> None:
        async with name_server(addresses("192.0.2.1"), client_ca=True) as log:
            async with transport_to(log.server, settings=settings) as transport:
                assert await ask(transport) == ONE
            shown = log.connections[0].quic.tls._peer_certificate
            assert shown is not None
            assert shown.subject.rfc4514_string() == "CN=leaf"

    run_virtually(main)


@BOTH
@pytest.mark.parametrize(
    ("case", "detail"),
    [
        ("name", "QUIC: hostname 'other.test' doesn't match"),
        ("expired", "QUIC: Certificate is no longer valid (code 0x12d)"),
        ("early", "QUIC: Certificate is not valid yet (code 0x12d)"),
        ("stranger", "QUIC: unable to get local issuer certificate (code 0x12a)"),
        ("nobody", "QUIC: unable to get local issuer certificate (code 0x12a)"),
        ("use", "certificate_purpose (it is not for servers)"),
        ("weak", "certificate_weak (a key of 1024 bits)"),
        ("protocol", "QUIC: No common ALPN protocols (code 0x178)"),
        ("version", "QUIC: Could not find a common protocol version"),
    ],
)
def test_handshakes_that_fail(http3: bool, case: str, detail: str) -> None:
    day = timedelta(days=1)
    cases: dict[str, dict[str, Any]] = {
        "expired": {"leaf": authority().issue(NAME, valid=(-2 * day, -day))},
        "early": {"leaf": authority().issue(NAME, valid=(day, 2 * day))},
        "stranger": {"leaf": Authority("Stranger").issue(NAME)},
        "use": {"leaf": authority().issue(NAME, client=True)},
        "weak": {"leaf": authority().issue(NAME, rsa_bits=1024)},
        "protocol": {"alpn_protocols": ["doq" if http3 else "h3"]},
        "version": {"supported_versions": [0x1A2A3A4A]},
    }
    options = cases.get(case, {})
    name = "other.test" if case == "name" else NAME
    settings = ClientSettings(default_ca=False) if case == "nobody" else TRUST

    async def main() -> None:
        async with (
            name_server(addresses("192.0.2.1"), http3=http3, **options) as log,
            transport_to(log.server, http3=http3, name=name, settings=settings) as transport,
        ):
            for _ in range(2):  # nothing of the first is in the way of the second
                failure, text = await fail(transport)
                assert failure is Failure.UNREACHABLE
                assert text.startswith(detail)
            assert elapsed() < 1

    run_virtually(main)


def test_the_issuers_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    bundle = tmp_path / "issuers.pem"
    bundle.write_bytes(authority().pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))

    async def main() -> None:
        async with (
            name_server(addresses("192.0.2.1")) as log,
            transport_to(log.server, settings=ClientSettings()) as transport,
        ):
            assert await ask(transport) == ONE

    run_virtually(main)


@BOTH
def test_nobody_listens(http3: bool) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    async def main() -> None:
        async with transport_to(Server(IPv4Address("127.0.0.1"), port), http3=http3) as transport:
            assert await fail(transport) == (Failure.UNREACHABLE, "[Errno 111] Connection refused")
            assert elapsed() == 0

    run_virtually(main)


@BOTH
def test_a_server_that_is_silent(http3: bool) -> None:
    async def main() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            server = Server(IPv4Address("127.0.0.1"), sock.getsockname()[1])
            async with transport_to(server, http3=http3) as transport:
                assert await fail(transport) == (Failure.TIMEOUT, "no connection in time")
                assert elapsed() == 10

    run_virtually(main)


@BOTH
def test_nobody_waits_for_a_handshake_that_is_given_up(http3: bool) -> None:
    async def main() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            server = Server(IPv4Address("127.0.0.1"), sock.getsockname()[1])
            async with transport_to(server, http3=http3) as transport:
                asking = asyncio.ensure_future(ask(transport))
                await asyncio.sleep(1)
                asking.cancel()
                await asyncio.wait([asking])
            assert elapsed() == 1

    run_virtually(main)


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_half_of_all_datagrams_are_lost(http3: bool, seed: int) -> None:
    async def main() -> None:
        async with (
            name_server(addresses("192.0.2.1"), http3=http3) as log,
            Relay(log.server, seed) as relay,
            transport_to(relay.address, http3=http3, request_timeout=60) as transport,
        ):
            assert await ask(transport) == ONE
            relay.loss = 0.5
            assert await asyncio.gather(*(ask(transport) for _ in range(10))) == [ONE] * 10
            assert len(log.connections) == 1
            relay.loss = 0.0

    run_virtually(main)


@BOTH
def test_all_datagrams_are_lost_and_then_none(http3: bool) -> None:
    """A connection under which the network goes away is given up with the first question that it costs."""

    async def main() -> None:
        async with (
            name_server(addresses("192.0.2.1"), http3=http3) as log,
            Relay(log.server, 1) as relay,
            transport_to(relay.address, http3=http3) as transport,
        ):
            assert await ask(transport) == ONE
            relay.loss = 1.0
            before = elapsed()
            assert await fail(transport) == (Failure.TIMEOUT, "")
            assert 5 <= elapsed() - before < 5.1
            assert transport._connections == []
            assert await fail(transport) == (Failure.TIMEOUT, "no connection in time")
            relay.loss = 0.0
            assert await ask(transport) == ONE

    run_virtually(main)


@BOTH
def test_garbage_between_the_datagrams(http3: bool) -> None:
    async def main() -> None:
        async with name_server(addresses("192.0.2.1"), http3=http3) as log, Relay(log.server, 1) as relay:
            relay.invents = bytes(range(256))
            async with transport_to(relay.address, http3=http3) as transport:
                assert await ask(transport) == ONE

    run_virtually(main)


@BOTH
def test_the_server_goes_away_and_comes_back(http3: bool) -> None:
    """Its socket is gone: the kernel says so."""

    async def main() -> None:
        async with (
            name_server(lambda asked: None, http3=http3) as log,
            Relay(log.server, 1) as relay,
            transport_to(relay.address, http3=http3) as transport,
        ):
            asking = asyncio.ensure_future(fail(transport))
            while not log.asked:
                await asyncio.sleep(0.01)
            relay._front.close()
            await asyncio.sleep(0)
            late = asyncio.ensure_future(fail(transport))
            assert (await asking)[0] is Failure.UNREACHABLE
            assert (await late)[0] is Failure.UNREACHABLE
            assert elapsed() < 5

    run_virtually(main)


@BOTH
@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (lambda asked: asked.send(b""), Failure.MALFORMED),
        (lambda asked: asked.send(bytes(12)), Failure.MALFORMED),
        (lambda asked: asked.send(asked.message("192.0.2.1")[:-1]), Failure.MALFORMED),
        (lambda asked: asked.send(b"\0\1" + asked.message("192.0.2.1")[2:]), Failure.MALFORMED),
        (lambda asked: asked.send(asked.message().replace(b"\1a\4test", b"\1b\4test")), Failure.MALFORMED),
        (lambda asked: asked.send_raw(b"\xff\xff\xff", True), Failure.MALFORMED),
        (lambda asked: asked.hang_up(0x77), Failure.MALFORMED),
        (lambda asked: None, Failure.TIMEOUT),
    ],
)
def test_answers_that_are_none(http3: bool, spoil: Any, failure: Failure) -> None:
    async def main() -> None:
        said = [spoil, lambda asked: asked.answer("192.0.2.1")]
        async with (
            name_server(lambda asked: said.pop(0)(asked), http3=http3) as log,
            transport_to(log.server, http3=http3) as transport,
        ):
            assert (await fail(transport))[0] is failure
            assert elapsed() < 5.2
            assert await ask(transport) == ONE

    run_virtually(main)


@BOTH
def test_a_stream_that_the_server_resets(http3: bool) -> None:
    held: list[Asked] = []

    async def main() -> None:
        async with name_server(held.append, http3=http3) as log, transport_to(log.server, http3=http3) as transport:
            asking = [asyncio.ensure_future(ask(transport)) for _ in range(2)]
            while len(held) < 2:
                await asyncio.sleep(0.01)
            held[0].reset(1)
            held[1].answer("192.0.2.1")
            with pytest.raises(NoReplyError) as caught:
                await asking[0]
            assert caught.value.failure is (Failure.HTTPS if http3 else Failure.SERVER_FAILURE)
            assert await asking[1] == ONE
            assert len(log.connections) == 1

    run_virtually(main)


@BOTH
def test_the_server_closes_in_the_middle_of_an_answer(http3: bool) -> None:
    def speak(asked: Asked) -> None:
        if len(log_of[0].connections) > 1:
            asked.answer("192.0.2.1")
            return
        asked.send_raw(b"\0")
        asked.hang_up(0x100 if http3 else 0)

    log_of: list[Log] = []

    async def main() -> None:
        async with name_server(speak, http3=http3) as log, transport_to(log.server, http3=http3) as transport:
            log_of.append(log)
            assert await ask(transport) == ONE  # over another connection
            assert len(log.connections) == 2
            assert elapsed() < 1

    run_virtually(main)


@BOTH
def test_a_server_that_always_closes(http3: bool) -> None:
    async def main() -> None:
        async with (
            name_server(lambda asked: asked.hang_up(0x100 if http3 else 0), http3=http3) as log,
            transport_to(log.server, http3=http3) as transport,
        ):
            failure, detail = await fail(transport)
            assert (failure, detail) == (
                Failure.UNREACHABLE,
                "the server closes its connections without an answer",
            )
            assert len(log.connections) == 2

    run_virtually(main)


@BOTH
def test_questions_that_are_given_up(http3: bool) -> None:
    held: list[Asked] = []

    async def main() -> None:
        async with name_server(held.append, http3=http3) as log, transport_to(log.server, http3=http3) as transport:
            asking = asyncio.ensure_future(transport.ask(question()))
            while not held:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.wait([asking])
            held[0].answer("192.0.2.1")
            await asyncio.sleep(1)
            late = asyncio.ensure_future(ask(transport))
            while len(held) < 2:
                await asyncio.sleep(0.01)
            held[1].answer("192.0.2.1")
            assert await late == ONE
            assert len(log.connections) == 1

    run_virtually(main)


@pytest.mark.parametrize("protocol", ["doq", "h3"])
def test_the_resolver(protocol: str) -> None:
    async def main() -> None:
        async with name_server(addresses("192.0.2.1"), http3=protocol == "h3") as log:
            with Parts() as parts:
                resolver = make(parts, log.server.port, protocol=protocol)
                assert await resolve(resolver) == ["192.0.2.1"]
                assert await resolve(resolver, "b.test") == ["192.0.2.1"]
                await resolver.close()
            assert len(log.connections) == 1
            while log.open:  # it is told
                await asyncio.sleep(0.01)
            assert elapsed() < 1

    run_virtually(main)


@pytest.mark.parametrize("protocol", ["doq", "h3"])
def test_the_resolver_says_why(protocol: str) -> None:
    tls_client = {"handshake_timeout": "3s"}

    async def main() -> None:
        async with name_server(addresses("192.0.2.1"), leaf=authority().issue("other.test")) as log:
            with Parts() as parts, socket.socket(type=socket.SOCK_DGRAM) as silent:
                resolver = make(parts, log.server.port, protocol=protocol)
                said = await fail_to_resolve(resolver)
                assert said.startswith("ConnRefused driver error: no server can be contacted: QUIC: ")
                await resolver.close()
                silent.bind(("127.0.0.1", 0))
                resolver = make(parts, silent.getsockname()[1], protocol=protocol, tls_client=tls_client)
                assert await fail_to_resolve(resolver) == (
                    "Timeout driver error: no server answered in time: no connection in time"
                )
                assert 3 <= elapsed() < 3.1
                await resolver.close()

    run_virtually(main)
