"""Forms that configurations written for g3proxy have, as operators combine them."""

from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import jsonschema
import pytest
from g3_acl import Action
from g3proxyd.config import (
    CAresConfig,
    Config,
    ConfigError,
    DirectFixedConfig,
    HttpProxyConfig,
    Kind,
    SocksProxyConfig,
    load,
)
from g3proxyd.config.document import read_documents
from g3proxyd.config.nodes import Source
from g3proxyd.config.schema import main_file_schema
from g3proxyd.config.values.socket_buffer import SocketBuffer
from g3proxyd.config.values.speed_limit import TcpSockSpeedLimit

WHOLE = """\
---
runtime:
  thread_number: 2

log: discard

server:
  - name: http
    escaper: default
    type: HttpProxy
    listen:
      address: "[::]:10080"
      backlog: 4096
    local_server_name:
      - 127.0.0.1
      - ::1
    tcp_sock_speed_limit: 100M
    no_early_error_reply: true
  - name: socks
    type: socks_proxy
    escaper: default
    listen: "[::]:10086"
    tcp_conn_limit: {shift: 12, upload: 8MB, download: 16MiB}
    ingress_network_filter: { }

resolver:
  - name: default
    type: c-ares
    server: 192.0.2.53 192.0.2.54
    bind_ipv4: 192.0.2.10

escaper:
  - name: default
    type: direct_fixed
    no_ipv6: true
    resolver: default
    resolve_strategy: IPv4Only
    bind_ip: 192.0.2.10
    tcp_sock_speed_limit: 10M/s
    egress_network_filter:
      default: allow
      allow:
        - 127.0.0.1
"""


def test_a_whole_proxy(config: Callable[..., Config]) -> None:
    found = config(WHOLE)
    http, socks = found.servers["http"], found.servers["socks"]
    assert isinstance(http, HttpProxyConfig)
    assert isinstance(socks, SocksProxyConfig)
    assert http.tcp_sock_speed_limit == TcpSockSpeedLimit(shift_millis=10, upload=10**8, download=10**8)
    assert http.local_server_name == (IPv4Address("127.0.0.1"), ip_address("::1"))
    assert socks.tcp_sock_speed_limit == TcpSockSpeedLimit(shift_millis=12, upload=8 * 10**6, download=16 * 2**20)
    escaper = found.escapers["default"]
    assert isinstance(escaper, DirectFixedConfig)
    assert escaper.bind_ip == (IPv4Address("192.0.2.10"),)
    assert escaper.egress_network_filter.check(IPv4Address("127.0.0.1")) is Action.PERMIT
    resolver = found.resolvers["default"]
    assert isinstance(resolver, CAresConfig)
    assert [str(server) for server in resolver.server] == ["192.0.2.53:53", "192.0.2.54:53"]
    assert [str(warning).partition(": ")[2].partition(":")[0] for warning in found.warnings] == [
        "runtime.thread_number",
        "server socks.tcp_conn_limit",
    ]


def test_and_it_fits_the_schema() -> None:
    (document,) = read_documents(Source(Path("f"), WHOLE), [])
    jsonschema.Draft202012Validator(main_file_schema()).validate(document.plain())


@pytest.mark.parametrize(
    "server",
    [
        "user-group: default",
        "auditor: default",
        "username_params: {}",
        "extra_metrics_tags: {zone: a}",
    ],
)
def test_keys_of_later_parts_are_refused_by_name(server: str, write: Callable[..., object]) -> None:
    write(
        f"server: [{{name: a, type: http_proxy, escaper: b, listen: 80, {server}}}]\n"
        "escaper: [{name: b, type: dummy_deny}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        load("main.yml")
    (problem,) = caught.value.problems
    assert problem.kind is Kind.UNSUPPORTED
    assert problem.path == f"server a.{server.partition(':')[0]}"
    assert problem.message.startswith("not supported yet: ")


def test_socks_udp(config: Callable[..., Config]) -> None:
    found = config(
        """\
        server:
          - name: socks
            type: socks_proxy
            escaper: d
            listen: "[::]:10086"
            enable_udp_associate: true
            udp_socket_buffer: 512K
            udp_sock_speed_limit: 10M/s
            transmute_udp_echo_ip: {"192.0.2.1": "198.51.100.1"}
        escaper: [{name: d, type: dummy_deny}]
        """
    )
    server = found.servers["socks"]
    assert isinstance(server, SocksProxyConfig)
    assert server.use_udp_associate
    assert server.udp_socket_buffer == SocketBuffer(recv=512_000, send=512_000)
    assert server.udp_sock_speed_limit is not None
    assert server.udp_sock_speed_limit.upload_bytes == 10_000_000
    assert server.transmute_udp_echo_ip == {IPv4Address("192.0.2.1"): IPv4Address("198.51.100.1")}
    assert found.warnings == ()
