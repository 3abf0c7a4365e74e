"""Datagrams that the kernel carries in trains (GSO and GRO) are relayed as the datagrams that they are."""

import random
import socket
import sys
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_socks import pack_header
from g3proxyd.io.udp_socket import SOL_UDP, UDP_SEGMENT
from loopback import run
from proxy import proxy
from udp import UdpClient, associated, bound, peer, receive

HERE = IPv4Address("127.0.0.1")
Datagrams = list[tuple[int, bytes]]


def send_train(sock: socket.socket, address: tuple[str, int], datagrams: list[bytes]) -> None:
    """Send datagrams of one size, of which the last may be shorter, in one call."""
    size = len(datagrams[0])
    control = [(SOL_UDP, UDP_SEGMENT, size.to_bytes(2, sys.byteorder))]
    assert sock.sendmsg([b"".join(datagrams)], control, 0, address) == sum(map(len, datagrams))


def uploads(size: int, ports: list[int], count: int, seed: int) -> Datagrams:
    """Payloads for runs of targets, all of one size but the last."""
    dice = random.Random(seed)
    port = ports[0]
    made = []
    for number in range(count):
        if dice.random() < 0.3:
            port = dice.choice(ports)
        made.append((port, dice.randbytes(size if number < count - 1 else dice.randrange(size + 1))))
    return made


async def answers(client: UdpClient, count: int) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for _ in range(count):
        answer = await client.receive()
        found.setdefault(answer.port, []).append(bytes(answer.payload))
    return found


@pytest.mark.parametrize("full", [True, False], ids=["associate", "connect"])
@pytest.mark.parametrize("size", [0, 1, 100, 1190, 1462])
def test_trains_of_the_client(size: int, full: bool) -> None:
    async def main() -> None:
        async with proxy(socks={"use_udp_associate": full}) as p, associated(p.socks) as client:
            with ExitStack() as stack:
                ports = [stack.enter_context(peer())[1] for _ in range(3 if full else 1)]
                assert await client.exchange(HERE, ports[0], b"first") == (HERE, ports[0], b"first")
                for seed in range(5):
                    datagrams = uploads(size, ports, 40, seed)
                    train = [pack_header(HERE, port) + payload for port, payload in datagrams]
                    send_train(client.sock, client.relay, train)
                    expected: dict[int, list[bytes]] = {}
                    for port, payload in datagrams:
                        expected.setdefault(port, []).append(payload)
                    assert await answers(client, 40) == expected
                client.writer.close()
                record = await p.task_record()
                assert {record[f"{side}_packets"] for side in ("c_rd", "c_wr", "r_rd", "r_wr")} == {201}
                assert record["c_rd_bytes"] - record["r_wr_bytes"] == 201 * 10

    run(main())


def test_trains_with_garbage_at_the_end_and_ipv6_and_names() -> None:
    async def main() -> None:
        async with proxy(socks={"use_udp_associate": True}) as p, associated(p.socks) as client:
            with peer() as (_, port), peer("::1") as (_, port6, *_rest):
                await client.exchange(HERE, port, b"first")
                six = pack_header(IPv6Address("::1"), port6)
                name = pack_header("origin.test", port)
                four = pack_header(HERE, port)
                size = 100
                heads = [six, six, name, four, name, name, six]
                train = [head + bytes([n]) * (size - len(head)) for n, head in enumerate(heads)]
                send_train(client.sock, client.relay, [*train, four[:7]])
                send_train(client.sock, client.relay, [b"\0\0\1" + train[0][3:], *train, six[:12]])
                got = await answers(client, 14)
                assert got == {
                    port6: [bytes([n]) * (size - 22) for n in (0, 1, 6)] * 2,
                    port: [bytes([n]) * (size - len(heads[n])) for n in (2, 3, 4, 5)] * 2,
                }

    run(main())


def test_trains_wait_for_a_name_and_stay_in_order() -> None:
    async def main() -> None:
        async with proxy(socks={"use_udp_associate": True}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await client.exchange(HERE, port, b"first")
                head = pack_header("unknown.test", port)
                send_train(client.sock, client.relay, [head + bytes([n]) * 50 for n in range(20)])
                assert await client.exchange(HERE, port, b"next") == (HERE, port, b"next")

    run(main())


@pytest.mark.parametrize("full", [True, False], ids=["associate", "connect"])
@pytest.mark.parametrize("last", [1200, 7])
def test_trains_of_the_target(full: bool, last: int) -> None:
    async def main() -> None:
        async with proxy(socks={"use_udp_associate": full}) as p, associated(p.socks) as client:
            with bound() as target, bound() as other:
                port = target.getsockname()[1]
                client.send(HERE, port, b"speak")
                _, source = await receive(target)
                dice = random.Random(last)
                for _ in range(5):
                    train = [dice.randbytes(1200) for _ in range(30)] + [dice.randbytes(last)]
                    send_train(target, source, train)
                    if full:
                        other.sendto(b"between", source)
                    send_train(target, source, train)
                    got = await answers(client, 62 + full)
                    assert got.pop(port) == train * 2
                    assert got == ({other.getsockname()[1]: [b"between"]} if full else {})

    run(main())


def test_too_large_segments_are_dropped() -> None:
    async def main() -> None:
        keys = {"use_udp_associate": True, "udp_relay_packet_size": "1000"}
        async with proxy(socks=keys) as p, associated(p.socks) as client:
            with bound() as target:
                port = target.getsockname()[1]
                head = pack_header(HERE, port)
                client.send(HERE, port, b"speak")
                _, source = await receive(target)
                send_train(client.sock, client.relay, [head + bytes(1001)] * 5)
                send_train(client.sock, client.relay, [head + bytes(1000)] * 5)
                assert [len((await receive(target))[0]) for _ in range(5)] == [1000] * 5
                send_train(target, source, [bytes(1001)] * 5)
                send_train(target, source, [bytes(999)] * 5)
                assert [len((await client.receive()).payload) for _ in range(5)] == [999] * 5

    run(main())
