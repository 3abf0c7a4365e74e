"""The port for QUIC in front of other servers: what gets through, how streams end, and what is refused."""

import asyncio
import random
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.connection import QuicConnection
from certificates import authority
from g3proxyd.io import quic_connection, quic_session
from g3proxyd.io.quic_connection import STREAM_WINDOW
from g3proxyd.io.quic_session import FLOOD, SEND_BUFFER_OF_STREAM
from g3proxyd.io.quic_stream import QuicStream
from g3proxyd.io.stream import RESET_ON_CLOSE
from g3proxyd.io.stream_relay import BULK
from g3proxyd.server.plain_quic_port import PlainQuicPortServer
from g3proxyd.worker.worker import Quit
from loopback import PATIENCE, run
from proxy import echo, origin, read_response, replying
from quic import HTTP, SOCKS, Client, client_configuration, port, quic, udp_bound
from serving import serving
from tls.secure import GRANTED, NAME, OK, get


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`quic_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


def tunnel(to: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % to


def socks5(to: int) -> bytes:
    return b"\x05\x01\0" + b"\x05\x01\0\x01\x7f\0\0\x01" + to.to_bytes(2, "big")


def test_requests_of_one_connection(tls: dict[str, Any]) -> None:
    """Each stream is a connection of its own for the server behind; the QUIC connection is one."""

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(replying(*[OK] * 6)[0]) as (_, site),
            quic(p.addresses["port"]) as client,
        ):
            for _ in range(3):
                reader, writer = await client.create_stream()
                for _ in range(2):
                    writer.write(get(site))
                    assert (await read_response(reader))[1] == b"ok"
                writer.write_eof()
                assert await reader.read() == b""
            records = await p.records.wait(6, task_event="Finished")
            assert {r["server_name"] for r in records} == {"http"}
            host, number = p.addresses["port"]
            assert {r["server_addr"] for r in records} == {f"{host}:{number}"}
            own = client._transport.get_extra_info("sockname")  # type: ignore[union-attr]
            assert {r["client_addr"].rpartition(":")[2] for r in records} == {str(own[1])}
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert [servers[name].stats.connection_total for name in ("port", "http")] == [1, 3]
            assert servers["port"].type_name == "PlainQuicPort"

    run(main())


@pytest.mark.parametrize("server", ["http", "socks"])
def test_ten_megabytes_both_ways(tls: dict[str, Any], server: str) -> None:
    data = random.Random(1).randbytes(10_000_000)

    async def main() -> None:
        async with (
            serving(HTTP, SOCKS, port(tls, server=server), sockets={"port": udp_bound()}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write((tunnel(to) if server == "http" else socks5(to)) + b"early")
            said = len(GRANTED) if server == "http" else 12
            assert (await reader.readexactly(said + 5))[said:] == b"early"
            writer.write(data)
            writer.write_eof()
            assert await reader.read() == data
            record = await p.task_record()
            assert record["reason"] == "Finished"
            assert record["c_rd_bytes"] == record["c_wr_bytes"] == len(data) + 5

    run(main(), 3 * PATIENCE)


def test_the_origin_ends_its_half_first(tls: dict[str, Any]) -> None:
    got = bytearray()
    done = asyncio.Event()

    async def speaks_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"all I have")
        writer.write_eof()
        got.extend(await reader.read())
        done.set()

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(speaks_first) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to))
            assert await reader.read() == GRANTED + b"all I have"
            writer.write(b"x" * 300_000)
            writer.write_eof()
            await done.wait()
            assert bytes(got) == b"x" * 300_000
            assert (await p.task_record())["reason"] == "Finished"

    run(main())


@pytest.mark.parametrize("by_client", [True, False])
def test_a_reset_is_passed_on(tls: dict[str, Any], by_client: bool) -> None:
    """RESET_STREAM becomes a reset of the TCP connection and the other way round; other streams do not notice."""
    ends: list[BaseException] = []

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        if not by_client:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
            return
        try:
            await reader.read()
        except ConnectionError as error:
            ends.append(error)

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(breaks) as (_, to),
            origin(echo) as (_, other),
            quic(p.addresses["port"]) as client,
        ):
            calm = await client.create_stream()
            calm[1].write(tunnel(other))
            await calm[0].readexactly(len(GRANTED))
            reader, writer = await client.create_stream()
            number = writer.get_extra_info("stream_id")
            writer.write(tunnel(to) + b"hello")
            if by_client:
                await reader.readexactly(len(GRANTED) + 5)
                client.reset(writer)
                record = await p.task_record()
                assert record["reason"] == "ClientTcpReadFailed"
                while not ends:  # the log may be quicker than the origin
                    await asyncio.sleep(0)
                assert len(ends) == 1
            await client.until(lambda c: number in c.resets)
            assert client.resets == {number: 1}
            calm[1].write(b"still here")
            assert await calm[0].readexactly(10) == b"still here"
            assert client.ended is None

    run(main())


def test_a_client_that_wants_no_more(tls: dict[str, Any]) -> None:
    """STOP_SENDING ends the tunnel, and with it what the origin sends."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(endless) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to))
            await reader.readexactly(100_000)
            client.quic.stop_stream(writer.get_extra_info("stream_id"), 5)
            client.transmit()
            assert (await p.task_record())["reason"] == "ClientTcpWriteFailed"

    run(main())


def test_a_refused_request_closes_its_stream_alone(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(b"nonsense\r\n\r\n" + bytes(100_000))
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            reader, writer = await client.create_stream()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 ")

    run(main())


def test_streams_that_are_reset_before_they_said_anything(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no connections for the server behind, and the client may open others instead."""
    monkeypatch.setattr(quic_connection, "STREAMS", 2)

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            quic(p.addresses["port"]) as client,
        ):
            for number in range(0, 40, 4):
                await client.until(lambda c, n=number: n // 4 < c.quic._remote_max_streams_bidi)  # type: ignore[misc]
                _, writer = await client.create_stream()
                writer.write(b"x")
                client.reset(writer)
            reader, writer = await client.create_stream()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 ")
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert [servers[name].stats.connection_total for name in ("port", "http")] == [1, 1]

    run(main())


class Lazy(Client):
    """A client that takes no more than its first window."""

    def __init__(self, quic: QuicConnection, stream_handler: Any = None) -> None:
        quic._write_stream_limits = lambda **_: None  # type: ignore[method-assign]
        quic._write_connection_limits = lambda **_: None  # type: ignore[method-assign]
        super().__init__(quic, stream_handler)


def test_a_client_that_reads_slowly_stops_the_origin(tls: dict[str, Any]) -> None:
    """What nobody acknowledges is kept within a limit; the origin's window closes."""
    stuck = asyncio.Event()
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        writer.transport.set_write_buffer_limits(0)
        while True:
            writer.write(bytes(65536))
            sent += 65536
            try:
                async with asyncio.timeout(1.0):
                    await writer.drain()
            except TimeoutError:
                stuck.set()
                return

    async def main() -> None:
        few = client_configuration(max_data=100_000, max_stream_data=100_000)
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(endless) as (_, to),
            quic(p.addresses["port"], few, Lazy) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to))
            assert len(await reader.readexactly(100_000)) == 100_000
            await stuck.wait()
            (session,) = p.worker.modules.servers["port"]._sessions  # type: ignore[union-attr]
            (stream,) = session.streams
            assert session._connection.waiting(stream) <= SEND_BUFFER_OF_STREAM + BULK
            assert sent < 16_000_000  # the rest is the kernel's

    run(main(), 3 * PATIENCE)


def test_an_upstream_that_reads_slowly_stops_the_client(tls: dict[str, Any]) -> None:
    """The window opens only as bytes are taken: the client cannot fill our memory."""
    go_on = asyncio.Event()

    async def lazy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ok")
        await go_on.wait()
        size = 0
        while data := await reader.read(1 << 16):
            size += len(data)
        writer.write(b"%d" % size)
        writer.write_eof()

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(lazy) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to))
            await reader.readexactly(len(GRANTED) + 2)
            writer.write(bytes(20_000_000))
            mine = client.quic._streams[writer.get_extra_info("stream_id")]
            await client.until(lambda c: mine.sender.highest_offset == mine.max_stream_data_remote > STREAM_WINDOW)
            (session,) = p.worker.modules.servers["port"]._sessions  # type: ignore[union-attr]
            (stream,) = session.streams.values()
            assert len(stream._inbox) <= STREAM_WINDOW
            before = mine.max_stream_data_remote
            # A second stream is as quick as ever.
            other = await client.create_stream()
            other[1].write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await other[0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 ")
            assert mine.max_stream_data_remote == before < 20_000_000
            go_on.set()
            writer.write_eof()
            assert await reader.read() == b"20000000"

    run(main(), 3 * PATIENCE)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_socket_of_all_addresses(tls: dict[str, Any], host: str) -> None:
    """Answers come from the address that was asked, which is what the log tells, and where datagrams are relayed."""

    async def main() -> None:
        sock = udp_bound("[::]:0")
        at = sock.getsockname()[1]
        async with (
            serving(SOCKS, port(tls, server="socks"), sockets={"port": sock}) as p,
            origin(echo) as (_, to),
            quic((host, at)) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(socks5(to) + b"x")
            assert (await reader.readexactly(13))[-1:] == b"x"
            writer.write_eof()
            record = await p.task_record()
            assert record["server_addr"] == (f"{host}:{at}" if "." in host else f"[{host}]:{at}")
            assert record["client_addr"].startswith("127.0.0.1:" if "." in host else "[::1]:")
            reader, writer = await client.create_stream()
            writer.write(b"\x05\x01\0" + b"\x05\x03\0\x01\0\0\0\0\0\0")
            relay = await reader.readexactly(12)
            kind = 1 if "." in host else 4
            assert relay[2:6] == bytes((5, 0, 0, kind))
            if kind == 1:
                assert ip_address(relay[6:10]) == ip_address(host)

    run(main())


def test_a_client_whose_port_changes(tls: dict[str, Any]) -> None:
    """The kernel deals its datagrams to the same worker here; a drain connects to where the client is now."""

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"]) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to) + b"one")
            await reader.readexactly(len(GRANTED) + 3)
            old = client._transport
            assert old is not None
            local = ("127.0.0.1", 0)
            moved, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: client, local_addr=local)
            peer = p.addresses["port"]
            send = moved.sendto
            moved_to = moved.get_extra_info("sockname")
            client._transport = type("Moved", (), {"sendto": lambda self, data, addr: send(data, peer)})()
            mine = client.datagram_received
            there = client.quic._network_paths[0].addr
            client.datagram_received = lambda data, addr: mine(data, there)  # type: ignore[method-assign]
            for _ in range(3):
                writer.write(b"two")
                assert await reader.readexactly(3) == b"two"
            server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
            assert isinstance(server, PlainQuicPortServer)
            (session,) = server._sessions
            assert session.present_peer == moved_to
            p.worker.quit(Quit.OFFLINE)
            writer.write(b"three")
            writer.write_eof()
            assert await reader.read() == b"three"
            moved.close()
            client._transport = old

    run(main())


def test_a_silent_stream_keeps_its_connection(tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is asked whether it is there as long as there is a stream, and not without one."""
    monkeypatch.setattr(quic_session, "KEEP_ALIVE", 0.3)

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            origin(echo) as (_, to),
            quic(p.addresses["port"], client_configuration(idle_timeout=2.0)) as client,
        ):
            reader, writer = await client.create_stream()
            writer.write(tunnel(to))
            await reader.readexactly(len(GRANTED))
            began = asyncio.get_running_loop().time()
            pings = 0
            while asyncio.get_running_loop().time() < began + 2.5:
                client._changed.clear()
                await client._changed.wait()
                pings += 1
            assert pings >= 2
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.write_eof()
            await reader.read()
            await client.until(lambda c: c.ended)  # nobody says anything any more
            server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
            await server.connections_done()

    run(main())


def test_streams_that_are_opened_and_reset_faster_than_tasks_end(
    tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Tasks that still have to end are bounded, though the library lets the client replace its streams."""
    monkeypatch.setattr(quic_session, "STREAMS", 1)
    held: list[QuicStream] = []

    async def main() -> None:
        async with (
            serving(HTTP, port(tls), sockets={"port": udp_bound()}) as p,
            quic(p.addresses["port"]) as client,
        ):
            server = p.worker.modules.servers["port"]  # type: ignore[union-attr]
            assert isinstance(server, PlainQuicPortServer)
            monkeypatch.setattr(server, "opened", lambda session, stream: held.append(stream))  # a task that hangs
            for number in (1, 2, 3):
                _, writer = await client.create_stream()
                writer.write(b"x")
                while len(held) < number < 3:
                    await asyncio.sleep(0)
                client.reset(writer) if number < 3 else client.transmit()
            await client.until(lambda c: c.ended)
            assert client.ended is not None
            assert client.ended.error_code == FLOOD
            assert len(held) == 2

    run(main())
    assert "flood: streams are opened and reset" in caplog.text
