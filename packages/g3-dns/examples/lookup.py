"""Look up a name over UDP, with two servers, of which the first one is silent."""

import secrets
import socket
import threading
import time
from ipaddress import IPv4Address, ip_address

from dns.rdatatype import A
from dns_server import ZONE
from g3_dns import Ask, Finished, Lookup, Lost, Responder, Response, Server, UdpClient, UdpSettings, question_for


def look_up(name: str, servers: list[Server]) -> object:
    lookup = Lookup(question_for(name, A), len(servers), time.monotonic())
    while True:
        match lookup.next_action():
            case Ask(attempt, server, question):
                client = UdpClient(question, servers[server], secrets.randbelow, time.monotonic(), UdpSettings(0.1))
                match ask(client):  # UseTcp wants a TcpClient: see pipelining.py
                    case Response(_, message):
                        lookup.answered(attempt, message, time.monotonic())
                    case Lost(_, failure):
                        lookup.lost(attempt, failure, time.monotonic())
            case Finished(result):
                return result


def ask(client: UdpClient) -> object:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))  # to client.port where it has to be safe, and change_port() while that is taken
        while (event := client.next_event()) is None:
            for datagram in client.datagrams_to_send():
                sock.sendto(datagram, (str(client.server.host), client.server.port))
            sock.settimeout(max((client.next_timeout() or 0) - time.monotonic(), 0.001))
            try:
                data, (host, port) = sock.recvfrom(65_535)
                client.receive_datagram(data, Server(ip_address(host), port))
            except TimeoutError:
                client.handle_timeout(time.monotonic())
    return event


def main() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent, socket.socket(type=socket.SOCK_DGRAM) as sock:
        silent.bind(("127.0.0.1", 0))
        sock.bind(("127.0.0.1", 0))
        threading.Thread(target=serve_one, args=(sock,)).start()
        ports = [one.getsockname()[1] for one in (silent, sock)]
        print(look_up("WWW.example.test.", [Server(IPv4Address("127.0.0.1"), port) for port in ports]))


def serve_one(sock: socket.socket) -> None:
    query, client = sock.recvfrom(65_535)
    sock.sendto(Responder(ZONE).respond_udp(query) or b"", client)


if __name__ == "__main__":
    main()
