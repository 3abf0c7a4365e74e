"""Datagrams over SOCKS5, with PySocks: PROXY:PORT and what to do.

dns SERVER NAME TYPE        ask a name server (dnspython), print the answer
echo HOST SIZE...           send a datagram of each size and check that it comes back as it was
despite HOST HOST:PORT...   the same for one datagram, behind datagrams to other places
send HOST PORT...           send a datagram to each port, then wait until the proxy ends the association
"""

import os
import socket
import sys

import dns.message
import dns.query
import socks


def main(proxy: str, what: str, host: str, *words: str) -> None:
    address, _, port = proxy.partition(":")
    sock = socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.set_proxy(socks.SOCKS5, address, int(port))
    sock.settimeout(10)
    if what == "dns":
        name, kind = words
        answer = dns.query.udp(dns.message.make_query(name, kind), host, 10, sock=sock)
        print("\n".join(str(record) for record in answer.answer))
    elif what == "echo":
        for size in words:
            data = os.urandom(int(size))
            sock.sendto(data, (host, 7))
            came, source = sock.recvfrom(65536)
            assert came == data, f"{len(came)} bytes instead of {size}, or others"
            print(size, source[0])
    elif what == "despite":
        for target in words:
            elsewhere, _, port = target.partition(":")
            sock.sendto(b"lost", (elsewhere, int(port)))
        sock.sendto(b"arrives", (host, 7))
        assert sock.recv(100) == b"arrives"
        print("echoed")
    else:
        for target in words:
            sock.sendto(b"a datagram", (host, int(target)))
        association = getattr(sock, "_proxyconn")  # noqa: B009 - the TCP connection, which PySocks keeps to itself
        assert association.recv(1) == b""
        print("ended")


main(*sys.argv[1:])
