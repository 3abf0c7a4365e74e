"""One port for HTTP and TLS: what the first bytes are decides, and a TLS client is refused by the name it asks for."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from g3_machine.drivers import handshake
from g3_tls import Alert, ClientHello, ClientHelloReader, NotTlsError, pack_alert


def serve(connection: socket.socket) -> str:
    """Look at the client's first bytes, and answer."""
    connection.settimeout(10)
    reader = ClientHelloReader()
    try:
        hello, unread = handshake(reader, connection, lambda event: event)
    except NotTlsError:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return f"no TLS, but {reader.take_unread()[:14]!r}"
    assert isinstance(hello, ClientHello)
    # Here a proxy would connect to the name's server and send it what is unread.
    connection.sendall(pack_alert(Alert.UNRECOGNIZED_NAME))
    return f"TLS for {hello.server_name}, {len(unread)} bytes to pass on"


def ask_by_http(connection: socket.socket) -> str:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    return connection.recv(100).decode().splitlines()[0]


def ask_by_tls(connection: socket.socket) -> str:
    try:
        ssl.create_default_context().wrap_socket(connection, server_hostname="a.example")
    except ssl.SSLError as error:
        return str(error.reason)
    return "unexpected success"


def main() -> None:
    with ThreadPoolExecutor(1) as pool:
        for ask in (ask_by_http, ask_by_tls):
            here, there = socket.socketpair()
            with here, there:
                here.settimeout(10)
                serving = pool.submit(serve, there)
                print(ask(here), "<-", serving.result(10))


if __name__ == "__main__":
    main()
