"""The header of divert_tcp, and what the escaper does not do."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from escaper.network import Records, Task, host, network, run_virtually
from g3_escape import EgressPath
from g3_escape import Upstream as Chosen
from g3_proxyproto import HeaderReader, parse_g3
from g3proxyd.config.escaper import DivertTcpConfig
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.divert_tcp import diverting_header
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.timers import Wheel
from g3proxyd.log.logger import Logger
from g3proxyd.upstream import SecureUpstream, Upstream

TASK = Task(server_addr=("192.0.2.8", 8080))


@pytest.mark.parametrize(
    ("upstream", "name", "tls_name"),
    [
        (Upstream("a.test", 443), "a.test:443", None),
        (SecureUpstream("a.test", 443), "a.test:443", "a.test"),
        (SecureUpstream("a.test", 443, "b.test"), "a.test:443", "b.test"),
        (SecureUpstream(host("2001:db8::1"), 443), "[2001:db8::1]:443", "2001:db8::1"),
        (SecureUpstream("a.test", 443, host("192.0.2.1")), "a.test:443", "192.0.2.1"),
    ],
)
def test_what_the_header_tells(upstream: Upstream, name: str, tls_name: str | None) -> None:
    reader = HeaderReader()
    reader.receive_data(diverting_header(upstream, TASK))
    header = reader.next_event()
    assert header is not None
    values = parse_g3(header.tlvs)
    assert (values.upstream, values.tls_name, values.username) == (name, tls_name, None)
    assert values.task_id == bytes.fromhex(TASK.task_id)


def test_who_the_client_is() -> None:
    reader = HeaderReader()
    reader.receive_data(diverting_header(Upstream("a.test", 443), replace(TASK, user="joé")))
    header = reader.next_event()
    assert header is not None
    assert parse_g3(header.tlvs).username == "joé"


@pytest.mark.parametrize("server", [None, ("2001:db8::1", 80, 0, 0)])
def test_addresses_that_are_no_pair(server: Any) -> None:
    with pytest.raises(TcpConnectError) as caught:
        diverting_header(Upstream("a.test", 443), Task(server_addr=server))
    assert caught.value.reason is ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR


def test_nothing_but_streams_to_the_fixed_places() -> None:
    async def main() -> None:
        with network() as net:
            place = net.listen("127.0.0.1")
            config = DivertTcpConfig.model_validate({"name": "out", "proxy_addr": f"127.0.0.1:{net.port}"})
            loop = asyncio.get_running_loop()
            poller = Poller(loop)
            relays = RelayHost(poller, Wheel(loop))
            escaper = make_escaper(config, Surroundings(relays, {}, Logger("Escape", Records())))
            path = EgressPath(upstreams={"out": Chosen(host("127.0.0.2"), net.port)})
            task = Task(server_addr=("192.0.2.8", 8080), egress_path=path)
            notes = ConnectNotes()
            hop = await escaper.http_connect(Upstream("a.test", 80), notes, task)
            assert (hop.proxy, hop.any_upstream, notes.override_peer) == (False, False, None)
            hop.connection.close()
            place.accept()[0].close()
            with pytest.raises(TcpConnectError) as caught:
                await escaper.udp_connect(Upstream("a.test", 80), notes, task)
            assert caught.value.reason is ConnectReason.METHOD_UNAVAILABLE
            with pytest.raises(TcpConnectError):
                escaper.udp_associate(notes, task)
            poller.close()

    run_virtually(main)
