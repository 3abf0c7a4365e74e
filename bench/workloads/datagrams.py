"""SOCKS5 UDP: datagrams to one peer that sends them back, with a window of them under way.

Run as a program it is the client and the peer: ``python -m bench.workloads.datagrams PORT SIZE TOTAL [RATE]`` prints
one JSON object. With a rate it sends so many each second instead, and tells how many never come back.
"""

import json
import select
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.measure import cpu_seconds
from bench.processes import pinned
from bench.workloads.base import Site, Subject, Workload, WrongResultError

_WINDOW = 64
_BUFFER = 4 << 20
_PATIENCE = 2.0
# UDP may lose something. A proxy that loses more has done less work for its figure.
_LOSS_LIMIT = 0.001
_SIZES = {"udp-64": 64, "udp-1200": 1200, "udp-loss": 1200}
# Seconds between two looks at the clock: at the usual rates some ten datagrams leave together.
_PAUSE = 0.001


def _cost(workload: Workload, subject: Subject, site: Site) -> float:
    """Microseconds of the proxy's CPU for one datagram, of which each request and each answer is one."""
    total = site.scale.datagrams
    _exchange(workload, subject, site, total // 10)
    before = cpu_seconds(subject.pid)
    lost, _ = _exchange(workload, subject, site, total)
    if lost > total * _LOSS_LIMIT:
        raise WrongResultError(f"{lost} of {total} datagrams were lost")
    return (cpu_seconds(subject.pid) - before) / (2 * total) * 1e6


def _loss(workload: Workload, subject: Subject, site: Site) -> float:
    """Requests without an answer, of each thousand, at half of the rate that a full window reaches."""
    total = site.scale.datagrams
    _, seconds = _exchange(workload, subject, site, total)
    lost, _ = _exchange(workload, subject, site, total, total / seconds / 2)
    return lost / total * 1000


def _exchange(
    workload: Workload, subject: Subject, site: Site, total: int, rate: float | None = None
) -> tuple[int, float]:
    """Let the client exchange so many; returns how many were lost, and the seconds that it took."""
    arguments = [str(subject.port), str(_SIZES[workload.name]), str(total), *([str(rate)] if rate else [])]
    command = pinned(site.client_core, [sys.executable, "-m", __name__, *arguments])
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=root)
    if done.returncode != 0:
        raise WrongResultError(f"the client of datagrams failed: {done.stderr.strip()[-300:]}")
    answer = json.loads(done.stdout)
    return answer["lost"], answer["seconds"]


class _Exchange:
    """A client and its peer behind the proxy at this port, and what they have under way."""

    def __init__(self, port: int, size: int) -> None:
        self._peer, self._client = _socket(), _socket()
        self._control = socket.create_connection(("127.0.0.1", port), 10)
        self._client.connect(("127.0.0.1", _associate(self._control)))
        self._head = b"\0\0\0\1\x7f\0\0\1" + self._peer.getsockname()[1].to_bytes(2, "big")
        self._words = size // 4
        self._poll = select.poll()
        self._poll.register(self._peer, select.POLLIN)
        self._poll.register(self._client, select.POLLIN)
        self.due: set[bytes] = set()
        """Datagrams that have not come back."""

    def __enter__(self) -> "_Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._peer, self._client, self._control):
            sock.close()

    def send(self, numbers: range) -> None:
        """Send a datagram for each number."""
        for number in numbers:
            datagram = self._head + number.to_bytes(4, "big") * self._words
            self.due.add(datagram)
            self._client.send(datagram)

    def wait(self, seconds: float) -> bool:
        """Move what comes; False if nothing has come for so long."""
        ready = self._poll.poll(seconds * 1000)
        for fd, _ in ready:
            if fd == self._peer.fileno():
                _send_back(self._peer)
            else:
                _tick_off(self._client, self.due)
        return bool(ready)


def _play(port: int, size: int, total: int) -> int:
    """Exchange so many datagrams, a window at a time; returns how many came back too late or never."""
    lost = 0
    with _Exchange(port, size) as exchange:
        for start in range(0, total, _WINDOW):
            exchange.send(range(start, min(start + _WINDOW, total)))
            while exchange.due and exchange.wait(_PATIENCE):
                pass
            lost += len(exchange.due)
            exchange.due.clear()
    return lost


def _play_at(port: int, size: int, total: int, rate: float) -> int:
    """Send so many datagrams, so many each second, whatever comes back; returns how many did not."""
    with _Exchange(port, size) as exchange:
        sent, begin = 0, time.monotonic()
        while sent < total:
            behind = int((time.monotonic() - begin) * rate) - sent
            if behind > _WINDOW:  # this program was held up: to make up for it would be another load
                begin += (behind - _WINDOW) / rate
                behind = _WINDOW
            exchange.send(range(sent, min(sent + behind, total)))
            sent = min(sent + behind, total)
            exchange.wait(_PAUSE)
        while exchange.due and exchange.wait(_PATIENCE):
            pass
        return len(exchange.due)


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


_COST = Workload("udp-64", "SOCKS5 UDP, 64 bytes, 64 under way", "us/datagram", "socks", "socks5", _cost, digits=2)
_LOSS_TITLE = "SOCKS5 UDP, 1200 bytes, lost at half of that rate"

WORKLOADS = (
    _COST,
    replace(_COST, name="udp-1200", title="SOCKS5 UDP, 1200 bytes, 64 under way"),
    # A median would hide that some were lost now and then.
    replace(_COST, name="udp-loss", title=_LOSS_TITLE, unit="of 1000", measure=_loss, summary=max),
)

if __name__ == "__main__":
    _port, _size, _total = (int(argument) for argument in sys.argv[1:4])
    _began = time.monotonic()
    _lost = _play_at(_port, _size, _total, float(sys.argv[4])) if sys.argv[4:] else _play(_port, _size, _total)
    print(json.dumps({"lost": _lost, "seconds": time.monotonic() - _began}))
