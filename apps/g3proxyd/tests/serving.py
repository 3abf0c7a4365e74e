"""A daemon with any servers on the test's own event loop; `proxy` has one with those that most tests need."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from g3proxyd.config import Config, load
from g3proxyd.log import Logger, Loggers
from g3proxyd.worker.worker import Quit, Worker
from proxy import LOOPBACK, Proxy, Records, listening


def with_servers(
    *servers: dict[str, Any], escaper: dict[str, Any] | None = None, routes: Sequence[dict[str, Any]] = ()
) -> Config:
    """These servers and an escaper ``direct`` for them, and other escapers, read as the daemon reads its files.

    Each server has a `listen` that the configuration is content with; the tests bring their own sockets. ``escaper``
    holds further keys of the escaper, or, with a `type`, all of them.
    """
    direct = {
        "type": "direct_fixed",
        "resolver": "dns",
        "egress_network_filter": LOOPBACK,
        "resolve_redirection": {"origin.test": "127.0.0.1"},
    }
    document = {
        "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s"},
        "server": [{"listen": f"127.0.0.1:{port}", **server} for port, server in enumerate(servers, start=1)],
        "escaper": [
            {"name": "direct", **({} if escaper and "type" in escaper else direct), **(escaper or {})},
            *routes,
        ],
        "resolver": [{"name": "dns", "type": "deny_all"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "main.yml"
        path.write_text(yaml.safe_dump(document))
        return load(path)


@contextlib.asynccontextmanager
async def serving(
    *servers: dict[str, Any],
    escaper: dict[str, Any] | None = None,
    routes: Sequence[dict[str, Any]] = (),
    sockets: dict[str, socket.socket] | None = None,
) -> AsyncIterator[Proxy]:
    """Run a daemon with these servers, each on a port of the kernel's choice; see `Proxy.addresses`.

    ``sockets`` are listening ones for servers that need others; the daemon owns them.
    """
    records = Records()
    task, escape, resolve, audit = (Logger(kind, records) for kind in ("Task", "Escape", "Resolve", "Inspect"))
    names = [server["name"] for server in servers]
    sockets = {name: (sockets or {}).get(name) or listening() for name in names}
    addresses = {name: sock.getsockname() for name, sock in sockets.items()}
    config = with_servers(*servers, escaper=escaper, routes=routes)
    worker = Worker(config, Loggers(task, escape, resolve, audit), {name: [sock] for name, sock in sockets.items()})
    running = asyncio.get_running_loop().create_task(worker.run())
    try:
        yield Proxy(worker, running, addresses, records)
    finally:
        worker.quit(Quit.AT_ONCE)
        await running
