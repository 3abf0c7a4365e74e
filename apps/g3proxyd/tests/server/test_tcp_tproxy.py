"""Connections to other machines: in network namespaces with rules of a real firewall, and what comes without them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from daemon import free_port
from g3_proxyproto import Inet, pack_v2
from g3proxyd.config.values.listen import TcpListen
from g3proxyd.config.values.sockopts import TcpMiscSockOpts
from g3proxyd.io import sockopts
from g3proxyd.io.addresses import is_local
from g3proxyd.io.listening import open_bound
from loopback import run
from namespaces import PATIENCE, Namespaces, namespaces, or_skip
from proxy import echo, origin, talk
from serving import serving


def tproxy(**keys: Any) -> dict[str, Any]:
    return {"name": "t", "type": "tcp_tproxy", "escaper": "direct", **keys}


def test_the_target_is_the_address_of_the_connection() -> None:
    """A port's PROXY header stands for the firewall here: the target is where the client wanted to go."""

    async def main() -> None:
        async with origin(echo) as (_, to):
            port = {"name": "port", "type": "plain_tcp_port", "server": "t", "proxy_protocol": 2}
            header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("127.0.0.1"), to))
            async with serving(port, tproxy()) as p:
                assert await talk(p.addresses["port"], header + b"early", end=True) == b"early"
                record = await p.task_record()
                assert (record["server_type"], record["task_type"]) == ("TcpTProxy", "TcpConnect")
                assert record["upstream"] == record["server_addr"] == f"127.0.0.1:{to}"
                assert record["client_addr"] == "192.0.2.7:5"

    run(main())


def test_its_own_address_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        own = free_port()
        port = {"name": "port", "type": "plain_tcp_port", "server": "t", "proxy_protocol": 2}
        header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("127.0.0.1"), own))
        async with serving(port, tproxy(listen=f"127.0.0.1:{own}")) as p:
            assert await talk(p.addresses["port"], header) == b""
            assert p.worker.modules is not None
            stats = p.worker.modules.servers["t"].stats
            assert (stats.listen_dropped, stats.task_total) == (1, 0)

    run(main())
    why = "it was for this server's own address; no TPROXY rule of the firewall led it here"
    assert caplog.messages == [f"server t: refused a connection from 192.0.2.7: {why}"]


def test_the_same_port_elsewhere_is_a_target() -> None:
    async def main() -> None:
        own = free_port()
        port = {"name": "port", "type": "plain_tcp_port", "server": "t", "proxy_protocol": 2}
        header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), own))
        forbidding = {"egress_network_filter": {"default": "forbid"}}
        async with serving(port, tproxy(listen=f"127.0.0.1:{own}"), escaper=forbidding) as p:
            assert await talk(p.addresses["port"], header) == b""
            assert (await p.task_record())["upstream"] == f"192.0.2.8:{own}"

    run(main())


def test_addresses_of_this_machine() -> None:
    assert is_local(ip_address("127.0.0.1"))
    assert is_local(ip_address("::1"))
    assert not is_local(ip_address("192.0.2.1"))
    assert not is_local(ip_address("2001:db8::1"))


def test_without_the_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    listen = TcpListen.model_validate("127.0.0.1:1")
    monkeypatch.setattr(sockopts, "set_options", denied)
    with pytest.raises(PermissionError, match=r"not permitted: .* need the capability CAP_NET_ADMIN"):
        open_bound(listen, TcpMiscSockOpts(), transparent=True)


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise OSError(92, "Protocol not available")

    monkeypatch.setattr(sockopts, "set_options", unknown)
    with pytest.raises(OSError, match=r"^\[Errno 92\] Protocol not available$"):
        open_bound(TcpListen.model_validate("127.0.0.1:1"), TcpMiscSockOpts(), transparent=True)


ORIGIN = """
import socket, sys, threading
def serve(listener):
    while True:
        sock, peer = listener.accept()
        sock.recv(65536)
        body = ("%s to %s" % (peer[0], sock.getsockname()[0])).encode()
        head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n"
        sock.sendall(head % len(body) + body)
        sock.close()
for host in ("203.0.113.5", "2001:db8:5::5"):
    listener = socket.create_server((host, 8080), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    threading.Thread(target=serve, args=(listener,)).start()
print("ready", flush=True)
"""


@pytest.fixture
def network() -> Iterator[Namespaces]:
    """A proxy, which routes, and a client behind it. The origin's addresses are the proxy's own."""
    with namespaces("iptables", "ip6tables", "curl") as found:
        with or_skip():
            set_up(found, 9000)
        yield found


def set_up(network: Namespaces, port: int) -> None:
    network.add("proxy")
    network.add("client")
    ours, _ = network.link("proxy", "client", ("192.0.2.1", "192.0.2.2", 24), ("2001:db8:2::1", "2001:db8:2::2", 64))
    network.ip("client", "route", "add", "default", "via", "192.0.2.1")
    network.ip("client", "-6", "route", "add", "default", "via", "2001:db8:2::1")
    network.address("proxy", "203.0.113.5/32")
    network.address("proxy", "2001:db8:5::5/128")
    for family, table in (("-4", "iptables"), ("-6", "ip6tables")):
        network.ip("proxy", family, "rule", "add", "fwmark", "1", "lookup", "100")
        network.ip("proxy", family, "route", "add", "local", "default", "dev", "lo", "table", "100")
        rule = ["PREROUTING", "-i", ours, "-p", "tcp", "--dport", "8080", "-j", "TPROXY"]
        target = ["--on-port", str(port), "--tproxy-mark", "1"]
        network.run("proxy", table, "-t", "mangle", "-A", *rule, *target)


SERVERS = [
    {"type": "tcp_tproxy"},
    {"type": "sni_proxy", "listen_transparent": True},
]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server["type"])
def test_a_real_firewall(network: Namespaces, tmp_path: Path, server: dict[str, Any]) -> None:
    document = {
        "log": "stdout",
        "worker": {"thread_number": 1},
        "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s"},
        "server": [{"name": "t", "escaper": "direct", "listen": "[::]:9000", **server}],
        "escaper": [
            {
                "name": "direct",
                "type": "direct_fixed",
                "resolver": "dns",
                "egress_network_filter": {
                    "default": "permit",
                    "permit": ["192.0.2.0/24", "203.0.113.0/24", "2001:db8::/32"],
                },
            }
        ],
        "resolver": [{"name": "dns", "type": "deny_all"}],
    }
    (tmp_path / "main.yml").write_text(yaml.safe_dump(document))
    source = network.start("proxy", sys.executable, "-c", ORIGIN)
    daemon = network.start("proxy", sys.executable, "-m", "g3proxyd", "-c", str(tmp_path))
    try:
        assert source.stdout is not None
        assert source.stdout.readline() == "ready\n"
        assert daemon.stderr is not None
        assert "server t listens on :: port 9000" in daemon.stderr.readline()
        curl = ("curl", "--silent", "--show-error", "--max-time", "10")
        for host in ("203.0.113.5", "[2001:db8:5::5]"):
            answer = network.run("client", *curl, f"http://{host}:8080/").stdout
            # The proxy's own address, not the client's: the connection went through it.
            plain = host.strip("[]")
            assert answer == f"{plain} to {plain}"
        with pytest.raises(subprocess.CalledProcessError):
            network.run("client", *curl, "http://192.0.2.1:9000/")
    finally:
        daemon.terminate()
        source.kill()
        output, errors = daemon.communicate(timeout=PATIENCE)
        source.communicate(timeout=PATIENCE)
    records = [json.loads(line) for line in output.splitlines()]
    finished = [record for record in records if record["log_type"] == "Task" and record["task_event"] == "Finished"]
    if server["type"] == "sni_proxy":  # the target is what the request says, and is connected to before it is known
        own = finished.pop()
        assert (own["upstream"], own["reason"]) == ("192.0.2.1:9000", "ForbiddenByRule")
    else:
        assert "refused a connection from 192.0.2.2: it was for this server's own address" in errors
    assert [record["upstream"] for record in finished] == ["203.0.113.5:8080", "[2001:db8:5::5]:8080"]
    assert [record["server_addr"] for record in finished] == ["203.0.113.5:8080", "[2001:db8:5::5]:8080"]
    assert finished[0]["client_addr"].startswith("192.0.2.2:")
    assert finished[1]["client_addr"].startswith("[2001:db8:2::2]:")
