"""The containers of one run: started once, spoken to through `docker exec`, removed whatever happens."""

import contextlib
import json
import os
import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from integration import build
from integration.build import BuildError, UnavailableError

Service = Literal[
    "dns",
    "origin",
    "balancer",
    "proxy",
    "gateway",
    "client",
    "guest",
    "entrance",
    "hops",
    "west",
    "east",
    "agent",
    "names",
    "reserve",
    "quicnames",
]
_COMPOSE_FILE = Path(__file__).resolve().parent / "compose.yml"
_HOSTS: dict[Service, int] = {
    "dns": 53,
    "origin": 80,
    "balancer": 30,
    "proxy": 10,
    "gateway": 11,
    "client": 20,
    "guest": 21,
    "entrance": 12,
    "hops": 40,
    "west": 41,
    "east": 42,
    "agent": 43,
    "names": 44,
    "reserve": 45,
    "quicnames": 46,
}
# The ports of a service that have to take connections before it counts as ready.
_PORTS: dict[Service, tuple[int, ...]] = {
    "origin": (21, 80, 443, 8765),
    "balancer": (8001, 1082),
    "proxy": (8080, 1080, 8443, 2001, 3001, 443),
    "gateway": (9000, 9001),
    "entrance": (8080, 1080, 443),
    "hops": (3128, 8888, 1080, 3129),
    "west": (8443, 1443),
    "east": (8443, 1443),
    "names": (853, 443),
    "reserve": (853, 443),
    "quicnames": (853,),
}
_READY_SECONDS = 20.0
# The range that is tried for a free network; a third octet is drawn for each try.
_NETWORKS = "10.222"
_NETWORK_TRIES = 5
_CONNECT = """
import socket, sys
for port in sys.argv[2:]:
    socket.create_connection((sys.argv[1], int(port)), 2).close()
"""

Done = subprocess.CompletedProcess[str]


class Lab:
    """A running set of containers."""

    def __init__(self, compose: list[str], base: str) -> None:
        self._project = f"g3it{os.getpid()}{secrets.token_hex(3)}"
        self._compose = [*compose, "--project-name", self._project, "--file", str(_COMPOSE_FILE)]
        self._base = base
        self._net = ""
        self._ids: dict[Service, str] = {}

    def address(self, service: Service) -> str:
        """The fixed IPv4 address of a service."""
        return f"{self._net}.{_HOSTS[service]}"

    @property
    def http_proxy(self) -> str:
        """The proxy's URL for clients that speak HTTP to it."""
        return f"http://{self.address('proxy')}:8080"

    @property
    def socks_proxy(self) -> str:
        """Address and port of the SOCKS server."""
        return f"{self.address('proxy')}:1080"

    def run(self, service: Service, *command: str, seconds: float = 60, stdin: str | None = None) -> Done:
        """Run a command in a service's container; its exit status is the caller's to judge."""
        arguments = ["docker", "exec", *(["-i"] if stdin is not None else []), self._ids[service], *command]
        return subprocess.run(
            arguments, input=stdin, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )

    def client(self, *command: str, seconds: float = 60, stdin: str | None = None) -> Done:
        """Run a command beside the proxy's clients."""
        return self.run("client", *command, seconds=seconds, stdin=stdin)

    def stop(self, service: Service, patience: int = 10) -> int:
        """Ask a service to end (SIGTERM, after `patience` seconds SIGKILL); returns its exit status."""
        _docker("stop", "--time", str(patience), self._ids[service])
        return int(_docker("inspect", "--format", "{{.State.ExitCode}}", self._ids[service]))

    def start(self, service: Service) -> None:
        """Start a stopped service again and wait until it serves."""
        _docker("start", self._ids[service])
        self._wait_ready(service)

    def kill(self, service: Service) -> None:
        """End a service at once (SIGKILL); its address goes with it."""
        _docker("kill", self._ids[service])

    @contextlib.contextmanager
    def stopped(self, service: Service) -> Iterator[None]:
        """A service is gone, with its address, within the block."""
        self.stop(service, patience=1)
        try:
            yield
        finally:
            self.start(service)

    @contextlib.contextmanager
    def frozen(self, service: Service) -> Iterator[None]:
        """A service's processes stand still within the block, while its kernel still takes connections."""
        _docker("pause", self._ids[service])
        try:
            yield
        finally:
            _docker("unpause", self._ids[service])

    @contextlib.contextmanager
    def talking(self, service: Service, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A command in a service's container that the block talks to, line by line; it ends with its input."""
        arguments = ["docker", "exec", "-i", self._ids[service], *command]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as talk:
            try:
                yield talk
            finally:
                talk.communicate(timeout=30)

    def log(self, service: Service) -> str:
        """What a service has written to its standard output."""
        return self._logs(service).stdout

    def process_log(self, service: Service = "proxy") -> str:
        """What a service has written to its standard error: a daemon says there what it refuses, and why."""
        return self._logs(service).stderr

    @contextlib.contextmanager
    def saying(self, text: str, service: Service = "proxy") -> Iterator[None]:
        """What the block does makes a service write this to its standard error."""
        before = self.process_log(service).count(text)
        yield
        assert eventually(lambda: self.process_log(service).count(text) > before), (
            f"{service} does not say {text!r}; its last words:\n{self.process_log(service)[-2000:]}"
        )

    def records(self, log_type: str, service: Service, **fields: Any) -> list[dict[str, Any]]:
        """A daemon's lines of this type that have these fields."""
        lines = [json.loads(line) for line in self.log(service).splitlines()]
        fields["log_type"] = log_type
        return [line for line in lines if fields.items() <= line.items()]

    def record(self, log_type: str, service: Service, **fields: Any) -> dict[str, Any]:
        """The one line of this type with these fields, once it is there."""
        assert eventually(lambda: bool(self.records(log_type, service, **fields))), f"no {log_type} log with {fields}"
        found = self.records(log_type, service, **fields)
        assert len(found) == 1, found
        return found[0]

    def task_logs(self, service: Service = "proxy", **fields: Any) -> list[dict[str, Any]]:
        """A daemon's lines for tasks that have these fields."""
        return self.records("Task", service, **fields)

    def task(self, service: Service = "proxy", **fields: Any) -> dict[str, Any]:
        """The one line for a task with these fields that has ended, once it is there."""
        return self.record("Task", service, task_event="Finished", **fields)

    def _logs(self, service: Service) -> Done:
        return subprocess.run(["docker", "logs", self._ids[service]], capture_output=True, text=True, check=True)

    def up(self) -> None:
        """Build the images, create and start everything, wait until all serve."""
        for attempt in range(_NETWORK_TRIES):
            self._net = f"{_NETWORKS}.{random.randrange(256)}"
            done = self._run_compose("up", "--detach", *(["--build"] if attempt == 0 else []))
            if done.returncode == 0:
                break
            if "overlap" not in done.stderr or attempt + 1 == _NETWORK_TRIES:
                raise BuildError(f"compose up failed:\n{(done.stdout + done.stderr)[-3000:]}")
        for service in _HOSTS:
            self._ids[service] = self._run_compose("ps", "--quiet", service).stdout.strip()
        for service in _HOSTS:
            self._wait_ready(service)

    def down(self) -> None:
        """Remove containers and network, and the images that a rebuild has left without a name."""
        self._run_compose("down", "--volumes", "--remove-orphans", "--timeout", "1")
        _docker("image", "prune", "--force", "--filter", "label=g3-integration")

    def _wait_ready(self, service: Service) -> None:
        probe = ["getent", "hosts", "origin.g3.test"]
        if service != "dns":
            ports = [str(port) for port in _PORTS.get(service, ())]
            probe = ["/usr/bin/python3", "-c", _CONNECT, self.address(service), *ports]
        deadline = time.monotonic() + _READY_SECONDS
        while self.client(*probe).returncode != 0:
            running = _docker("inspect", "--format", "{{.State.Running}}", self._ids[service]).strip() == "true"
            if time.monotonic() > deadline or not running:
                last = subprocess.run(
                    ["docker", "logs", "--tail", "30", self._ids[service]], capture_output=True, text=True
                )
                raise BuildError(f"{service} does not serve:\n{last.stdout}{last.stderr}")
            time.sleep(0.1)

    def _run_compose(self, *words: str) -> Done:
        environment = {**os.environ, "G3_NET": self._net, "G3_BASE_IMAGE": self._base}
        return subprocess.run(
            [*self._compose, *words], capture_output=True, text=True, env=environment, timeout=600, check=False
        )


@contextlib.contextmanager
def running() -> Iterator[Lab]:
    """A laboratory for the block; raises UnavailableError where this machine cannot have one."""
    compose = _find_compose()
    base = build.base_image()
    build.wheels(base)
    build.certificates()
    lab = Lab(compose, base)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something that another process brings about becomes true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _find_compose() -> list[str]:
    """The compose command of this machine: docker's plugin, or the older program of its own."""
    if shutil.which("docker") is None:
        raise UnavailableError("no Docker here: the docker command is not installed")
    engine = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    if engine.returncode != 0:
        raise UnavailableError(f"no Docker engine answers: {engine.stderr.strip()}")
    for command in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run([*command, "version"], capture_output=True).returncode == 0:
                return command
    raise UnavailableError("neither `docker compose` nor docker-compose is installed")


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise BuildError(f"docker {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
