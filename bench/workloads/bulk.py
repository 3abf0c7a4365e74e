"""A gibibyte down one connection: CONNECT, SOCKS5 and TLS."""

import subprocess

from bench.load import TLS_CIPHER
from bench.measure import cpu_seconds
from bench.origin import BULK, BULK_SIZE
from bench.processes import pinned
from bench.workloads.base import Site, Subject, Workload, WrongResultError


def _measure(workload: Workload, subject: Subject, site: Site) -> float:
    """Seconds of the proxy's CPU for one GiB."""
    downloads = site.scale.bulk_downloads
    before = cpu_seconds(subject.pid)
    _download(workload, subject, site, downloads)
    return (cpu_seconds(subject.pid) - before) / (downloads * BULK_SIZE / 2**30)


def _download(workload: Workload, subject: Subject, site: Site, times: int) -> None:
    place, url = f"127.0.0.1:{subject.port}", site.origin.url(BULK)
    match workload.dialect:
        case "socks5":
            way = ["--socks5", place]
        case "tls":
            way = ["-k", "--tlsv1.3", "--tls13-ciphers", TLS_CIPHER]
            url = f"https://{place}{BULK}"
        case _:
            way = ["-p", "-x", f"http://{place}"]
    # curl keeps the tunnel for all the URLs of one command; num_connects tells if it had to open a second one.
    command = ["curl", "-sS", *way, "-w", "%{http_code} %{size_download} %{num_connects}\n"]
    for _ in range(times):
        command += ["-o", "/dev/null", url]
    done = subprocess.run(
        pinned(site.client_core, command), capture_output=True, text=True, timeout=120 * times, check=False
    )
    answers = done.stdout.split("\n")[:-1]
    if answers != [f"200 {BULK_SIZE} {1 if first else 0}" for first in [True] + [False] * (times - 1)]:
        raise WrongResultError(f"curl reports {answers} {done.stderr.strip()[-200:]}")


WORKLOADS = (
    Workload("bulk", "CONNECT, 1 GiB through one tunnel", "s/GiB", "http", "connect", _measure, digits=2),
    Workload("socks-bulk", "SOCKS5, 1 GiB through one tunnel", "s/GiB", "socks", "socks5", _measure, digits=2),
    Workload("tls-bulk", "TLS ends here, 1 GiB in one connection", "s/GiB", "tls", "tls", _measure, digits=2),
)
