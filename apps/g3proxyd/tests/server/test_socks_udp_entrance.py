"""Where clients are told to send to, and who is told that there is no UDP."""

import contextlib
from ipaddress import IPv6Address
from typing import Any

import pytest
from g3_socks import RefusedError, Reply, UdpAssociate
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.server import socks_proxy
from loopback import run
from proxy import Proxy, proxy
from udp import associated, bound, socks_server

FULL = {"use_udp_associate": True}


def told(p: Proxy, request: UdpAssociate | None = None) -> Any:
    return associated(p.socks, request)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "127.0.0.1"),
        ({"transmute_udp_echo_ip": True}, "0.0.0.0"),
        ({"transmute_udp_echo_ip": {"127.0.0.1": "192.0.2.1"}}, "192.0.2.1"),
        ({"auto_reply_local_ip_map": {"127.0.0.3": "192.0.2.1"}}, "0.0.0.0"),
        ({"udp_bind_ipv4": ["127.0.0.5"]}, "127.0.0.5"),
        ({"udp_bind_ipv4": ["127.0.0.5"], "transmute_udp_echo_ip": {"127.0.0.5": "192.0.2.5"}}, "192.0.2.5"),
    ],
)
def test_the_address_that_clients_are_told(keys: dict[str, Any], expected: str) -> None:
    async def main() -> None:
        async with proxy(socks={**FULL, **keys}) as p, told(p) as client:
            assert client.relay[0] == expected

    run(main())


def two_free_ports() -> int:
    """The first of two neighbours."""
    while True:
        with bound() as one:
            first: int = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError), bound(port=first + 1):
                return first


def test_ports_of_a_range() -> None:
    async def main() -> None:
        start = two_free_ports()
        ports = {"udp_bind_port_range": f"{start}-{start + 1}"}
        async with proxy(socks={**FULL, **ports}) as p, told(p) as first, told(p) as second:
            assert {first.relay[1], second.relay[1]} == {start, start + 1}
            with pytest.raises(RefusedError) as caught:
                async with told(p):
                    pass
            assert caught.value.code == Reply.GENERAL_FAILURE
            (record,) = await p.records.wait(task_event="Finished", reason="InternalServerError")
            assert "in use" in record["msg"]

    run(main())


def test_a_family_without_an_address_is_refused() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p:
            with pytest.raises(RefusedError) as caught:
                async with told(p, UdpAssociate(IPv6Address("2001:db8::1"), 9)):
                    pass
            assert caught.value.code == Reply.GENERAL_FAILURE
            async with told(p, UdpAssociate(IPv6Address(0), 0)) as client:
                assert client.relay[0] == "127.0.0.1"

    run(main())


def test_an_escaper_without_udp_is_no_way_out() -> None:
    async def main() -> None:
        async with proxy(socks=FULL) as p:
            async with told(p):
                pass  # the worker is up
            object.__setattr__(socks_server(p).context, "escaper", DummyDenyEscaper("no"))
            with pytest.raises(RefusedError) as caught:
                async with told(p):
                    pass
            assert caught.value.code == Reply.NOT_ALLOWED
            (record,) = await p.records.wait(task_event="Finished", reason="ForbiddenByRule")
            assert record["task_type"] == "UdpAssociate"

    run(main())


def test_there_are_not_too_many_associations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socks_proxy, "ASSOCIATIONS_MAX", 2)

    async def main() -> None:
        async with proxy(socks=FULL) as p, told(p) as one, told(p):
            with pytest.raises(RefusedError) as caught:
                async with told(p):
                    pass
            assert caught.value.code == Reply.GENERAL_FAILURE
            one.writer.close()
            await p.task_record()
            async with told(p):
                pass

    run(main())
