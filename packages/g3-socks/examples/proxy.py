"""A proxy for SOCKS4, SOCKS4a and SOCKS5 in one function, and a client that reaches an echo server through it."""

import socket
import threading

from g3_machine.drivers import handshake
from g3_socks import Connect, Reply, ServerEvent, Socks5Client, SocksServer


def serve(client: socket.socket) -> None:
    """Shake hands, connect, and copy both ways until both ends are through."""
    machine = SocksServer()

    def answer(event: ServerEvent) -> socket.socket:
        if not isinstance(event, Connect):
            machine.refuse(Reply.COMMAND_NOT_SUPPORTED)
            raise ConnectionError("only CONNECT is served here")
        try:
            upstream = socket.create_connection((str(event.host), event.port), timeout=10)
        except OSError:
            machine.refuse(Reply.HOST_UNREACHABLE)
            raise
        machine.grant(*upstream.getsockname()[:2])
        return upstream

    client.settimeout(10)
    upstream, early = handshake(machine, client, answer)
    with client, upstream:
        upstream.sendall(early)  # the client may have sent it before it had our reply
        back = threading.Thread(target=copy, args=(upstream, client))
        back.start()
        copy(client, upstream)
        back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def echo(client: socket.socket) -> None:
    with client:
        copy(client, client)


def main() -> None:
    here, there = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as host, here:
        threading.Thread(target=lambda: echo(host.accept()[0])).start()
        threading.Thread(target=serve, args=(there,)).start()
        bound, _ = handshake(Socks5Client(Connect(*host.getsockname())), here, str)
        here.sendall(b"hello")
        here.shutdown(socket.SHUT_WR)
        print(bound, "and the echo is", here.recv(99))


if __name__ == "__main__":
    main()
