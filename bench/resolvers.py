"""What names cost: questions per second of a resolver's CPU, with answers from a name server and from its own cache.

Figures to read, nothing to pass: ``python -m bench.resolvers``, with the resolvers and transports that are wanted as
words (``hickory quic``). Each resolver has a process of its own, whose CPU time is counted, and a name server
on the loopback beside it. Rounds take turns, and the best one of each is shown: whatever else the machine does only
adds. aiodns is measured where it is installed.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import uvloop

from bench.certificate import certify

HOST = "127.0.0.1"
NAMES = 3_000
FEWER_NAMES = 200
"""For who opens a connection for each of them."""
AT_ONCE = 64
CACHED = 100_000
ROUNDS = 5
PATIENCE = 300

Ask = Callable[[str], Awaitable[object]]


class Subject(ABC):
    """A resolver that asks over one transport."""

    names = NAMES

    def __init__(self, transport: str, port: int, authority: Path) -> None:
        self.transport = transport
        self.port = port
        self.authority = authority

    @abstractmethod
    def start(self) -> Ask:
        """What asks for the IPv4 addresses of a name."""

    def remembered(self, name: str) -> Callable[[], object] | None:
        """What gets them from the cache at once; None for a resolver that has no such way."""
        return None

    @abstractmethod
    async def stop(self) -> None:
        """Release everything."""


class Hickory(Subject):
    """g3proxyd's."""

    def start(self) -> Ask:
        from g3_escape import Family
        from g3proxyd.config.resolver import HickoryConfig
        from g3proxyd.io.poller import Poller
        from g3proxyd.io.timers import Wheel
        from g3proxyd.log.discard import DiscardSink
        from g3proxyd.log.logger import Logger
        from g3proxyd.resolver.hickory.resolver import HickoryResolver

        keys: dict[str, Any] = {"name": "dns", "server": HOST, "server_port": self.port}
        if self.transport != "udp":
            tls = {"ca_certificate": str(self.authority), "no_default_ca_certificate": True}
            keys["encryption"] = {"tls_name": HOST, "protocol": self.transport, "tls_client": tls}
        loop = asyncio.get_running_loop()
        config = HickoryConfig.model_validate(keys)
        self.resolver = HickoryResolver(config, Logger("Resolve", DiscardSink()), Poller(loop), Wheel(loop))
        return lambda name: self.resolver.resolve(name, Family.IPV4)

    def remembered(self, name: str) -> Callable[[], object]:
        from g3_escape import Family

        return lambda: self.resolver.query(name, Family.IPV4, print)

    async def stop(self) -> None:
        await self.resolver.close()


class CAres(Subject):
    """g3proxyd's."""

    def start(self) -> Ask:
        from g3_escape import Family
        from g3proxyd.config.resolver import CAresConfig
        from g3proxyd.log.discard import DiscardSink
        from g3proxyd.log.logger import Logger
        from g3proxyd.resolver.c_ares import CAresResolver

        config = CAresConfig.model_validate({"name": "dns", "server": f"{HOST}:{self.port}"})
        self.resolver = CAresResolver(config, Logger("Resolve", DiscardSink()))
        return lambda name: self.resolver.resolve(name, Family.IPV4)

    def remembered(self, name: str) -> Callable[[], object]:
        from g3_escape import Family

        return lambda: self.resolver.query(name, Family.IPV4, print)

    async def stop(self) -> None:
        await self.resolver.close()


class Dnspython(Subject):
    """Its resolver of coroutines, where each question over TLS or QUIC has a connection of its own."""

    def __init__(self, transport: str, port: int, authority: Path) -> None:
        super().__init__(transport, port, authority)
        if transport != "udp":
            self.names = FEWER_NAMES

    def start(self) -> Ask:
        import dns.asyncresolver
        import dns.nameserver
        import dns.resolver

        verify = str(self.authority)
        nameserver: dns.nameserver.Nameserver
        match self.transport:
            case "tls":
                nameserver = dns.nameserver.DoTNameserver(HOST, self.port, HOST, verify)
            case "quic":
                nameserver = dns.nameserver.DoQNameserver(HOST, self.port, verify, HOST)
            case _:
                nameserver = dns.nameserver.Do53Nameserver(HOST, self.port)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [nameserver]
        resolver.lifetime = PATIENCE
        resolver.cache = self.cache = dns.resolver.LRUCache(2 * NAMES)
        return lambda name: resolver.resolve(name, "A", search=False)

    def remembered(self, name: str) -> Callable[[], object]:
        import dns.name
        from dns.rdataclass import IN
        from dns.rdatatype import A

        return lambda: self.cache.get((dns.name.from_text(name), A, IN))

    async def stop(self) -> None:
        self.cache.flush()


class Aiodns(Subject):
    """Its resolver, without the cache of c-ares: the names are asked once."""

    def start(self) -> Ask:
        aiodns: Any = import_module("aiodns")  # not everywhere
        self.resolver = aiodns.DNSResolver([HOST], udp_port=self.port, tcp_port=self.port)
        return lambda name: self.resolver.query_dns(name, "A")

    async def stop(self) -> None:
        await self.resolver.close()


SUBJECTS: dict[str, tuple[type[Subject], tuple[str, ...]]] = {
    "hickory": (Hickory, ("udp", "tls", "https", "h3", "quic")),
    "c_ares": (CAres, ("udp",)),
    "dnspython": (Dnspython, ("udp", "tls", "quic")),
    "aiodns": (Aiodns, ("udp",)),
}
UNIQUE = "x{}.bench.test"


async def measure(subject: Subject) -> tuple[float, float | None]:
    """CPU seconds of a question to the name server and, where there is a cache, of one from that."""
    ask = subject.start()
    await ask(UNIQUE.format("warm"))
    numbers = iter(range(subject.names))

    async def work() -> None:
        for number in numbers:
            await ask(UNIQUE.format(number))

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    asked = (time.process_time() - before) / subject.names
    remembered, cached = subject.remembered(UNIQUE.format(subject.names // 2)), None
    if remembered is not None:
        before = time.process_time()
        for _ in range(CACHED):
            remembered()
        cached = (time.process_time() - before) / CACHED
    await subject.stop()
    return asked, cached


@contextmanager
def name_server(certificate: Path, key: Path) -> Iterator[dict[str, int]]:
    """The ports of a name server, by transport, for the length of the block."""
    command = [sys.executable, "-m", "bench.name_server", str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def alone(name: str, transport: str, port: int, certificate: Path) -> tuple[float, float | None]:
    """Measure in a process of its own."""
    words = [sys.executable, "-m", "bench.resolvers", "--one", name, transport, str(port), str(certificate)]
    process = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    asked, cached = json.loads(process.stdout)
    return asked, cached


def main(words: Sequence[str] = ()) -> int:
    """Measure and print; words pick resolvers and transports."""
    pairs = [
        (name, transport)
        for name, (_, transports) in SUBJECTS.items()
        for transport in transports
        if (name != "aiodns" or find_spec(name)) and (all(word in (name, transport) for word in words))
    ]
    best: dict[tuple[str, str], tuple[float, float | None]] = {}
    with tempfile.TemporaryDirectory(prefix="g3-bench-") as folder:
        certificate, key = certify(Path(folder))
        with name_server(certificate, key) as ports:
            for pair in pairs * ROUNDS:
                asked, cached = alone(*pair, ports[pair[1]], certificate)
                old = best.get(pair, (asked, cached))
                best[pair] = min(old[0], asked), None if cached is None else min(old[1] or cached, cached)
    print(f"{'resolver':<10} {'over':<6} {'questions/CPU s':>15} {'us CPU each':>12} {'us from the cache':>18}")
    for (name, transport), (asked, cached) in best.items():
        shown = "" if cached is None else f"{cached * 1e6:.2f}"
        print(f"{name:<10} {transport:<6} {1 / asked:>15,.0f} {asked * 1e6:>12.0f} {shown:>18}")
    return 0


def one(name: str, transport: str, port: str, certificate: str) -> None:
    """Measure this resolver in this process, and print the figures as JSON."""
    subject = SUBJECTS[name][0](transport, int(port), Path(certificate))
    print(json.dumps(uvloop.run(measure(subject))))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
