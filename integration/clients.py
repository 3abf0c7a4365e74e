"""What the tests ask of the clients, in one place: curl's answers as data."""

from dataclasses import dataclass

from integration.lab import Lab


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl saw. `connect` is the proxy's status to CONNECT, `status` the last status of all, 0 without any."""

    exit_code: int
    status: int
    connect: int
    size: int
    body: str
    error: str


TRUST = ["--cacert", "/srv/tls/authority.crt"]
_FORM = "\n%{http_code} %{http_connect} %{size_download}"


def curl(lab: Lab, *words: str, seconds: float = 60, stdin: str | None = None) -> Answer:
    """Run curl beside the clients and take its answer apart."""
    done = lab.client("curl", "-sS", "--max-time", str(seconds - 5), "-w", _FORM, *words, seconds=seconds, stdin=stdin)
    body, _, figures = done.stdout.rpartition("\n")
    status, connect, size = (int(figure) for figure in figures.split())
    return Answer(done.returncode, status, connect, size, body, done.stderr.strip())


def via_http(lab: Lab, url: str, *words: str, seconds: float = 60, stdin: str | None = None) -> Answer:
    """curl through the HTTP server: absolute-form for http, CONNECT for https."""
    return curl(lab, "-x", lab.http_proxy, *TRUST, *words, url, seconds=seconds, stdin=stdin)


def via_entrance(lab: Lab, url: str, *words: str, seconds: float = 60) -> Answer:
    """curl through the entrance, which chooses the way out by the name."""
    return curl(lab, "-x", f"http://{lab.address('entrance')}:8080", *TRUST, *words, url, seconds=seconds)


def via_socks(lab: Lab, version: str, url: str, *words: str) -> Answer:
    """curl through the SOCKS server; the version is one of curl's: socks4, socks4a, socks5, socks5-hostname."""
    return curl(lab, f"--{version}", lab.socks_proxy, *words, url)


def sha256(lab: Lab, path: str, *, at: str = "origin") -> str:
    """The digest of a file in a container, as sha256sum says it."""
    done = lab.run("client" if at == "client" else "origin", "sha256sum", path)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def shell(lab: Lab, script: str, *arguments: str, seconds: float = 60) -> str:
    """Run a script beside the clients that must succeed; returns its output."""
    done = lab.client("sh", "-eu", "-c", script, "sh", *arguments, seconds=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def raw(lab: Lab, port: int, data: bytes, *, end: bool = False) -> bytes:
    """Send the proxy bytes and return all that comes until it closes; `end` closes our side behind them."""
    command = ["/usr/bin/python3", "/srv/raw_client.py", lab.address("proxy"), str(port), data.hex()]
    done = lab.client(*command, *(["end"] if end else []))
    assert done.returncode == 0, done.stderr
    return bytes.fromhex(done.stdout)
