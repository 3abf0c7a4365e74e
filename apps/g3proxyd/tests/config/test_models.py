"""What each kind of object makes of its keys, beyond what its value types do."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3proxyd.config import (
    CAresConfig,
    Config,
    ControllerConfig,
    DirectFixedConfig,
    DummyCloseConfig,
    DummyDenyConfig,
    HttpProxyConfig,
    LocalController,
    LogConfig,
    LoggerConfig,
    RuntimeConfig,
    SocksProxyConfig,
    WorkerConfig,
)
from g3proxyd.config.resolver.c_ares import parse_name_servers
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.config.values.keepalive import HttpKeepalive, TcpKeepalive
from g3proxyd.config.values.resolve import QueryStrategy, ResolveStrategy
from g3proxyd.config.values.sockopts import TcpMiscSockOpts
from pydantic import ValidationError

Lines = Callable[..., list[str]]

SERVER = """\
server: [{{name: a, type: {type}, escaper: d, listen: 80, {keys}}}]
escaper: [{{name: d, type: dummy_deny}}]
"""
ESCAPER = """\
escaper: [{{name: d, type: direct_fixed, resolver: r, {keys}}}]
resolver: [{{name: r, type: deny_all}}]
"""
RESOLVER = "resolver: [{{name: r, type: {type}, {keys}}}]\n"


def test_defaults_of_servers() -> None:
    server = HttpProxyConfig(name="a", escaper="d")
    assert (server.type, server.listen) == ("http_proxy", None)
    assert (server.tcp_copy_buffer_size, server.tcp_copy_yield_size) == (16384, 1048576)
    assert (server.task_idle_check_interval, server.task_idle_max_count) == (60.0, 5)
    assert (server.req_header_recv_timeout, server.rsp_header_recv_timeout) == (30.0, 60.0)
    assert (server.req_header_max_size, server.rsp_header_max_size) == (65536, 65536)
    assert (server.log_uri_max_chars, server.body_line_max_length) == (1024, 8192)
    assert (server.pipeline_size, server.pipeline_read_idle_timeout) == (10, 300.0)
    assert server.http_forward_upstream_keepalive == HttpKeepalive(enable=True, idle_expire=60.0)
    assert (server.allow_custom_host, server.drop_default_port_in_host) == (True, False)
    assert (server.no_early_error_reply, server.steal_forwarded_for) == (False, False)
    assert (server.tcp_sock_speed_limit, server.tcp_misc_opts) == (None, TcpMiscSockOpts())
    assert (server.ingress_network_filter, server.dst_host_filter_set, server.dst_port_filter) == (None, None, None)
    assert (server.flush_task_log_on_created, server.flush_task_log_on_connected) == (False, False)
    assert (server.task_log_flush_interval, server.local_server_name) == (None, ())
    assert SocksProxyConfig(name="a", escaper="d").negotiation_timeout == 4.0


def test_defaults_of_escapers() -> None:
    escaper = DirectFixedConfig(name="a", resolver="r")
    assert (escaper.no_ipv4, escaper.no_ipv6, escaper.bind_ip, escaper.bind_interface) == (False, False, (), None)
    assert escaper.resolve_strategy == ResolveStrategy(query=QueryStrategy.IPV4_FIRST)
    assert (escaper.tcp_keepalive, escaper.resolve_redirection) == (TcpKeepalive(), None)
    assert DummyDenyConfig(name="a").type == "dummy_deny"


def test_defaults_of_resolvers() -> None:
    resolver = CAresConfig(name="a")
    assert (resolver.server, resolver.each_timeout, resolver.each_tries) == ((), 2.0, 3)
    assert (resolver.positive_min_ttl, resolver.positive_max_ttl, resolver.negative_min_ttl) == (30, 3600, 30)
    assert (resolver.graceful_stop_wait, resolver.protective_query_timeout) == (30.0, 60.0)
    assert (resolver.bind_ipv4, resolver.bind_ipv6, resolver.round_robin) == (None, None, False)
    assert (resolver.socket_send_buffer_size, resolver.socket_recv_buffer_size) == (None, None)


def test_defaults_of_the_process() -> None:
    runtime = RuntimeConfig()
    assert (runtime.server_offline_delay, runtime.task_wait_delay) == (4.0, 2.0)
    assert (runtime.task_wait_timeout, runtime.task_quit_timeout) == (36000.0, 1800.0)
    assert runtime.thread_name is None


@pytest.mark.parametrize("type_name", ["http_proxy", "HttpProxy", "HTTP-PROXY", "httpproxy"])
def test_types_are_spelled_in_many_ways(type_name: str, config: Callable[..., Config]) -> None:
    assert config(SERVER.format(type=type_name, keys="")).servers["a"].type == "http_proxy"


def test_a_wrong_type_by_hand() -> None:
    assert DummyCloseConfig.model_validate({"name": "a", "type": "DummyClose"}).type == "dummy_close"
    with pytest.raises(ValidationError, match="'x' is not the type dummy_close"):
        DummyCloseConfig.model_validate({"name": "a", "type": "x"})


def test_values_of_servers_are_brought_into_range(warnings: Lines) -> None:
    keys = "tcp_copy_buffer_size: 1K, tcp_copy_yield_size: 255KiB, task_idle_check_interval: 31min"
    assert [line.partition(": ")[2] for line in warnings(SERVER.format(type="socks_proxy", keys=keys))] == [
        "server a.tcp_copy_buffer_size: 1KB is too small: 4KiB is used",
        "server a.tcp_copy_yield_size: 255KiB is too small: 256KiB is used",
        "server a.task_idle_check_interval: 31m is too long: 30m is used",
    ]
    server = SocksProxyConfig.model_validate(
        {"name": "a", "escaper": "d", "tcp_copy_buffer_size": 4095, "task_idle_check_interval": "1h"}
    )
    assert (server.tcp_copy_buffer_size, server.task_idle_check_interval) == (4096, 1800.0)


def test_options_that_accepted_connections_have_from_their_listening_socket(warnings: Lines) -> None:
    keys = (
        "listen: {address: '127.0.0.1:1', mark: 1, mss: 1000}, "
        "tcp_misc_opts: {netfilter_mark: 2, max_segment_size: 1000}"
    )
    document = SERVER.replace("listen: 80, ", "").format(type="http_proxy", keys=keys)
    assert [line.partition(": ")[2] for line in warnings(document)] == [
        "server a.tcp_misc_opts: accepted connections have the netfilter_mark of 'listen', 1",
    ]


def test_an_interval_of_nothing(problems: Lines) -> None:
    keys = "task_idle_check_interval: 0, task_log_flush_interval: 0s"
    assert [line.partition(": ")[2] for line in problems(SERVER.format(type="http_proxy", keys=keys))] == [
        "server a.task_idle_check_interval: 0 would never rest; expected a duration above zero",
        "server a.task_log_flush_interval: 0 would never rest; expected a duration above zero",
    ]


@pytest.mark.parametrize(
    ("keys", "query", "no_ipv4", "no_ipv6"),
    [
        ("", "ipv4_first", False, False),
        ("resolve_strategy: ipv6_first", "ipv6_first", False, False),
        ("no_ipv4: true", "ipv6_only", True, False),
        ("no_ipv6: true", "ipv4_only", False, True),
        ("no_ipv6: true, resolve_strategy: ipv6_first", "ipv4_only", False, True),
        ("no_ipv6: true, resolve_strategy: IPv4Only", "ipv4_only", False, True),
        ("resolve_strategy: {query: ipv4only}", "ipv4_only", False, True),
        ("resolve_strategy: {query: ipv6only}", "ipv6_only", True, False),
    ],
)
def test_families_agree(keys: str, query: str, no_ipv4: bool, no_ipv6: bool, config: Callable[..., Config]) -> None:
    escaper = config(ESCAPER.format(keys=keys)).escapers["d"]
    assert isinstance(escaper, DirectFixedConfig)
    assert escaper.resolve_strategy.query.value == query
    assert (escaper.no_ipv4, escaper.no_ipv6) == (no_ipv4, no_ipv6)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("no_ipv4: 1, no_ipv6: 1", "no_ipv6: both address families are switched off"),
        (
            "no_ipv4: 1, resolve_strategy: ipv4only",
            "resolve_strategy: resolve_strategy asks for ipv4_only although no_ipv4 is set",
        ),
        (
            "no_ipv6: 1, resolve_strategy: {query: ipv6only}",
            "resolve_strategy: resolve_strategy asks for ipv6_only although no_ipv6 is set",
        ),
    ],
)
def test_families_do_not_agree(keys: str, message: str, problems: Lines) -> None:
    (problem,) = problems(ESCAPER.format(keys=keys))
    assert problem.partition(": ")[2] == f"escaper d.{message}"


def test_bind_ip_is_one_or_a_list(config: Callable[..., Config]) -> None:
    found = [
        config(ESCAPER.format(keys=f"bind_ip: {text}")).escapers["d"].model_dump()["bind_ip"]
        for text in ("192.0.2.1", "[192.0.2.1, '::1']")
    ]
    assert found == [(IPv4Address("192.0.2.1"),), (IPv4Address("192.0.2.1"), IPv6Address("::1"))]


def test_an_escaper_needs_a_resolver(problems: Lines) -> None:
    assert problems("escaper: [{name: d, type: direct_fixed}]") == [
        "main.yml:1:11: escaper d: the key 'resolver' is missing"
    ]


@pytest.mark.parametrize(
    ("data", "servers"),
    [
        ("192.0.2.1", ["192.0.2.1:53"]),
        (" 192.0.2.1  2001:db8::1 192.0.2.1", ["192.0.2.1:53", "[2001:db8::1]:53"]),
        (["192.0.2.1:5353", "[2001:db8::1]:5353"], ["192.0.2.1:5353", "[2001:db8::1]:5353"]),
    ],
)
def test_name_servers(data: object, servers: list[str]) -> None:
    found = parse_name_servers(data)
    assert [str(server) for server in found] == servers
    assert parse_name_servers(found) == found
    assert CAresConfig.model_validate({"name": "a", "server": data}).server == found


@pytest.mark.parametrize("data", ["0.0.0.0", "::", "224.0.0.1", "[ff02::fb]:5353"])
def test_not_a_name_server(data: str, refused: Lines) -> None:
    (message,) = refused(parse_name_servers, data)
    assert message.endswith("cannot be a name server; expected the address of one machine")


@pytest.mark.parametrize("data", ["", [], None, 8888, {}])
def test_no_name_servers(data: object, refused: Lines) -> None:
    (message,) = refused(parse_name_servers, data)
    assert "is not a list of name servers; expected addresses such as" in message


def test_keys_of_c_ares(config: Callable[..., Config]) -> None:
    keys = (
        "server: 192.0.2.1, each_timeout: '1500', each_tries: 2, round_robin: yes, socket_send_buffer_size: 4096, "
        "socket_recv_buffer_size: 8192, bind_ipv4: 192.0.2.2, bind_ipv6: '2001:db8::2', positive_ttl: 60, "
        "protective_cache_ttl: 5, graceful_stop_wait: 1s, protective_query_timeout: 2s"
    )
    assert config(RESOLVER.format(type="c-ares", keys=keys)).resolvers["r"] == CAresConfig(
        name="r",
        server=(SocketAddress(IPv4Address("192.0.2.1"), 53),),
        each_timeout=1.5,
        each_tries=2,
        round_robin=True,
        socket_send_buffer_size=4096,
        socket_recv_buffer_size=8192,
        bind_ipv4=IPv4Address("192.0.2.2"),
        bind_ipv6=IPv6Address("2001:db8::2"),
        positive_max_ttl=60,
        negative_min_ttl=5,
        graceful_stop_wait=1.0,
        protective_query_timeout=2.0,
    )


def test_warnings_of_c_ares(warnings: Lines) -> None:
    keys = "positive_min_ttl: 60, positive_max_ttl: 30"
    assert [line.partition(": ")[2] for line in warnings(RESOLVER.format(type="c_ares", keys=keys))] == [
        "resolver r.positive_max_ttl: 30 is below positive_min_ttl: 60 is used",
    ]


@pytest.mark.parametrize("timeout", [0, "x", True, None])
def test_timeouts_of_c_ares_are_whole_milliseconds(timeout: object) -> None:
    with pytest.raises(ValidationError, match=r"out of range|not a whole number"):
        CAresConfig.model_validate({"name": "a", "each_timeout": timeout})


def test_and_not_fractions_of_seconds(problems: Lines) -> None:
    (problem,) = problems(RESOLVER.format(type="c_ares", keys="each_timeout: 1.5"))
    assert problem.startswith("main.yml:1:50: resolver r.each_timeout: 1.5 is not a whole number; expected")


@pytest.mark.parametrize(
    ("text", "drivers"),
    [
        ("stdout", "stdout stdout stdout stdout"),
        ("Discard", "discard discard discard discard"),
        ("{default: stdout}", "stdout stdout stdout stdout"),
        ("{default: stdout, escape: discard, resolve: {}}", "stdout discard discard stdout"),
        ("{task: stdout}", "stdout discard discard discard"),
        ("{audit: {stdout: }, task: {stdout: {}}}", "stdout discard discard stdout"),
        ("", "discard discard discard discard"),
    ],
)
def test_log(text: str, drivers: str, config: Callable[..., Config]) -> None:
    log = config(f"log: {text}").log
    assert [log.task.driver, log.escape.driver, log.resolve.driver, log.audit.driver] == drivers.split()


def test_log_queue() -> None:
    log = LogConfig.model_validate({"default": {"stdout": None, "async_channel_size": 10}})
    assert log.task == LoggerConfig(stdout=True, async_channel_size=10)
    assert LogConfig.model_validate("stdout").task.async_channel_size == 4096


def test_wrong_log(problems: Lines) -> None:
    text = "log: {default: stdot, task: journal, escape: {fluentd: {}}, resolve: 3, audit: {stdout: {a: 1}}}"
    assert [line.partition(": ")[2].partition(";")[0] for line in problems(text)] == [
        "log.default: 'stdot' is not a log driver",
        "log.task: not supported yet: the log drivers so far are discard and stdout",
        "log.escape.fluentd: not supported yet: the log drivers so far are discard and stdout",
        "log.resolve: 3 is not a log driver",
        "log.audit.stdout: a map is not empty",
    ]
    assert problems("log: stdot")[0].endswith("did you mean 'stdout'?")


def test_log_keys_that_change_nothing(warnings: Lines) -> None:
    text = "log: {default: {async_channel_size: 5}, task: {stdout: {}, thread_number: 2, io_error_sampling_offset: 3}}"
    assert [line.partition(": ")[2] for line in warnings(text)] == [
        "log.default.async_channel_size: has no effect here: the map names no driver",
        "log.task.thread_number: has no effect here: one writer keeps the records in order",
        ("log.task.io_error_sampling_offset: has no effect here: standard output reports no errors one by one, "
        "the logger's metrics count them"),
    ]  # fmt: skip


def test_worker(config: Callable[..., Config]) -> None:
    assert config("worker: {}").worker == config("worker: ").worker == WorkerConfig()
    found = config("worker: {threads_total: 4, sched_affinity: {0: 0, 1: '1-2', 3: [4, '6,7']}}").worker
    assert found == WorkerConfig(
        thread_number=4, sched_affinity={0: frozenset([0]), 1: frozenset([1, 2]), 3: frozenset([4, 6, 7])}
    )
    assert WorkerConfig.model_validate({"sched_affinity": "on"}).sched_affinity is True
    assert WorkerConfig().thread_number is None


def test_wrong_workers(problems: Lines) -> None:
    assert problems("worker: {thread_number: 0}\n---\nworker: {sched_affinity: {0: 9000, x: 1}}") == [
        "main.yml:1:25: worker.thread_number: 0 is out of range; expected a whole number from 1 to 1024",
        ("main.yml:3:30: worker.sched_affinity.0: 9000 is out of range; "
        "expected a processor from 0 to 8191, a list of them, or text such as '0-3,8'"),
        ("main.yml:3:39: worker.sched_affinity.x: 'x' is not a whole number; "
        "expected the number of a worker, from 0 to 1023"),
    ]  # fmt: skip


def test_keys_of_workers_that_change_nothing(warnings: Lines) -> None:
    text = "worker: {thread_number: 2, thread_stack_size: 2MiB, threads_per_runtime: 2, sched_affinity: {1: 1, 2: 0}}"
    assert [line.partition(": ")[2] for line in warnings(text)] == [
        "worker.thread_stack_size: has no effect here: workers are processes of one thread",
        "worker.threads_per_runtime: has no effect here: workers are processes of one thread",
        "worker.sched_affinity: there is no worker 2: thread_number is 2",
    ]
    assert warnings("worker: {sched_affinity: {100: 0}}") == []


@pytest.mark.parametrize("text", ["", "controller: ", "controller: {local: }", "controller: {local: {}}"])
def test_default_limits_of_the_control_sockets(text: str, config: Callable[..., Config]) -> None:
    local = config(text).controller.local
    assert (local.recv_timeout, local.send_timeout) == (30.0, 1.0)


def test_limits_of_the_control_sockets(config: Callable[..., Config], problems: Lines) -> None:
    found = config("Controller: {Local: {recv-timeout: 5, send_timeout: 500ms}}").controller
    assert found == ControllerConfig(local=LocalController(recv_timeout=5.0, send_timeout=0.5))
    assert problems("controller: {local: {recv_timeout: 0}}\n---\ncontroller: []") == [
        ("main.yml:1:36: controller.local.recv_timeout: 0 would leave no time for anything; "
        "expected a duration above zero"),
        "main.yml:3:13: controller: given twice: also at main.yml:1:13",
    ]  # fmt: skip
    assert problems("controller: {local: 3}") == [
        "main.yml:1:21: controller.local: 3 is not a map; expected a map, nothing"
    ]


@pytest.mark.parametrize(
    ("key", "least"), [("req_header_max_size", 64), ("rsp_header_max_size", 64), ("body_line_max_length", 18)]
)
def test_http_limits_leave_room_for_a_message(problems: Lines, warnings: Lines, key: str, least: int) -> None:
    assert warnings(SERVER.format(type="http_proxy", keys=f"{key}: {least}")) == []
    [line] = problems(SERVER.format(type="http_proxy", keys=f"{key}: {least - 1}"))
    assert f"server a.{key}: {least - 1} is too small for any message; expected at least {least}" in line
