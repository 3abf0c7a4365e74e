"""Network namespaces with links between them: machines of one test, for what needs addresses of others."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import pytest

PATIENCE = 20.0


class Namespaces:
    """Machines by short names."""

    def __init__(self) -> None:
        self._prefix = f"g3-{os.getpid()}"
        self._made: list[str] = []
        self._links = 0

    def add(self, machine: str) -> None:
        """A machine that has nobody but itself."""
        ip("netns", "add", self._name(machine))
        self._made.append(machine)
        self.ip(machine, "link", "set", "lo", "up")

    def link(self, one: str, other: str, *networks: tuple[str, str, int]) -> tuple[str, str]:
        """Connect two machines; a network is two addresses and the prefix's length. Returns the names of both ends."""
        self._links += 1
        ends = tuple(f"g3v{os.getpid()}{end}{self._links}" for end in "ab")
        peer = ("peer", "name", ends[1], "netns", self._name(other))
        ip("link", "add", ends[0], "netns", self._name(one), "type", "veth", *peer)
        for index, (machine, end) in enumerate(zip((one, other), ends, strict=True)):
            for *addresses, length in networks:
                self.address(machine, f"{addresses[index]}/{length}", end)
            self.ip(machine, "link", "set", end, "up")
        return ends[0], ends[1]

    def address(self, machine: str, address: str, interface: str = "lo") -> None:
        """Give a machine an address with its prefix's length."""
        self.ip(machine, "addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))

    def ip(self, machine: str, *words: str) -> None:
        """Run `ip` for a machine."""
        ip("-n", self._name(machine), *words)

    def run(self, machine: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program on a machine until it ends."""
        return subprocess.run(
            self._command(machine, words), check=True, capture_output=True, text=True, timeout=PATIENCE
        )

    def start(self, machine: str, *words: str) -> subprocess.Popen[str]:
        """Start a program on a machine."""
        return subprocess.Popen(
            self._command(machine, words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def tear_down(self) -> None:
        """Remove all machines, and the links with them."""
        for machine in self._made:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", self._name(machine))

    def _name(self, machine: str) -> str:
        return f"{self._prefix}-{machine}"

    def _command(self, machine: str, words: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self._name(machine), *words]


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=PATIENCE)


@contextlib.contextmanager
def namespaces(*programs: str) -> Iterator[Namespaces]:
    """No machine yet. Skips the test without root, without one of the programs, and if setting it up fails."""
    missing = [program for program in ("ip", *programs) if shutil.which(program) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"network namespaces need root and {', '.join(missing or ('ip', *programs))}")
    made = Namespaces()
    try:
        yield made
    finally:
        made.tear_down()


@contextlib.contextmanager
def or_skip() -> Iterator[None]:
    """Setting machines up: skip the test where this machine cannot."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no such network namespaces here: {error.stderr!r}")
