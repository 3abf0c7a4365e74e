"""A service for route_query: a host's first label, up to a dash, is its region. Prints what hosts it is asked for."""

import socket

import msgspec

NODES: dict[str, object] = {
    "here": "local",
    "west": "west",
    "east": ["east"],
    "either": [{"name": "west", "weight": 1}, {"name": "east", "weight": 1}],
    "brief": "west",
    "forbidden": "squid",
    "nowhere": [],
}


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 1053))
        while True:
            datagram, client = sock.recvfrom(65536)
            question = msgspec.msgpack.decode(datagram)
            host = question["host"]
            print(host, flush=True)
            region = host.partition(".")[0].partition("-")[0]
            ttl = 1 if region == "brief" else 300
            answer = {"id": question["id"], "nodes": NODES.get(region, "an escaper that is not there"), "ttl": ttl}
            sock.sendto(msgspec.msgpack.encode(answer), client)


main()
