"""The proxies that Debian packages: squid, tinyproxy, dante, haproxy and nginx."""

import re
from pathlib import Path

from bench.peers.base import Peer, Setup, ask_version, find


class Squid(Peer):
    """Squid in one process: `-N` leaves out the master process, which does not touch requests."""

    name = "squid"
    setups = frozenset[Setup]({"http", "next_http", "web"})
    config = "squid/{}.conf"
    user = "proxy"
    package = "squid"

    def program(self) -> str | None:
        return find("squid")

    def command(self, config: Path) -> list[str]:
        return [self.program() or "squid", "-N", "-n", self._service(config), "-f", str(config)]

    def version(self) -> str:
        return _number(ask_version(self.program() or "squid", "-v", word="Version"))

    def user_lines(self, user: str) -> str:
        return f"cache_effective_user {user}"

    def clean(self, config: Path) -> None:
        for segment in Path("/dev/shm").glob(f"{self._service(config)}-*"):
            segment.unlink(missing_ok=True)

    def _service(self, config: Path) -> str:
        """Squid names its shared memory after its service: one that no other Squid of the machine has."""
        return "bench" + "".join(filter(str.isalnum, config.parent.name))


class Tinyproxy(Peer):
    """tinyproxy: a thread for each connection, and one request for each connection."""

    name = "tinyproxy"
    setups = frozenset[Setup]({"http", "next_http"})
    config = "tinyproxy/{}.conf"
    keep_alive = False
    user = "nobody"
    package = "tinyproxy-bin"

    def program(self) -> str | None:
        return find("tinyproxy")

    def command(self, config: Path) -> list[str]:
        return [self.program() or "tinyproxy", "-d", "-c", str(config)]

    def version(self) -> str:
        return _number(ask_version(self.program() or "tinyproxy", "-v", word="tinyproxy"))

    def user_lines(self, user: str) -> str:
        return f"User {user}"


class Dante(Peer):
    """Dante's server: processes that accept, negotiate, connect and relay, and start more of themselves as needed."""

    name = "dante"
    setups = frozenset[Setup]({"socks", "next_socks"})
    config = "dante/{}.conf"
    user = "nobody"
    package = "dante-server"

    def program(self) -> str | None:
        return find("danted", "sockd")

    def command(self, config: Path) -> list[str]:
        return [self.program() or "danted", "-f", str(config), "-p", str(config.with_suffix(".pid"))]

    def version(self) -> str:
        return _number(ask_version(self.program() or "danted", "-v", word="ante"))

    def user_lines(self, user: str) -> str:
        return f"user.privileged: root\nuser.unprivileged: {user}"


class Haproxy(Peer):
    """haproxy in one thread, in the foreground."""

    name = "haproxy"
    setups = frozenset[Setup]({"tls"})
    config = "haproxy/{}.cfg"
    package = "haproxy"

    def program(self) -> str | None:
        return find("haproxy")

    def command(self, config: Path) -> list[str]:
        return [self.program() or "haproxy", "-db", "-f", str(config)]

    def version(self) -> str:
        return _number(ask_version(self.program() or "haproxy", "-v", word="ersion"))


class Nginx(Peer):
    """nginx with one worker."""

    name = "nginx"
    setups = frozenset[Setup]({"tls", "web"})
    config = "nginx/{}.conf"
    user = "root"
    package = "libnginx-mod-stream"

    def program(self) -> str | None:
        return find("nginx") if Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists() else None

    def command(self, config: Path) -> list[str]:
        folder = config.parent
        return [self.program() or "nginx", "-c", str(config), "-p", str(folder), "-e", str(folder / "nginx.error")]

    def version(self) -> str:
        return _number(ask_version(self.program() or "nginx", "-v", word="nginx"))

    def user_lines(self, user: str) -> str:
        return f"user {user};"


def _number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group() if found else text
