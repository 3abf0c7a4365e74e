"""Requests that go on while a test takes something away, and what became of each of them."""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from integration.lab import Lab, Service, eventually

CLIENTS = 4
_PATIENCE = 40.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the times are those of `time.monotonic`, which all processes of the machine share."""

    number: int
    begin: float
    end: float
    status: int


@dataclass(slots=True)
class Load:
    """Clients at work: each asks again soon after it has its answer."""

    lab: Lab
    mark: str
    """What all their URIs have before the number."""
    requests: list[Request] = field(default_factory=list)
    """All of them, once the block of `under_load` is left."""

    def escapers(self, service: Service = "entrance") -> Counter[str]:
        """How many of the requests that have ended went through each of a daemon's escapers."""
        lines = self.lab.task_logs(service, task_event="Finished")
        return Counter(line["escaper"] for line in lines if self.mark in line.get("uri", ""))

    def wait_for_more(self, escaper: str, count: int) -> None:
        """Wait until so many more requests have gone through the escaper."""
        before = self.escapers()[escaper]
        assert eventually(lambda: self.escapers()[escaper] >= before + count, _PATIENCE), f"nothing through {escaper}"

    def at_origin(self) -> Counter[int]:
        """How often each request has come to the origin, by number."""
        found = re.findall(f"{re.escape(self.mark)}([0-9]+) ", self.lab.log("origin"))
        return Counter(map(int, found))

    def answered(self) -> set[int]:
        """The numbers of the requests that have got the whole page."""
        return {request.number for request in self.requests if request.status == 200}


@contextlib.contextmanager
def under_load(lab: Lab, url: str, mark: str, *, keep: bool = False) -> Iterator[Load]:
    """The block runs while clients ask the entrance for hello.txt at `url`; "{0}" in it becomes a request's number.

    With `keep` each client has one connection for all of its requests.
    """
    load = Load(lab, f"/hello.txt?{mark}=")
    words = [lab.address("entrance"), "8080", f"{url}{load.mark}{{0}}", str(CLIENTS), *(["keep"] if keep else [])]
    with lab.talking("client", "/usr/bin/python3", "/srv/load_client.py", *words) as talk:
        yield load
        assert talk.stdin is not None
        assert talk.stdout is not None
        talk.stdin.write("\n")
        talk.stdin.flush()
        load.requests = [Request(*row) for row in json.loads(talk.stdout.readline())]
