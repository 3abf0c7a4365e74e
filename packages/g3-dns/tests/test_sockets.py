"""Real peers over real sockets: dnsmasq answers our clients, dnspython asks our server."""

import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.message
import dns.query
import dns.rcode
import pytest
from dns.message import Message
from dns.rdatatype import AAAA, A
from g3_dns import (
    Addresses,
    Alias,
    Closed,
    CookieJar,
    NoAddresses,
    Question,
    Responder,
    Response,
    Result,
    Server,
    StreamSettings,
    TcpClient,
    TcpServer,
    UdpClient,
    UdpEvent,
    UdpSettings,
    read_answer,
)

LOCALHOST = "127.0.0.1"
ZONES = {"example": {"SOA": ["ns. host. 1 2 3 4 60"]}, "a.example": {"A": ["192.0.2.1"]}}
DRAW = random.Random(1).randrange


@pytest.fixture(scope="module")
def dnsmasq() -> Iterator[Server]:
    """A dnsmasq that knows a few names, at a port that nobody had a moment ago."""
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("there is no dnsmasq on this machine")
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((LOCALHOST, 0))
        port = probe.getsockname()[1]
    options = ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"]
    options += [f"--port={port}", f"--listen-address={LOCALHOST}", "--user=", "--pid-file="]
    options += ["--log-facility=-", "--local-ttl=77"]
    options += ["--host-record=a.example,192.0.2.1,2001:db8::1", "--cname=alias.example,a.example", "--local=/example/"]
    with subprocess.Popen([program, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:  # the last one of its start
                if "cleared cache" in line:
                    break
            else:
                pytest.skip("dnsmasq does not start here")
            yield Server(IPv4Address(LOCALHOST), port)
        finally:
            process.terminate()


def ask_udp(server: Server, question: Question, settings: UdpSettings) -> UdpEvent:
    client = UdpClient(question, server, DRAW, time.monotonic(), settings, CookieJar(DRAW))
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        while (event := client.next_event()) is None:
            for datagram in client.datagrams_to_send():
                sock.sendto(datagram, (str(server.host), server.port))
            sock.settimeout(max((client.next_timeout() or 0) - time.monotonic(), 0.001))
            try:
                data, (host, port) = sock.recvfrom(65_535)
            except TimeoutError:
                client.handle_timeout(time.monotonic())
            else:
                client.receive_datagram(data, Server(ip_address(host), port))
    return event


def ask_tcp(server: Server, questions: list[Question]) -> list[Result | Alias]:
    client = TcpClient(DRAW, StreamSettings(padding=128))
    asked = [client.ask(question, 0.0) for question in questions]
    answers: dict[int, Message] = {}
    with socket.create_connection((str(server.host), server.port), timeout=30) as sock:
        sock.sendall(client.data_to_send())
        while len(answers) < len(asked):
            event = client.next_event()
            if event is None:
                data = sock.recv(65_536)
                client.receive_data(data)
                if not data:
                    client.receive_eof()
            else:
                assert isinstance(event, Response)
                answers[event.query] = event.message
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
    client.receive_eof()
    assert client.next_event() == Closed()
    return [read_answer(answers[query], question) for query, question in zip(asked, questions, strict=True)]


@pytest.mark.parametrize("settings", [UdpSettings(), UdpSettings(mixed_case=True), UdpSettings(payload_size=0)])
def test_dnsmasq_over_udp(dnsmasq: Server, settings: UdpSettings) -> None:
    for name, type_, expected in (
        ("a.example", A, Addresses((IPv4Address("192.0.2.1"),), 77)),
        ("alias.example", AAAA, Addresses((IPv6Address("2001:db8::1"),), 77)),
    ):
        question = Question(name, type_)
        event = ask_udp(dnsmasq, question, settings)
        assert isinstance(event, Response)
        assert read_answer(event.message, question) == expected


def test_dnsmasq_over_tcp(dnsmasq: Server) -> None:
    questions = [Question("a.example", A), Question("alias.example", A), Question("no.example", A)]
    address = Addresses((IPv4Address("192.0.2.1"),), 77)
    assert ask_tcp(dnsmasq, questions) == [address, address, NoAddresses(False, 0)]


def test_dnspython_over_udp_and_tcp() -> None:
    responder = Responder(ZONES)
    query = dns.message.make_query("a.example", "A", use_edns=0)
    with socket.create_server((LOCALHOST, 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind((LOCALHOST, port))
        for serve, ask in ((serve_udp, dns.query.udp), (serve_tcp, dns.query.tcp)):
            thread = threading.Thread(target=serve, args=(udp if serve is serve_udp else tcp, responder))
            thread.start()
            response = ask(query, LOCALHOST, timeout=30, port=port)
            thread.join()
            assert response.rcode() == dns.rcode.NOERROR
            assert response.answer[0].to_text() == "a.example. 300 IN A 192.0.2.1"


@pytest.mark.parametrize("program", ["dig", "kdig"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_programs_of_the_world(program: str, transport: str) -> None:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"there is no {program} on this machine")
    with socket.create_server((LOCALHOST, 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind((LOCALHOST, port))
        serve, sock = (serve_udp, udp) if transport == "+notcp" else (serve_tcp, tcp)
        thread = threading.Thread(target=serve, args=(sock, Responder(ZONES)))
        thread.start()
        command = [path, f"@{LOCALHOST}", "-p", str(port), transport, "+norecurse", "+timeout=30", "A.example", "A"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        thread.join()
    assert "status: NOERROR" in printed
    assert "192.0.2.1" in printed
    assert "malformed" not in printed.lower()
    assert "warning" not in printed.lower()


def serve_udp(sock: socket.socket, responder: Responder) -> None:
    query, client = sock.recvfrom(65_535)
    sock.sendto(responder.respond_udp(query) or b"", client)


def serve_tcp(sock: socket.socket, responder: Responder) -> None:
    connection, _ = sock.accept()
    with connection:
        server = TcpServer()
        while (query := server.next_event()) is None:
            server.receive_data(connection.recv(65_536))
        server.reply(responder.respond_tcp(query) or b"")
        connection.sendall(server.data_to_send())
