"""A name server for a zone in a dictionary, on UDP and TCP of one port; here it is asked once over each."""

import select
import socket
import threading

import dns.message
import dns.query
from g3_dns import MAX_MESSAGE_SIZE, Responder, TcpServer
from g3_machine import RemoteProtocolError

ZONE = {
    "example.test": {"SOA": ["ns.example.test. host.example.test. 1 3600 600 86400 60"]},
    "www.example.test": {"CNAME": ["web.example.test."]},
    "web.example.test": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
}


def serve(udp: socket.socket, tcp: socket.socket, responder: Responder, most: int) -> None:
    """Answer so many datagrams and connections; real servers go on for ever."""
    for _ in range(most):
        ready, _, _ = select.select([udp, tcp], [], [], 10)
        if udp in ready:
            query, client = udp.recvfrom(MAX_MESSAGE_SIZE)
            answer = responder.respond_udp(query)
            if answer is not None:
                udp.sendto(answer, client)
        if tcp in ready:
            connection, _ = tcp.accept()
            with connection:
                serve_stream(connection, responder)


def serve_stream(connection: socket.socket, responder: Responder) -> None:
    connection.settimeout(10)
    machine = TcpServer()
    try:
        while data := connection.recv(65_536):
            machine.receive_data(data)
            while (query := machine.next_event()) is not None:
                machine.reply(responder.respond_tcp(query) or b"")
                connection.sendall(machine.data_to_send())
    except (RemoteProtocolError, OSError) as fault:
        print("closed:", fault)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        threading.Thread(target=serve, args=(udp, tcp, Responder(ZONE), 2)).start()
        query = dns.message.make_query("www.example.test", "A")
        print(dns.query.udp(query, "127.0.0.1", 10, port).answer[1])
        print(dns.query.tcp(query, "127.0.0.1", 10, port).answer[0])


if __name__ == "__main__":
    main()
