"""The SOCKS proxy between real sockets, and the server that only closes."""

import asyncio
import socket
from ipaddress import IPv4Address

import pytest
from g3_machine import RemoteProtocolError
from g3_machine.drivers import handshake_async
from g3_socks import ClientEvent, Connect, Granted, RefusedError, Reply, Socks4Client, Socks4Reply, Socks5Client
from loopback import run
from proxy import Address, echo, origin, proxy


async def through(
    address: Address, machine: Socks4Client | Socks5Client, said: bytes = b"hello"
) -> tuple[Granted, bytes]:
    """Shake hands, say something, end our half; return the grant and what came back."""
    reader, writer = await asyncio.open_connection(*address)

    async def answer(event: ClientEvent) -> Granted:
        assert isinstance(event, Granted)
        return event

    try:
        granted, early = await handshake_async(machine, reader, writer, answer)
        writer.write(said)
        writer.write_eof()
        return granted, early + await reader.read()
    finally:
        writer.close()


def test_every_version_reaches_its_target() -> None:
    async def main() -> None:
        async with proxy() as p, origin(echo) as (_, port):
            here = IPv4Address("127.0.0.1")
            for machine in (
                Socks4Client(Connect(here, port)),
                Socks4Client(Connect("origin.test", port)),
                Socks5Client(Connect(here, port)),
                Socks5Client(Connect("origin.test", port)),
                Socks5Client(Connect("127.0.0.1", port)),
            ):
                granted, answer = await through(p.socks, machine)
                assert answer == b"hello"
                assert granted.host == here
            records = await p.records.wait(5, task_event="Finished")
            assert {record["reason"] for record in records} == {"Finished"}
            assert {record["server_type"] for record in records} == {"SocksProxy"}
            assert records[1]["upstream"] == f"origin.test:{port}"
            assert records[1]["next_peer_addr"] == f"127.0.0.1:{port}"

    run(main())


def test_bytes_behind_the_request_are_not_lost() -> None:
    async def main() -> None:
        async with proxy() as p, origin(echo) as (_, port):
            reader, writer = await asyncio.open_connection(*p.socks)
            writer.write(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2) + b"early")
            writer.write_eof()
            assert (await reader.read())[-5:] == b"early"
            writer.close()
            record = await p.task_record()
            assert (record["c_rd_bytes"], record["r_wr_bytes"]) == (5, 5)

    run(main())


def test_failures_have_their_replies() -> None:
    async def main() -> None:
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            port = dead.getsockname()[1]
            async with proxy(socks={"dst_port_filter": {"forbid": 25, "default": "permit"}}) as p:
                for target, code, reason in (
                    (Connect(IPv4Address("127.0.0.1"), port), Reply.CONNECTION_REFUSED, "UpstreamNotConnected"),
                    (Connect("unknown.test", 80), Reply.HOST_UNREACHABLE, "InternalResolverError"),
                    (Connect("good.test", 25), Reply.NOT_ALLOWED, "ForbiddenByRule"),
                ):
                    with pytest.raises(RefusedError) as caught:
                        await through(p.socks, Socks5Client(target))
                    assert caught.value.code == code
                    assert (await p.records.wait(log_type="Task", reason=reason))[0]["upstream"].endswith(
                        f":{target.port}"
                    )
                with pytest.raises(RefusedError) as caught:
                    await through(p.socks, Socks4Client(Connect("unknown.test", 80)))
                assert caught.value.code == Socks4Reply.REJECTED

    run(main())


def test_loopback_is_forbidden_in_any_clothes() -> None:
    async def main() -> None:
        async with proxy(escaper={"egress_network_filter": {"default": "permit"}}) as p, origin(echo) as (_, port):
            for host in (IPv4Address("127.0.0.1"), "127.1", "0x7f.1", "2130706433", "origin.test"):
                with pytest.raises(RefusedError) as caught:
                    await through(p.socks, Socks5Client(Connect(host, port)))
                assert caught.value.code == Reply.NOT_ALLOWED

    run(main())


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07\x00\x01" + bytes(6)),
        (b"\x05\x01\x02", b"\x05\xff"),
        (b"\x04\x02\x00\x50\x7f\x00\x00\x01\x00", b"\x00\x5b" + bytes(6)),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
    ],
    ids=["bind", "method", "bind4", "http"],
)
def test_what_is_no_connect_is_refused(said: bytes, answer: bytes) -> None:
    async def main() -> None:
        async with proxy() as p:
            reader, writer = await asyncio.open_connection(*p.socks)
            writer.write(said)
            assert await reader.readexactly(len(answer)) == answer
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                assert not answer or said[0] != 5
            writer.close()
            assert p.records.records == []

    run(main())


def test_a_client_that_does_not_say_what_it_wants_is_let_go() -> None:
    async def main() -> None:
        async with proxy(socks={"negotiation_timeout": "100ms"}) as p:
            for said in (b"", b"\x05\x01"):
                reader, writer = await asyncio.open_connection(*p.socks)
                writer.write(said)
                assert await reader.read() == b""
                writer.close()

    run(main())


def test_the_closing_server_closes() -> None:
    async def main() -> None:
        async with proxy() as p:
            reader, writer = await asyncio.open_connection(*p.addresses["closed"])
            assert await reader.read() == b""
            writer.close()

    run(main())


def test_a_machine_that_speaks_something_else_is_no_client() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        async with origin(handler) as address:
            with pytest.raises(RemoteProtocolError):
                await through(address, Socks5Client(Connect("a.test", 1)))

    run(main())
