"""Keys about chained proxies fit together."""

from collections.abc import Callable

from g3proxyd.config import Config, HttpProxyConfig

SERVER = """\
server: [{{name: a, type: http_proxy, escaper: d, listen: 80, {keys}}}]
escaper: [{{name: d, type: dummy_deny}}]
"""


def test_the_keys(config: Callable[..., Config]) -> None:
    keys = "server_id: 12, http_forward_mark_upstream: yes, echo_chained_info: yes"
    server = config(SERVER.format(keys=keys)).servers["a"]
    assert isinstance(server, HttpProxyConfig)
    assert (server.server_id, server.http_forward_mark_upstream, server.echo_chained_info) == ("12", True, True)


def test_a_mark_without_a_name(warnings: Callable[..., list[str]]) -> None:
    (warning,) = warnings(SERVER.format(keys="http_forward_mark_upstream: true"))
    assert warning.endswith("server a.http_forward_mark_upstream: has no effect: 'server_id' is not set")
