"""More servers of the world: dnsdist in front of a server of the test's, and Knot, which has a zone and asks nobody."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from certificates import authority
from daemon import free_port
from g3_escape import Family
from loopback import run
from resolver.dns_server import Asked, addresses, serving, with_code
from resolver.hickory.servers import Parts, address_of
from resolver.hickory.test_unbound import NAME, ask, fail, make

DNSDIST = """
setLocal("127.0.0.1:{plain}")
addTLSLocal("127.0.0.1:{tls}", "{certificate}", "{key}")
addDOHLocal("127.0.0.1:{https}", "{certificate}", "{key}", "/dns-query")
newServer("127.0.0.1:{backend}"):setUp()
setSecurityPollSuffix("")
"""
KNOT = """
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
database:
  storage: "{folder}"
log:
  - target: stderr
    any: info
zone:
  - domain: test
    file: "{folder}/zone"
"""
ZONE = """
$ORIGIN test.
@ 60 SOA ns host 1 2 3 4 60
@ 60 NS ns
ns 60 A 127.0.0.1
a 60 A 192.0.2.1
a 60 AAAA 2001:db8::1
alias 60 CNAME a
*.wild 60 A 192.0.2.7
elsewhere 60 NS ns.elsewhere
ns.elsewhere 60 A 192.0.2.53
"""


@contextmanager
def program(name: str, *arguments: str, ready: str) -> Iterator[None]:
    """A program that runs for the length of the block, and has said that it is ready."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    command = [path, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if ready in line:
                    break
            else:
                pytest.fail(f"{name} did not start: {said}")
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize(("transport", "protocol"), [("plain", None), ("tls", "tls"), ("https", "https")])
def test_dnsdist(tmp_path: Path, transport: str, protocol: str | None) -> None:
    certificate, key = authority().issue(NAME).write(tmp_path)
    ports = {"plain": free_port(), "tls": free_port(), "https": free_port()}
    known, unknown, busy = addresses("192.0.2.1", "2001:db8::1"), with_code(3), with_code(2)

    def speak(asked: Asked) -> Sequence[bytes]:
        said = {"no": unknown, "busy": busy}.get(asked.name.partition(".")[0], known)
        return said(asked)

    async def main() -> None:
        async with serving(speak) as backend:
            path = tmp_path / "dnsdist.conf"
            keys = {"certificate": certificate, "key": key, "backend": address_of(backend).port}
            path.write_text(DNSDIST.format(**ports, **keys))
            with program("dnsdist", "--supervised", "-C", str(path), ready="Console ACL"), Parts() as parts:
                resolver = make(parts, ports[transport], protocol)
                assert await ask(resolver, "a.test") == ["192.0.2.1"]
                assert await ask(resolver, "a.test", Family.IPV6) == ["2001:db8::1"]
                assert await fail(resolver, "no.test") == "NOTFOUND"
                assert await fail(resolver, "busy.test") == "SERVFAIL"
                several = await asyncio.gather(*(ask(resolver, f"a{number}.test") for number in range(200)))
                assert several == [["192.0.2.1"]] * 200
                await resolver.close()

    run(main())


def test_knot(tmp_path: Path) -> None:
    """UDP, and TCP for an answer of 4 kB; what is in another server's zone is nothing that we could go on with."""
    port = free_port()
    (tmp_path / "zone").write_text(ZONE + "".join(f"many 60 A 198.51.100.{number}\n" for number in range(1, 251)))
    path = tmp_path / "knot.conf"
    path.write_text(KNOT.format(folder=tmp_path, port=port))

    async def main() -> None:
        with program("knotd", "-c", str(path), ready="server started"), Parts() as parts:
            resolver = make(parts, port, None)
            assert await ask(resolver, "a.test") == ["192.0.2.1"]
            assert await ask(resolver, "alias.test", Family.IPV6) == ["2001:db8::1"]
            assert await ask(resolver, "any.wild.test") == ["192.0.2.7"]
            assert await ask(resolver, "any.wild.test", Family.IPV6) == []
            assert len(await ask(resolver, "many.test")) == 32
            assert await fail(resolver, "no.test") == "NOTFOUND"
            assert await fail(resolver, "www.elsewhere.test") == "REFUSED"
            assert await fail(resolver, "example.org") == "REFUSED"
            await resolver.close()

    run(main())
