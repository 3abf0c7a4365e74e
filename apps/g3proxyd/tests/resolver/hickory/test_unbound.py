"""A resolver of the world: Unbound answers over every transport."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from certificates import authority
from daemon import free_port
from escaper.network import Records
from g3_escape import Family
from g3proxyd.config.resolver import HickoryConfig
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.errors import ResolveError
from g3proxyd.resolver.hickory.resolver import HickoryResolver
from loopback import run
from resolver.hickory.servers import Parts

NAME = "dns.test"
CONFIG = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  interface: 127.0.0.1@{plain}
  interface: 127.0.0.1@{tls}
  interface: 127.0.0.1@{https}
  access-control: 127.0.0.2/32 refuse
  tls-port: {tls}
  https-port: {https}
  tls-service-pem: "{certificate}"
  tls-service-key: "{key}"
  max-udp-size: 512
  local-zone: "test." static
  local-data: "a.test. 77 IN A 192.0.2.1"
  local-data: "a.test. 77 IN AAAA 2001:db8::1"
  local-data: "six.test. 77 IN AAAA 2001:db8::6"
{many}
  local-zone: "refused.test." always_refuse
remote-control:
  control-enable: no
"""


@dataclass(frozen=True)
class Unbound:
    """Where it listens."""

    plain: int
    tls: int
    https: int


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbound]:
    """An Unbound that knows a few names, at ports that nobody had a moment ago."""
    program = shutil.which("unbound", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("unbound is not installed")
    folder = tmp_path_factory.mktemp("unbound")
    certificate, key = authority().issue(NAME).write(folder)
    server = Unbound(free_port(), free_port(), free_port())
    many = "\n".join(f'  local-data: "many.test. 77 IN A 198.51.100.{number}"' for number in range(1, 251))
    path = folder / "unbound.conf"
    path.write_text(CONFIG.format(folder=folder, certificate=certificate, key=key, many=many, **vars(server)))
    with subprocess.Popen([program, "-d", "-c", str(path)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if "start of service" in line:
                    break
            else:
                pytest.fail(f"unbound did not start: {lines}")
            yield server
        finally:
            process.terminate()


def make(
    parts: Parts, port: int, protocol: str | None, name: str = NAME, bind_ip: str | None = None
) -> HickoryResolver:
    keys: dict[str, Any] = {"name": "dns", "server": "127.0.0.1", "server_port": port, "graceful_stop_wait": 0}
    keys["bind_ip"] = bind_ip
    if protocol is not None:
        trust = {"ca_certificate": authority().pem.decode(), "no_default_ca_certificate": True}
        keys["encryption"] = {"tls_name": name, "protocol": protocol, "tls_client": trust}
    config = HickoryConfig.model_validate(keys)
    return HickoryResolver(config, Logger("Resolve", Records()), parts.poller, parts.wheel)


async def ask(resolver: HickoryResolver, domain: str, family: Family = Family.IPV4) -> list[str]:
    return [str(address) for address in (await resolver.resolve(domain, family)).addresses]


async def fail(resolver: HickoryResolver, domain: str) -> str:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve(domain, Family.IPV4)
    return caught.value.subtype


@pytest.mark.parametrize(("transport", "protocol"), [("plain", None), ("tls", "tls"), ("https", "https")])
def test_every_transport(unbound: Unbound, transport: str, protocol: str | None) -> None:
    async def main() -> None:
        with Parts() as parts:
            resolver = make(parts, getattr(unbound, transport), protocol)
            assert await ask(resolver, "A.test.") == ["192.0.2.1"]
            assert await ask(resolver, "a.test", Family.IPV6) == ["2001:db8::1"]
            assert await ask(resolver, "six.test") == []
            assert await fail(resolver, "no.test") == "NOTFOUND"
            assert await fail(resolver, "refused.test") == "REFUSED"
            found = await ask(resolver, "many.test")
            assert len(set(found)) == 32
            assert all(address.startswith("198.51.100.") for address in found)
            names = [f"no{number}.test" for number in range(300)]
            assert set(await asyncio.gather(*(fail(resolver, name) for name in names))) == {"NOTFOUND"}
            await resolver.close()

    run(main())


@pytest.mark.parametrize(("transport", "protocol"), [("tls", "tls"), ("https", "https")])
def test_another_name_than_that_of_the_certificate(unbound: Unbound, transport: str, protocol: str) -> None:
    async def main() -> None:
        with Parts() as parts:
            resolver = make(parts, getattr(unbound, transport), protocol, "other.test")
            assert await fail(resolver, "a.test") == "ConnRefused"
            await resolver.close()

    run(main())


@pytest.mark.parametrize(("transport", "protocol"), [("plain", None), ("tls", "tls"), ("https", "https")])
def test_clients_that_unbound_does_not_serve_get_a_header_alone(
    unbound: Unbound, transport: str, protocol: str | None
) -> None:
    async def main() -> None:
        with Parts() as parts:
            resolver = make(parts, getattr(unbound, transport), protocol, bind_ip="127.0.0.2")
            assert await fail(resolver, "a.test") == "REFUSED"
            await resolver.close()

    run(main())
