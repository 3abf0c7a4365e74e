"""A server behind a proxy: it greets the client by the address that the PROXY header tells, not by the proxy's."""

import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from g3_machine.drivers import handshake
from g3_proxyproto import HeaderReader, Inet, pack_v2


def serve(connection: socket.socket) -> None:
    """Read the header, then the client's first words, which may have come with it."""
    connection.settimeout(3)  # the specification's advice: at least 3 seconds
    header, early = handshake(HeaderReader(), connection, lambda event: event)
    words = early or connection.recv(100)
    client = header.source.host if isinstance(header.source, Inet) else "somebody"
    connection.sendall(b"%s says %s" % (str(client).encode(), words))


def main() -> None:
    proxy, server = socket.socketpair()
    with proxy, server, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve, server)
        client, listener = Inet(ip_address("192.0.2.7"), 56324), Inet(ip_address("198.51.100.9"), 443)
        proxy.sendall(pack_v2(client, listener) + b"hello")
        print(proxy.recv(100).decode())
        serving.result()


if __name__ == "__main__":
    main()
