"""SOCKS5 UDP: datagrams to one peer that sends them back, with a window of them under way.

Run as a program it is the client and the peer: ``python -m bench.workloads.datagrams PORT SIZE TOTAL`` prints one JSON
object.
"""

import json
import select
import socket
import subprocess
import sys
from pathlib import Path

from bench.measure import cpu_seconds
from bench.processes import pinned
from bench.workloads.base import Site, Subject, Workload, WrongResultError

_WINDOW = 64
_BUFFER = 4 << 20
_PATIENCE = 2.0
# UDP may lose something. A proxy that loses more has done less work for its figure.
_LOSS_LIMIT = 0.001
_SIZES = {"udp-64": 64, "udp-1200": 1200}


def _measure(workload: Workload, subject: Subject, site: Site) -> float:
    """Microseconds of the proxy's CPU for one datagram, of which each request and each answer is one."""
    total = site.scale.datagrams
    _exchange(workload, subject, site, total // 10)
    before = cpu_seconds(subject.pid)
    _exchange(workload, subject, site, total)
    return (cpu_seconds(subject.pid) - before) / (2 * total) * 1e6


def _exchange(workload: Workload, subject: Subject, site: Site, total: int) -> None:
    arguments = [str(subject.port), str(_SIZES[workload.name]), str(total)]
    command = pinned(site.client_core, [sys.executable, "-m", __name__, *arguments])
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=root)
    if done.returncode != 0:
        raise WrongResultError(f"the client of datagrams failed: {done.stderr.strip()[-300:]}")
    lost = json.loads(done.stdout)["lost"]
    if lost > total * _LOSS_LIMIT:
        raise WrongResultError(f"{lost} of {total} datagrams were lost")


def _play(port: int, size: int, total: int) -> int:
    """Exchange so many datagrams; returns how many came back too late or never."""
    peer, client = _socket(), _socket()
    with peer, client, socket.create_connection(("127.0.0.1", port), 10) as control:
        client.connect(("127.0.0.1", _associate(control)))
        head = b"\0\0\0\1\x7f\0\0\1" + peer.getsockname()[1].to_bytes(2, "big")
        poll = select.poll()
        poll.register(peer, select.POLLIN)
        poll.register(client, select.POLLIN)
        lost = 0
        for start in range(0, total, _WINDOW):
            due = {
                head + number.to_bytes(4, "big") * (size // 4) for number in range(start, min(start + _WINDOW, total))
            }
            for datagram in due:
                client.send(datagram)
            while due:
                ready = poll.poll(_PATIENCE * 1000)
                if not ready:
                    lost += len(due)
                    break
                for fd, _ in ready:
                    if fd == peer.fileno():
                        _send_back(peer)
                    else:
                        _tick_off(client, due)
        return lost


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def _associate(control: socket.socket) -> int:
    """Ask for UDP; returns the port to send to."""
    control.sendall(b"\5\1\0\5\3\0\1" + bytes(6))
    answer = b""
    while len(answer) < 12:
        data = control.recv(12 - len(answer))
        if not data:
            raise SystemExit("the proxy closed the connection")
        answer += data
    if answer[:4] != b"\5\0\5\0":
        raise SystemExit(f"the proxy answered {answer!r}")
    return int.from_bytes(answer[10:], "big")


def _send_back(peer: socket.socket) -> None:
    try:
        while True:
            data, source = peer.recvfrom(65536)
            peer.sendto(data, source)
    except BlockingIOError:
        pass


def _tick_off(client: socket.socket, due: set[bytes]) -> None:
    try:
        while True:
            due.discard(client.recv(65536))
    except BlockingIOError:
        pass


WORKLOADS = (
    Workload("udp-64", "SOCKS5 UDP, 64 bytes, 64 under way", "us/datagram", "socks", "socks5", _measure, digits=2),
    Workload("udp-1200", "SOCKS5 UDP, 1200 bytes, 64 under way", "us/datagram", "socks", "socks5", _measure, digits=2),
)

if __name__ == "__main__":
    print(json.dumps({"lost": _play(*(int(argument) for argument in sys.argv[1:4]))}))
