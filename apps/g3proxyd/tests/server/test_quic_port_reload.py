"""Reloads, drains and upgrades while QUIC connections are open."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode
from certificates import authority
from daemon import free_port
from g3proxyd.io import quic_listener, quic_session
from g3proxyd.server.plain_quic_port import PlainQuicPortServer
from g3proxyd.worker.worker import Quit
from loopback import PATIENCE, run
from proxy import Proxy, echo, origin
from quic import HTTP, Client, Streams, client_configuration, port, quic, udp_bound
from service import service
from serving import serving, with_servers
from tls.secure import GRANTED, NAME
from tls.test_port_workers import edit, of


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`quic_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


async def tunnel(client: Client, to: int) -> Streams:
    """A stream that leads to somebody."""
    reader, writer = await client.create_stream()
    writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % to)
    assert await reader.readexactly(len(GRANTED)) == GRANTED
    return reader, writer


async def alive(streams: Streams, size: int = 100_000) -> None:
    """What is said comes back."""
    reader, writer = streams
    writer.write(bytes(size))
    assert await reader.readexactly(size) == bytes(size)


async def ends(client: Client, streams: Streams) -> None:
    """The last stream ends in order, and the connection behind it."""
    reader, writer = streams
    writer.write(b"the last word")
    writer.write_eof()
    assert await reader.read() == b"the last word"
    await client.until(lambda c: c.ended)
    assert client.ended is not None
    assert client.ended.error_code == QuicErrorCode.NO_ERROR


def port_of(p: Proxy) -> PlainQuicPortServer:
    assert p.worker.modules is not None
    server = p.worker.modules.servers["port"]
    assert isinstance(server, PlainQuicPortServer)
    return server


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::]:0"])
def test_a_drain_waits_for_streams(tls: dict[str, Any], address: str) -> None:
    """The socket is given up, and the connection goes on at the same address; no more streams begin on it."""

    async def main() -> None:
        sock = udp_bound(address)
        at = ("127.0.0.1", sock.getsockname()[1])
        async with (
            serving(HTTP, port(tls), sockets={"port": sock}) as p,
            origin(echo) as (_, to),
            quic(at) as client,
            quic(at) as other,
        ):
            streams = await tunnel(client, to)
            idle = await other.create_stream()
            idle[1].write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await idle[0].readuntil(b"\r\n\r\n")
            idle[1].write_eof()
            await idle[0].read()
            server = port_of(p)
            p.worker.quit(Quit.OFFLINE)
            await other.until(lambda c: c.ended)  # it had no streams
            assert sock.fileno() < 0
            await alive(streams)
            # The kernel gives what others send to whoever has the address next.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as successor:
                successor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                successor.bind(at)
                await alive(streams)
                successor.setblocking(False)
                with pytest.raises(BlockingIOError):
                    successor.recv(1)
            late = await client.create_stream()
            late[1].write(b"GET / HTTP/1.1\r\n")
            number = late[1].get_extra_info("stream_id")
            await client.until(lambda c: number in c.resets)
            assert server.connections == 2
            await ends(client, streams)
            await p.running
            assert server.connections == 0

    run(main())


def test_a_client_that_never_hears_the_last_word(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer for it than a farewell takes."""
    monkeypatch.setattr(quic_session, "FAREWELL", 0.2)

    class Deaf(Client):
        deaf = False

        def datagram_received(self, data: bytes | str, addr: Any) -> None:
            if not self.deaf:
                super().datagram_received(data, addr)

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"], kind=Deaf) as client,
        ):
            _, writer = await tunnel(client, to)
            assert isinstance(client, Deaf)
            client.deaf = True
            writer.write_eof()
            await p.task_record()
            p.worker.quit(Quit.OFFLINE)
            await p.running

    run(main())


def test_a_rebuilt_port_gets_the_new_connections(tls: dict[str, Any]) -> None:
    """Old ones end with their last stream, on the same socket."""

    async def main() -> None:
        sock = udp_bound()
        async with (
            serving(HTTP, port(tls), sockets={"port": sock}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            streams = await tunnel(client, to)
            before = port_of(p)
            p.worker.prepare(with_servers(HTTP, port(tls | {"handshake_timeout": "5s"})))
            p.worker.commit({"port": [sock]})
            after = port_of(p)
            assert after is not before
            assert p.worker.offline == [before]
            async with quic(p.addresses["port"]) as fresh:
                await alive(await tunnel(fresh, to))
            await alive(streams)
            assert sock.fileno() >= 0
            await ends(client, streams)
            await before.connections_done()
            assert (before.stats.connection_total, after.connections) == (2, 0)  # one counter for a name

    run(main())


def test_a_port_that_is_removed(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            streams = await tunnel(client, to)
            p.worker.prepare(with_servers(HTTP))
            p.worker.commit({})
            await alive(streams)
            # The kernel brings us whatever this client says: a second connection hears that it is refused.
            second = Client(QuicConnection(configuration=client_configuration()))
            second.connection_made(client._transport)  # type: ignore[arg-type]
            mine = client.datagram_received
            client.datagram_received = lambda data, addr: (mine(data, addr), second.datagram_received(data, addr))  # type: ignore[method-assign,assignment,func-returns-value]
            second.connect(client.quic._network_paths[0].addr)
            await second.until(lambda c: c.ended)
            assert second.ended is not None
            assert second.ended.error_code == QuicErrorCode.CONNECTION_REFUSED
            await ends(client, streams)

    run(main())


def test_a_connection_without_a_socket_of_its_own(
    tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends at once, and says so on both sides."""

    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    async def main() -> None:
        async with serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p, origin(echo) as (_, to):
            async with quic(p.addresses["port"]) as client:
                await tunnel(client, to)
                monkeypatch.setattr(quic_listener, "open_connected", refuse)
                p.worker.quit(Quit.REPLACED)
                await client.until(lambda c: c.ended)
                await p.running
            assert (await p.task_record())["reason"] == "ClientTcpReadFailed"

    run(main())
    assert "a QUIC connection from 127.0.0.1 ends with its socket: [Errno 24] Too many open files" in caplog.text


def test_an_upgrade(tls: dict[str, Any], tmp_path: Path) -> None:
    """A port that a reload has brought; its sockets are handed over, and a tunnel outlives the process's place."""
    at = free_port()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with service(tmp_path, workers=2) as running:
            edit(running, lambda document: document["server"].append({**port(tls), "listen": f"127.0.0.1:{at}"}))
            report = await loop.run_in_executor(None, running.reload)
            assert (of(report, "http"), of(report, "port")) == (["kept"], ["added"])
            async with origin(echo) as (_, to), contextlib.AsyncExitStack() as clients:
                several = [await clients.enter_async_context(quic(("127.0.0.1", at))) for _ in range(6)]
                streams = [await tunnel(client, to) for client in several]  # in both workers, most likely
                old = running.now
                await loop.run_in_executor(None, running.upgrade)
                for each in streams:
                    await alive(each)
                for _ in range(4):
                    async with quic(("127.0.0.1", at)) as fresh:
                        await alive(await tunnel(fresh, to))
                for client, each in zip(several, streams, strict=True):
                    await ends(client, each)
                assert await loop.run_in_executor(None, old.process.wait, PATIENCE) == 0

    run(main(), 3 * PATIENCE)  # two daemons start
