"""Resolvers in the daemon: asked by g3proxy-ctl and by requests, reloaded with what they lead to."""

import contextlib
import http.client
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from certificates import authority
from g3_dns import MAX_MESSAGE_SIZE, Responder, TcpServer
from g3proxyd.control.client import RefusedError
from service import Service, service

NAME = "dns.test"
ZONES = {
    "test": {"SOA": ["ns.test. host.test. 1 2 3 4 60"]},
    "a.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "here.test": {"A": ["127.0.0.1"]},
}


@contextlib.contextmanager
def name_server(tls: ssl.SSLContext | None = None, zones: Any = ZONES) -> Iterator[int]:
    """A name server on UDP, or over TLS, for the length of the block; its port."""
    kind = socket.SOCK_DGRAM if tls is None else socket.SOCK_STREAM
    with socket.socket(type=kind) as sock:
        sock.bind(("127.0.0.1", 0))
        ending, ended = socket.socketpair()
        work = threading.Thread(target=serve, args=(sock, Responder(zones), tls, ended))
        if tls is not None:
            sock.listen()
        work.start()
        try:
            yield sock.getsockname()[1]
        finally:
            ending.close()
            work.join()
            ended.close()


def serve(sock: socket.socket, responder: Responder, tls: ssl.SSLContext | None, ended: socket.socket) -> None:
    while ended not in (ready := select.select([sock, ended], [], [])[0]):
        assert ready
        if tls is None:
            query, client = sock.recvfrom(MAX_MESSAGE_SIZE)
            sock.sendto(responder.respond_udp(query) or b"", client)
        else:
            with contextlib.suppress(OSError), tls.wrap_socket(sock.accept()[0], server_side=True) as connection:
                machine = TcpServer()
                while (query_over_tls := machine.next_event()) is None:
                    machine.receive_data(connection.recv(MAX_MESSAGE_SIZE))
                machine.reply(responder.respond_tcp(query_over_tls) or b"")
                connection.sendall(machine.data_to_send())


@contextlib.contextmanager
def nobody_listens() -> Iterator[int]:
    """A UDP port that is nobody else's, and refuses everything: its socket has another peer."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", 1))
        yield sock.getsockname()[1]


def resolve_with(running: Service, *resolvers: dict[str, Any]) -> dict[str, str]:
    """Have the daemon use these resolvers, of which the escaper names the first; what becomes of each object."""
    document = yaml.safe_load(running.path.read_text())
    document["resolver"] = [{"graceful_stop_wait": "0s", **resolver} for resolver in resolvers]
    document["escaper"][0]["resolver"] = resolvers[0]["name"]
    running.path.write_text(yaml.safe_dump(document))
    return {change["name"]: change["change"] for change in running.reload()["objects"]}


def query(running: Service, resolver: str, domain: str, strategy: str = "ipv4_first") -> list[str]:
    with running.control() as client:
        answer = client.get("resolver", resolver, "query", parameters={"domain": domain, "strategy": strategy})
    return list(answer["addresses"])


def hickory(name: str, port: int, **keys: Any) -> dict[str, Any]:
    return {"name": name, "type": "hickory", "server": "127.0.0.1", "server_port": port, "each_tries": 1, **keys}


def test_one_steps_in_for_another_and_both_are_reloaded(tmp_path: Path) -> None:
    both = {"name": "both", "type": "fail_over", "primary": "first", "standby": "second"}
    with nobody_listens() as nobody, name_server() as port, service(tmp_path, workers=1) as running:
        resolve_with(running, both, hickory("first", nobody), hickory("second", port))
        assert query(running, "second", "a.test") == ["192.0.2.1", "2001:db8::1"]
        assert query(running, "both", "a.test", "ipv6_only") == ["2001:db8::1"]
        with pytest.raises(RefusedError, match="no server can be contacted"):
            query(running, "first", "a.test")
        with pytest.raises(RefusedError, match="the server does not know the name"):
            query(running, "both", "no.test")
        assert status(running, "here.test") == 521
        assert status(running, "no.test") == 530

        changes = resolve_with(running, both, hickory("first", nobody), hickory("second", port, each_tries=2))
        rebuilt = dict.fromkeys(("second", "both", "direct", "http"), "rebuilt")
        assert changes == {"first": "kept", **rebuilt}
        assert query(running, "both", "a.test", "ipv4_only") == ["192.0.2.1"]


def test_name_servers_over_tls(tmp_path: Path) -> None:
    tls = authority().issue(NAME).server(tmp_path)
    encryption = {
        "tls_name": NAME,
        "tls_client": {"ca_certificate": authority().pem.decode(), "no_default_ca_certificate": True},
    }
    with name_server(tls) as port, service(tmp_path, workers=1) as running:
        resolve_with(
            running,
            hickory("right", port, encryption=encryption),
            hickory("wrong", port, encryption={**encryption, "tls_name": "other.test"}),
        )
        assert query(running, "right", "a.test", "ipv4_only") == ["192.0.2.1"]
        with pytest.raises(RefusedError, match="certificate_name"):
            query(running, "wrong", "a.test", "ipv4_only")


def status(running: Service, host: str) -> int:
    """The status of a request for a host that has nothing at port 1."""
    connection = http.client.HTTPConnection(*running.proxy, timeout=30)
    connection.request("GET", f"http://{host}:1/")
    try:
        return connection.getresponse().status
    finally:
        connection.close()
