"""Dante's server as the next proxy, for connections and for datagrams."""

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chain import HERE, through
from daemon import free_port
from loopback import run
from proxy import Address, echo, origin, talk
from server.test_proxy_socks5 import tunnel
from tls.secure import GRANTED
from udp import associated, peer

DANTE = shutil.which("danted") or shutil.which("sockd")
pytestmark = [
    pytest.mark.skipif(DANTE is None, reason="dante-server is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Dante gives its rights up: it has to begin as root"),
]

CONFIG = """\
errorlog: {folder}/error.log
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: 0.0.0.0/0 port = 25 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 command: connect udpassociate udpreply }}
"""
FULL = {"use_udp_associate": True}
MODES = pytest.mark.parametrize("mode", [FULL, {}], ids=["full", "one"])


@contextlib.asynccontextmanager
async def dante(folder: Path) -> AsyncIterator[Address]:
    """Dante without authentication."""
    assert DANTE is not None
    port, path = free_port(), folder / "danted.conf"
    path.write_text(CONFIG.format(folder=folder, port=port))
    process = await asyncio.create_subprocess_exec(
        *(DANTE, "-f", str(path), "-p", str(folder / "pid")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                assert process.returncode is None, (folder / "error.log").read_text()
                await asyncio.sleep(0.01)  # it is about to listen, and says so to nobody
        writer.close()
        yield "127.0.0.1", port
    finally:
        process.terminate()
        await process.wait()


def test_tunnels(tmp_path: Path) -> None:
    async def main() -> None:
        bulk = random.Random(1).randbytes(2_000_000)
        async with dante(tmp_path) as address, through(address) as p, origin(echo) as (_, to):
            for host in ("127.0.0.1", "localhost"):
                assert await talk(p.http, tunnel(host, to) + bulk, end=True) == GRANTED + bulk
            assert (await talk(p.http, tunnel("127.0.0.1", free_port()), end=True))[9:12] == b"502"
            assert (await talk(p.http, tunnel("127.0.0.1", 25), end=True))[9:12] == b"502"
            records = await p.records.wait(2, log_type="Escape")
            assert [record["reason"] for record in records] == ["NegotiationRejected"] * 2
            assert "(5)" in records[0]["msg"]  # connection refused
            assert "(2)" in records[1]["msg"]  # not allowed by the rules

    run(main())


@MODES
def test_datagrams(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def main() -> None:
        async with dante(tmp_path) as address, through(address, mode) as p, associated(p.socks) as client:
            with peer() as (_, port), peer() as (_, other):
                for number in range(100):
                    target = other if number % 3 == 0 and mode is FULL else port
                    payload = random.Random(number).randbytes(number * 13)
                    assert await client.exchange(HERE, target, payload) == (HERE, target, payload)
                client.send(HERE, port, b"last")
                assert bytes((await client.receive()).payload) == b"last"
            client.writer.close()
            (record,) = await p.records.wait(log_type="Task", task_event="Finished")
            assert (record["reason"], record["r_rd_packets"]) == ("ClosedByClient", 101)

    run(main())


@MODES
def test_datagrams_to_a_name(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def main() -> None:
        async with dante(tmp_path) as address, through(address, mode) as p, associated(p.socks) as client:
            with peer() as (_, port):
                for payload in (b"a", b"b" * 900):
                    answer = await client.exchange("localhost", port, payload)
                    assert answer == (HERE if mode is FULL else "localhost", port, payload)

    run(main())
