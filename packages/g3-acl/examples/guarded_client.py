"""Connect only where an egress rule permits it: check the very address that is dialled, for every candidate."""

import socket
import threading
from ipaddress import ip_address

from g3_acl import Host, NetworkRule, default_egress_network_rule, parse_egress_network_rule, parse_host


def connect(host: Host, port: int, rule: NetworkRule) -> socket.socket:
    """Resolve once, then dial the first address that the rule permits; PermissionError if there is none."""
    for family, kind, protocol, _, place in socket.getaddrinfo(str(host), port, type=socket.SOCK_STREAM):
        address = ip_address(str(place[0]))
        action = rule.check(address)
        if action.logs or not action.permits:
            print(f"{host}: {address} is {'permitted' if action.permits else 'forbidden'}")
        if action.permits:
            connection = socket.socket(family, kind, protocol)
            connection.connect(place)
            return connection
    raise PermissionError(f"no address of {host} is permitted")


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = threading.Thread(target=lambda: listener.accept()[0].close())
    server.start()

    # Somebody tries to reach this machine in odd clothes.
    for text in ("0x7f.1", "::ffff:127.0.0.1", "2130706433"):
        try:
            connect(parse_host(text), port, default_egress_network_rule())
        except PermissionError as error:
            print(error)

    rule = parse_egress_network_rule({"permit_log": "127.0.0.1"})
    with connect(parse_host("127.0.0.1"), port, rule) as connection:
        print("connected to", connection.getpeername()[0])
    server.join()
    listener.close()


main()
