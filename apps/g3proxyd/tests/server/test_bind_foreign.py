"""Clients keep their addresses: `bind_foreign` among three machines, each in a network namespace of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from namespaces import PATIENCE, Namespaces, namespaces, or_skip

ORIGIN = """
import socket, threading
def serve(listener):
    while True:
        sock, peer = listener.accept()
        sock.recv(65536)
        body = ("%s %d" % peer[:2]).encode()
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
def answer(sock):
    while True:
        _, peer = sock.recvfrom(65536)
        sock.sendto(peer[0].encode(), peer)
for host in ("203.0.113.5", "2001:db8:5::5"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (8080, 8081):
        threading.Thread(target=serve, args=(socket.create_server((host, port), family=family),)).start()
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((host, 8080))
    threading.Thread(target=answer, args=(sock,)).start()
print("ready", flush=True)
"""

ASSOCIATE = """
import socket
tcp = socket.create_connection(("192.0.2.1", 1080))
tcp.sendall(b"\\5\\1\\0" + b"\\5\\3\\0\\1" + bytes(6))
said = b""
while len(said) < 12:
    said += tcp.recv(64)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(10)
head = b"\\0\\0\\0\\1" + socket.inet_aton("203.0.113.5") + (8080).to_bytes(2, "big")
udp.sendto(head + b"hello", (socket.inet_ntoa(said[6:10]), int.from_bytes(said[10:12], "big")))
print(udp.recv(100)[10:].decode())
"""

CURL = ("curl", "--silent", "--show-error", "--max-time", "10")


@pytest.fixture
def network() -> Iterator[Namespaces]:
    """A client, a proxy, which routes, and an origin behind it."""
    with namespaces("curl", "setpriv") as found:
        with or_skip():
            for machine in ("client", "proxy", "origin"):
                found.add(machine)
            found.link("proxy", "client", ("192.0.2.1", "192.0.2.2", 24), ("2001:db8:2::1", "2001:db8:2::2", 64))
            networks = ("203.0.113.1", "203.0.113.5", 24), ("2001:db8:5::1", "2001:db8:5::5", 64)
            outside, _ = found.link("proxy", "origin", *networks)
            for family, gateway in (("-4", "203.0.113.1"), ("-6", "2001:db8:5::1")):
                found.ip("origin", family, "route", "add", "default", "via", gateway)
                # What comes back for clients is the proxy's.
                found.ip("proxy", family, "rule", "add", "iif", outside, "lookup", "100")
                found.ip("proxy", family, "route", "add", "local", "default", "dev", "lo", "table", "100")
        yield found


@contextmanager
def proxy(network: Namespaces, folder: Path, **escaper: Any) -> Iterator[list[dict[str, Any]]]:
    """The daemon and the origin. The list has the daemon's log records once it has ended."""
    http = {"name": "http", "type": "http_proxy", "escaper": "direct", "listen": "[::]:8080"}
    socks = {"name": "socks", "type": "socks_proxy", "escaper": "direct", "listen": "0.0.0.0:1080"}
    filtered = {"default": "permit"}
    direct = {"name": "direct", "type": "direct_fixed", "resolver": "dns", "egress_network_filter": filtered}
    document = {
        "log": "stdout",
        "worker": {"thread_number": 1},
        "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s"},
        "server": [http, {**socks, "enable_udp_associate": True}],
        "escaper": [{**direct, "bind_foreign": True, **escaper}],
        "resolver": [{"name": "dns", "type": "deny_all"}],
    }
    (folder / "main.yml").write_text(yaml.safe_dump(document))
    records: list[dict[str, Any]] = []
    origin = network.start("origin", sys.executable, "-c", ORIGIN)
    daemon = network.start("proxy", sys.executable, "-m", "g3proxyd", "-c", str(folder))
    try:
        assert origin.stdout is not None
        assert origin.stdout.readline() == "ready\n"
        assert daemon.stderr is not None
        for _ in range(2):
            assert "listens on" in daemon.stderr.readline()
        yield records
    finally:
        daemon.terminate()
        origin.kill()
        output, _ = daemon.communicate(timeout=PATIENCE)
        origin.communicate(timeout=PATIENCE)
    records += [json.loads(line) for line in output.splitlines()]


def curl(network: Namespaces, via: str, *words: str) -> str:
    return network.run("client", *CURL, "--proxy", f"http://{via}:8080", *words).stdout


def test_the_address(network: Namespaces, tmp_path: Path) -> None:
    with proxy(network, tmp_path) as records:
        assert curl(network, "192.0.2.1", "http://203.0.113.5:8080/").split()[0] == "192.0.2.2"
        assert curl(network, "[2001:db8:2::1]", "http://[2001:db8:5::5]:8080/").split()[0] == "2001:db8:2::2"
        # There is no way from one family to the other.
        status = ("--output", "/dev/null", "--write-out", "%{http_code}")
        assert curl(network, "192.0.2.1", *status, "http://[2001:db8:5::5]:8080/") == "503"
        assert network.run("client", sys.executable, "-c", ASSOCIATE).stdout == "192.0.2.2\n"
    ended = [record for record in records if record["log_type"] == "Task" and record["task_event"] == "Finished"]
    assert [record.get("next_bind_ip") for record in ended[:3]] == ["192.0.2.2", "2001:db8:2::2", None]
    assert ended[0]["next_bound_addr"].startswith("192.0.2.2:")
    assert ended[2]["reason"] == "EscaperNotUsable"


def test_the_port(network: Namespaces, tmp_path: Path) -> None:
    with proxy(network, tmp_path, bind_foreign_port=True):
        # One connection of the client's, and one after the other to two servers.
        urls = ("http://203.0.113.5:8080/", "http://203.0.113.5:8081/")
        assert curl(network, "192.0.2.1", "--local-port", "40001", *urls) == "192.0.2.2 40001" * 2
        assert network.run("client", sys.executable, "-c", ASSOCIATE).stdout == "192.0.2.2\n"


def test_without_the_capability(network: Namespaces, tmp_path: Path) -> None:
    escaper = {"name": "direct", "type": "direct_fixed", "resolver": "dns", "bind_foreign": True}
    document = {
        "server": [{"name": "http", "type": "http_proxy", "escaper": "direct", "listen": "127.0.0.1:8080"}],
        "escaper": [escaper],
        "resolver": [{"name": "dns", "type": "deny_all"}],
    }
    (tmp_path / "main.yml").write_text(yaml.safe_dump(document))
    without = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        network.run("proxy", *without, sys.executable, "-m", "g3proxyd", "-c", str(tmp_path))
    assert "escaper direct: bind_foreign: Operation not permitted: " in caught.value.stderr
    assert "need the capability CAP_NET_ADMIN" in caught.value.stderr
