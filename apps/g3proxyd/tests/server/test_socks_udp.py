"""Full UDP associations between real sockets (RFC 1928 section 7)."""

import asyncio
import random
import socket
import struct
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
import socks
from g3_socks import UdpAssociate, pack_header
from g3proxyd.worker.worker import Quit
from loopback import run
from proxy import proxy
from udp import UdpClient, associated, bound, peer, receive, socks_server

HERE = IPv4Address("127.0.0.1")
FULL = {"use_udp_associate": True, "udp_relay_packet_size": "64KiB"}


def finished(record: dict[str, Any]) -> tuple[str, str]:
    return record["task_type"], record["reason"]


async def still_works(client: UdpClient, port: int) -> None:
    """The association answers; whatever was sent before has been dealt with by then."""
    host, from_port, payload = await client.exchange(HERE, port, b"still there?")
    assert (host, from_port, payload) == (HERE, port, b"still there?")


def test_datagrams_of_every_size_come_back() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                sizes = [0, 1, 9, 10, 11, 512, 1199, 1200, 1462, 1472, 1473, 4096, 9000, 32768, 60000, 65000, 65497]
                for size in sizes:
                    payload = random.Random(size).randbytes(size)
                    assert await client.exchange(HERE, port, payload) == (HERE, port, payload)
            client.writer.close()
            record = await p.task_record()
            assert finished(record) == ("UdpAssociate", "ClosedByClient")
            assert record["stage"] == "Relaying"
            assert record["tcp_server_addr"] == f"{p.socks[0]}:{p.socks[1]}"
            assert record["udp_listen_addr"] == f"{client.relay[0]}:{client.relay[1]}"
            assert record["udp_client_addr"] == f"127.0.0.1:{client.sock.getsockname()[1]}"
            assert record["initial_peer"] == f"127.0.0.1:{port}"
            assert record["escaper"] == "direct"
            total, count = sum(sizes), len(sizes)
            for side, extra in (("c", 10 * count), ("r", 0)):
                for way in ("rd", "wr"):
                    assert record[f"{side}_{way}_packets"] == count
                    assert record[f"{side}_{way}_bytes"] == total + extra
            assert {"ready_time", "wait_time", "total_time", "tcp_client_addr"} <= record.keys()
            assert not {"upstream", "client_addr", "server_addr"} & record.keys()

    run(main())


@pytest.mark.parametrize("size", [None, 64, 1200])
def test_nothing_is_lost_or_out_of_order_with_many_targets_and_a_window_of_64(size: int | None) -> None:
    """With one size the kernel may glue datagrams together; with many it cannot."""

    async def main() -> None:
        dice = random.Random(7)
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with ExitStack() as peers:
                ports = [peers.enter_context(peer())[1] for _ in range(5)]
                sent: dict[int, list[bytes]] = {port: [] for port in ports}
                got: dict[int, list[bytes]] = {port: [] for port in ports}
                for _ in range(40):
                    run_length = dice.choice((1, 1, 2, 16))
                    port = dice.choice(ports)
                    for number in range(64):
                        if number % run_length == 0:
                            port = dice.choice(ports)
                        payload = dice.randbytes(dice.choice((0, 1, 40, 700, 1400, 3000)) if size is None else size)
                        sent[port].append(payload)
                        client.send(HERE, port, payload)
                    for _ in range(64):
                        answer = await client.receive()
                        got[answer.port].append(bytes(answer.payload))
                assert got == sent

    run(main())


def test_an_answer_with_no_room_for_its_header_is_lost_alone() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer(answer=lambda data: bytes(65507)) as (_, huge), peer() as (_, port):
                client.send(HERE, huge, b"")
                await still_works(client, port)
                await still_works(client, port)

    run(main())


def test_too_large_datagrams_are_dropped_whole() -> None:
    async def main() -> None:
        async with proxy(socks={**FULL, "udp_relay_packet_size": "1000"}) as p, associated(p.socks) as client:
            with peer(answer=lambda data: data * 2) as (_, port):
                await client.exchange(HERE, port, b"first")
                for size in (1001, 500, 1000, 501, 499):
                    client.send(HERE, port, bytes(size))
                assert [len((await client.receive()).payload) for _ in range(2)] == [1000, 998]

    run(main())


def test_names_and_both_families_in_one_association() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port), peer("::1") as (_, port6, *_):
                assert await client.exchange("origin.test", port, b"a") == (HERE, port, b"a")
                assert await client.exchange("ORIGIN.test.", port, b"b") == (HERE, port, b"b")
                assert await client.exchange(IPv6Address("::1"), port6, b"c") == (IPv6Address("::1"), port6, b"c")
                assert await client.exchange("127.0.0.1", port, b"d") == (HERE, port, b"d")
                mapped = b"\0\0\0\4" + IPv6Address("::ffff:127.0.0.1").packed + port.to_bytes(2) + b"e"
                client.say(mapped)
                answer = await client.receive()
                assert (answer.host, answer.port, bytes(answer.payload)) == (HERE, port, b"e")
            client.writer.close()
            assert (await p.task_record())["initial_peer"] == f"origin.test:{port}"

    run(main())


def test_an_ipv6_client() -> None:
    async def main() -> None:
        async with (
            proxy(socks={**FULL, "udp_bind_ipv6": "::1"}) as p,
            associated(p.socks, UdpAssociate(IPv6Address(0), 0), local="::1") as client,
        ):
            assert client.relay[0] == "::1"
            with peer("::1") as (_, port6, *_), peer() as (_, port):
                payloads = [b"%d" % number * 100 for number in range(100, 164)]
                await client.exchange(HERE, port, b"first")
                for payload in payloads:
                    client.send(IPv6Address("::1"), port6, payload)
                assert [bytes((await client.receive()).payload) for _ in payloads] == payloads

    run(main())


def test_foreign_senders_are_dropped_before_and_after_the_client_is_known() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port), bound("127.0.0.2") as stranger, bound() as neighbour:
                intrusion = pack_header(HERE, port) + b"intrusion"
                # All of these are in the queue before the proxy looks at any.
                for _ in range(3):
                    stranger.sendto(intrusion, client.relay)
                client.send(HERE, port, b"first")
                for _ in range(100):
                    neighbour.sendto(intrusion, client.relay)
                    stranger.sendto(intrusion, client.relay)
                client.send(HERE, port, b"second")
                assert [bytes((await client.receive()).payload) for _ in range(2)] == [b"first", b"second"]
                stranger.sendto(intrusion, client.relay)
                neighbour.sendto(intrusion, client.relay)
                await still_works(client, port)
            client.writer.close()
            record = await p.task_record()
            assert record["c_rd_packets"] == 3
            # Three before the first datagram, and those of the next that came before the proxy had read it.
            assert 3 <= record["c_foreign_packets"] <= 205

    run(main())


def test_the_address_in_the_request_is_the_one_that_may_send() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p:
            with peer() as (_, port), bound() as right:
                asked = UdpAssociate(HERE, right.getsockname()[1])
                async with associated(p.socks, asked) as client:
                    client.send(HERE, port, b"wrong port")
                    client.sock, wrong = right, client.sock
                    wrong.close()
                    await still_works(client, port)

    run(main())


def test_the_ingress_filter_is_asked_for_the_source() -> None:
    async def main() -> None:
        rules = {"ingress_network_filter": {"allow": ["127.0.0.1"], "default": "forbid"}}
        async with proxy(socks={**FULL, **rules}) as p:
            with peer() as (_, port), bound("127.0.0.2") as barred:
                asked = UdpAssociate(IPv4Address("127.0.0.2"), 0)
                async with associated(p.socks, asked) as client:
                    barred.sendto(pack_header(HERE, port), client.relay)
                    client.writer.close()
                    record = await p.task_record()
                    assert record["reason"] == "ClosedEarlyByClient"
                    assert record["c_rd_packets"] == 0

    run(main())


GARBAGE = [
    b"",
    b"\0",
    b"\0\0\0",
    b"\0\0\0\1",
    b"\0\0\0\1\x7f\0\0\1\0",
    b"\0\0\0\3",
    b"\0\0\0\3\0\0\0",
    b"\0\0\0\3\5a.test\0",
    b"\0\0\0\3\3a b\0\x35",
    b"\0\0\0\2\x7f\0\0\1\0\x35x",
    b"\0\1\0\1\x7f\0\0\1\0\x35x",
    b"\1\0\0\1\x7f\0\0\1\0\x35x",
    b"\xff" * 1200,
    b"\0\0\0\4" + bytes(17),
]


def test_garbage_and_fragments_end_nothing() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                whole = pack_header(HERE, port)
                fragments = [bytes((0, 0, number)) + whole[3:] + b"part" for number in (1, 2, 0x80, 0xFF)]
                for raw in (*GARBAGE, *fragments):
                    client.say(raw)
                await still_works(client, port)
                for raw in (*GARBAGE, *fragments):
                    client.say(raw)
                    client.say(raw)
                await still_works(client, port)
                # Mixed into a window of good ones.
                for number in range(32):
                    client.send(HERE, port, b"%d" % number)
                    client.say(random.Random(number).choice((*GARBAGE, *fragments)))
                assert [bytes((await client.receive()).payload) for _ in range(32)] == [b"%d" % n for n in range(32)]

    run(main())


def test_thousands_of_spoiled_datagrams_end_nothing() -> None:
    async def main() -> None:
        dice = random.Random(11)
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port), peer("::1") as (_, port6, *_rest):
                heads = [
                    pack_header(HERE, port),
                    pack_header(IPv6Address("::1"), port6),
                    pack_header("origin.test", port),
                ]
                for round_ in range(60):
                    for _ in range(50):
                        raw = bytearray(dice.choice(heads) + dice.randbytes(dice.choice((0, 3, 60))))
                        for _ in range(dice.randrange(4)):
                            # Neither the host nor the port: a datagram to nowhere would only be slow.
                            raw[dice.choice((0, 1, 2, 3, 4))] = dice.randrange(256)
                        client.say(bytes(raw[: dice.randrange(len(raw) + 1)]))
                    client.send(HERE, port, b"mark %d" % round_)
                    while bytes((await client.receive()).payload) != b"mark %d" % round_:
                        pass

    run(main())


def test_an_old_header_in_the_buffer_is_no_header() -> None:
    """A datagram shorter than its header must not borrow the rest from the one that was in the slot before."""

    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                whole = pack_header(HERE, port)
                for _ in range(4):
                    for number in range(16):
                        client.send(HERE, port, b"%d" % number)
                    for _ in range(16):
                        await client.receive()
                    for size in range(10):
                        client.say(whole)
                        client.say(whole[:size])
                    got = [bytes((await client.receive()).payload) for _ in range(10)]
                    assert got == [b""] * 10
                await still_works(client, port)

    run(main())


def test_rules_are_asked_for_every_target() -> None:
    async def main() -> None:
        rules = {"dst_port_filter": {"forbid": 25, "default": "permit"}}
        async with proxy(socks={**FULL, **rules}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                for _ in range(3):
                    client.send(HERE, 25, b"mail")
                    client.send("origin.test", 25, b"mail")
                    client.send("unknown.test", 80, b"web")
                    client.send(IPv4Address("169.254.1.1"), 80, b"web")
                await still_works(client, port)
                assert socks_server(p).stats.dest_denied == 2
                lost = await p.records.wait(log_type="Escape", escape_type="UdpSendto")
                assert [(r["upstream"], r["reason"]) for r in lost] == [
                    ("unknown.test:80", "ResolveFailed"),
                    ("169.254.1.1:80", "ForbiddenRemoteAddress"),
                ]

    run(main())


def test_the_egress_filter_is_asked_for_every_target() -> None:
    async def main() -> None:
        async with (
            proxy(socks=FULL, escaper={"egress_network_filter": {"default": "permit"}}) as p,
            associated(p.socks) as client,
        ):
            with peer() as (_, port):
                for host in (HERE, "origin.test", "0x7f.1", "2130706433", "127.0.0.1"):
                    client.send(host, port, b"secret")
                client.say(b"\0\0\0\4" + IPv6Address("::ffff:127.0.0.1").packed + port.to_bytes(2) + b"secret")
                lost = await p.records.wait(4, log_type="Escape")
                assert {r["reason"] for r in lost} == {"ForbiddenRemoteAddress"}
                client.writer.close()
                record = await p.task_record()
                assert (record["r_wr_packets"], record["r_rd_packets"]) == (0, 0)

    run(main())


def test_a_dead_target_or_client_port_ends_nothing() -> None:
    """ICMP says that a port is closed; both may come back."""

    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port), bound() as gone:
                dead = gone.getsockname()[1]
                gone.close()
                await still_works(client, port)
                for _ in range(3):
                    client.send(HERE, dead, b"anybody?")
                    await still_works(client, port)
                mine = client.sock.getsockname()
                with bound() as target:
                    client.send(HERE, target.getsockname()[1], b"speak")
                    while True:  # until it has come
                        try:
                            _, proxy_address = target.recvfrom(100)
                            break
                        except BlockingIOError:
                            await asyncio.sleep(0)
                    client.sock.close()
                    for _ in range(5):
                        target.sendto(b"into the void", proxy_address)
                        await asyncio.sleep(0)
                    client.sock = bound(*mine)
                    client.sock.setblocking(False)
                    await still_works_eventually(client, port)

    run(main())


async def still_works_eventually(client: UdpClient, port: int) -> None:
    """As `still_works`, where earlier datagrams may still be on their way."""
    client.send(HERE, port, b"back")
    while bytes((await client.receive()).payload) != b"back":
        pass


def test_the_end_of_the_tcp_connection_is_the_end() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p:
            for said, reason in ((b"", "ClosedByClient"), (b"x", "InvalidClientProtocol")):
                async with associated(p.socks) as client:
                    with peer() as (_, port):
                        await still_works(client, port)
                        client.writer.write(said)
                        if not said:
                            client.writer.write_eof()
                        assert await client.ended() == b""
                await p.records.wait(log_type="Task", reason=reason)
            server = socks_server(p)
            assert (server.udp.associations, server.stats.task_alive, server.stats.task_total) == (0, 0, 2)

    run(main())


def test_bytes_behind_the_request_are_against_the_protocol() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p:
            _, writer = await asyncio.open_connection(*p.socks)
            writer.write(b"\5\1\0\5\3\0\1" + bytes(6) + b"x")
            assert (await p.task_record())["reason"] == "InvalidClientProtocol"
            writer.close()

    run(main())


def test_a_client_that_sends_nothing_is_let_go() -> None:
    async def main() -> None:
        async with proxy(socks={**FULL, "udp_client_initial_timeout": "10ms"}) as p, associated(p.socks) as client:
            assert await client.ended() == b""
            assert finished(await p.task_record()) == ("UdpAssociate", "ClientAppTimeout")

    run(main())


def test_an_idle_association_ends() -> None:
    async def main() -> None:
        idle = {"task_idle_check_interval": "100ms", "task_idle_max_count": 2}
        async with proxy(socks={**FULL, **idle}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                assert await client.ended() == b""
                assert (await p.task_record())["reason"] == "Idle"

    run(main())


def test_a_quit_ends_associations() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                p.worker.quit(Quit.AT_ONCE)
                assert await client.ended() == b""
                assert (await p.task_record())["reason"] == "CanceledAsServerQuit"

    run(main())


@pytest.mark.parametrize("way", ["upload", "download"])
@pytest.mark.parametrize("side", ["server", "escaper"])
@pytest.mark.parametrize("begun", [False, True])
def test_speed_limits(way: str, side: str, begun: bool) -> None:
    async def main() -> None:
        limit = {"udp_sock_speed_limit": {"shift": 12, f"{way}_packets": 10}}
        socks_keys, escaper = ({**FULL, **limit}, {}) if side == "server" else (FULL, limit)
        async with proxy(socks=socks_keys, escaper=escaper) as p, associated(p.socks) as client:
            with peer() as (_, port):
                if begun:
                    await still_works(client, port)
                for _ in range(40):
                    client.send(HERE, port, b"x")
                for _ in range(9):
                    await client.receive()
            client.writer.close()
            # The bucket holds 10 and gets 2.4 a second; the one that was read to find the client is not counted.
            assert 10 <= (await p.task_record())["c_wr_packets"] < 20

    run(main())


def test_what_a_limit_holds_back_comes_later() -> None:
    async def main() -> None:
        limit = {"shift": 3, "upload_packets": 5, "download_bytes": "10K"}
        async with proxy(socks={**FULL, "udp_sock_speed_limit": limit}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                for number in range(60):
                    client.send(HERE, port, b"%d" % number * 500)
                got = [bytes((await client.receive()).payload) for _ in range(60)]
                assert got == [b"%d" % number * 500 for number in range(60)]

    run(main())


def a_record(query: bytes) -> bytes:
    """A name server's answer: 127.0.0.1."""
    end = query.index(b"\0", 12) + 5
    head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return head + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"


@pytest.mark.parametrize("first", [True, False])
def test_datagrams_wait_for_the_address_of_their_name(first: bool) -> None:
    async def main() -> None:
        with bound() as name_server, peer() as (_, port), peer() as (_, other):
            server = f"127.0.0.1:{name_server.getsockname()[1]}"
            resolver = {"type": "c_ares", "server": server, "graceful_stop_wait": "0s"}
            async with proxy(socks=FULL, resolver=resolver) as p, associated(p.socks) as client:
                if not first:
                    await still_works(client, other)
                for number in range(30):
                    client.send("slow.test", port, b"%d" % number)
                query, source = await receive(name_server)
                await still_works(client, other)
                name_server.sendto(a_record(query), source)
                got = [await client.receive() for _ in range(30)]
                assert {(answer.host, answer.port) for answer in got} == {(HERE, port)}
                assert [bytes(answer.payload) for answer in got] == [b"%d" % number for number in range(30)]
                await still_works(client, port)

    run(main())


@pytest.mark.parametrize("begun", [False, True])
def test_datagrams_that_cannot_be_sent_are_reported_once(begun: bool) -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                if begun:
                    await still_works(client, port)
                for _ in range(3):
                    client.send(HERE, 0, b"nowhere")
                    client.send("origin.test", 0, b"nowhere")
                await still_works(client, port)
                (record,) = await p.records.wait(log_type="Escape")
                assert (record["upstream"], record["reason"]) == ("127.0.0.1:0", "SetupSocketFailed")
                assert "Invalid argument" in record["msg"]

    run(main())


def test_a_reset_of_the_tcp_connection_is_the_end_as_well() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                client.writer.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                client.writer.transport.abort()
                assert (await p.task_record())["reason"] == "ClientTcpReadFailed"

    run(main())


def test_log_records_on_the_way() -> None:
    async def main() -> None:
        logs = {"flush_task_log_on_created": True, "task_log_flush_interval": "10ms"}
        async with proxy(socks={**FULL, **logs}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await still_works(client, port)
                (created,) = await p.records.wait(task_event="Created")
                assert created["task_type"] == "UdpAssociate"
                assert "udp_client_addr" not in created
                periodic = (await p.records.wait(2, task_event="Periodic"))[1]
                assert (periodic["stage"], periodic["r_rd_packets"]) == ("Relaying", 1)

    run(main())


def test_with_a_client_of_somebody_else() -> None:
    """PySocks says 0.0.0.0 as the name "0" or as an address, and takes answers from the relay only."""

    async def main() -> None:
        async with proxy(socks=FULL) as p:
            with peer() as (_, port):

                def speak() -> list[bytes]:
                    with socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                        sock.set_proxy(socks.SOCKS5, *p.socks)
                        sock.settimeout(10)
                        answers = []
                        for number in range(5):
                            sock.sendto(b"%d" % number, ("127.0.0.1", port))
                            answers.append(sock.recvfrom(100)[0])
                        return answers

                assert await asyncio.to_thread(speak) == [b"%d" % number for number in range(5)]

    run(main())
