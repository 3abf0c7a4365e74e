"""Ask many questions on one TCP connection; the answers may come in any order. DNS over TLS is the same over TLS."""

import secrets
import socket
import threading
import time

from dns.rdatatype import AAAA, A
from dns_server import ZONE, serve
from g3_dns import Closed, Lost, Question, Responder, Response, TcpClient, question_for, read_answer


def ask_all(questions: list[Question], address: tuple[str, int]) -> None:
    client = TcpClient(secrets.randbelow)
    asked = {client.ask(question, time.monotonic()): question for question in questions}
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(client.data_to_send())
        while asked:
            match client.next_event():
                case Response(query, message):
                    question = asked.pop(query)
                    print(question, read_answer(message, question))
                case Lost(query, failure):
                    print(asked.pop(query), failure.value)
                case Closed(unanswered):
                    print(len(unanswered), "questions are to be asked on another connection")
                    return
                case None:
                    data = sock.recv(65_536)
                    if data:
                        client.receive_data(data)
                    else:
                        client.receive_eof()


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        threading.Thread(target=serve, args=(udp, tcp, Responder(ZONE), 1)).start()
        names = ("www.example.test", "web.example.test", "no.example.test")
        ask_all([question_for(name, family) for name in names for family in (A, AAAA)], tcp.getsockname())


if __name__ == "__main__":
    main()
