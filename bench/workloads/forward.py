"""Plain HTTP through a forward proxy or a reverse one, on connections that stay open where the proxy can keep them."""

from bench.measure import cpu_seconds
from bench.origin import SMALL, SMALL_SIZE
from bench.workloads import connections
from bench.workloads.base import Site, Subject, Workload, WrongResultError, run_json

_CONNECTIONS = 32
# A proxy may add some header lines to the origin's; a body that is missing or doubled does not fit in between.
_HEAD_LIMIT = 1000


def _measure(workload: Workload, subject: Subject, site: Site) -> float:
    """Microseconds of the proxy's CPU for one request."""
    if not subject.keep_alive:
        return connections.measure(workload, subject, site)
    proxy = f"http://127.0.0.1:{subject.port}"
    if workload.dialect == "forward":
        url = target = site.origin.url(SMALL)
        _check_one(["-x", proxy, url], site)
    else:
        url, target = proxy + SMALL, SMALL
        _check_one([url], site)
    asked = [proxy, "--", target, url.split("/")[2]]
    _wrk(asked, 1, site)  # connections to the origin, warm code
    before = cpu_seconds(subject.pid)
    requests = _wrk(asked, site.scale.forward_seconds, site)
    return (cpu_seconds(subject.pid) - before) / requests * 1e6


def _check_one(way: list[str], site: Site) -> None:
    form = '{"status": %{http_code}, "size": %{size_download}}\n'
    command = ["curl", "-sS", *way, "-o", "/dev/null", "-w", form]
    answer = run_json(command, site.client_core, 30)
    if answer != {"status": 200, "size": SMALL_SIZE}:
        raise WrongResultError(f"a single request got {answer}")


def _wrk(asked: list[str], seconds: int, site: Site) -> int:
    script = __file__.removesuffix("workloads/forward.py") + "requests.lua"
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", script, *asked]
    result = run_json(command, site.client_core, seconds + 60)
    requests = int(result["requests"])
    if not requests or result["errors"]:
        raise WrongResultError(f"wrk counts {result['errors']} errors in {requests} requests")
    each = int(result["bytes"]) / requests
    if not SMALL_SIZE < each < SMALL_SIZE + _HEAD_LIMIT:
        raise WrongResultError(f"{each:.0f} bytes for an answer of {SMALL_SIZE}")
    return requests


WORKLOADS = (
    Workload("forward", "HTTP forward, keep-alive, 1 KiB", "us/request", "http", "forward", _measure),
    Workload("web", "HTTP reverse proxy, keep-alive, 1 KiB", "us/request", "web", "plain", _measure),
)
