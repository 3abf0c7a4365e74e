"""Published next proxies as JSON, one by one; where else they come from."""

import json
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from g3proxyd.config import Config
from g3proxyd.config.escaper import ProxyFloatConfig
from g3proxyd.config.escaper.floating import Taken
from g3proxyd.config.escaper.proxy_float import RedisSource
from g3proxyd.config.escaper.proxy_peer import MAX_PEERS, ProxyPeer
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.config.values.mistake import MistakeError
from g3proxyd.upstream import Upstream
from hypothesis import given
from hypothesis import strategies as st

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

PEER = {"type": "http", "addr": "192.0.2.1:8080"}


def take(data: Any, **keys: Any) -> Taken:
    config = ProxyFloatConfig.model_validate({"name": "out", **keys})
    return config.take(data if isinstance(data, str) else json.dumps(data), None)


def peers(taken: Taken) -> tuple[ProxyPeer, ...]:
    assert taken.publication.type == "proxy_float"
    found: tuple[ProxyPeer, ...] = taken.publication.value
    return found


def refused(data: Any) -> list[str]:
    with pytest.raises(MistakeError) as caught:
        take(data)
    return [mistake.message for mistake in caught.value.mistakes]


KEYS = st.sampled_from(["type", "addr", "id", "username", "extra_append_headers"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner | st.sampled_from(["http", "192.0.2.1:1"])),
    max_leaves=9,
)


class TestPeers:
    def test_one_or_several_or_none(self) -> None:
        one = ProxyPeer.model_validate({"type": "http", "addr": SocketAddress(IPv4Address("192.0.2.1"), 8080)})
        assert peers(take(PEER)) == peers(take([PEER])) == (one,)
        assert peers(take([])) == ()

    def test_all_keys(self) -> None:
        said = {
            "Type": "socks5+tls", "addr": "[::1]:1080", "id": "a", "isp": "x", "eip": "192.0.2.9", "area": "a/b",
            "expire": "2030-01-02T03:04:05Z", "tcp_sock_speed_limit": "1M", "username": "joe", "password": "secret",
            "http_connect_rsp_header_max_size": "8KiB", "extra_append_headers": {"X-A": "b c "}, "tls-name": "a.test",
            "udp_sock_speed_limit": {"shift": 1, "north": 5}, "transmute_udp_peer_ip": {"192.0.2.1": "192.0.2.2"},
            "end_on_control_closed": "on",
        }  # fmt: skip
        (peer,) = peers(take(said | {"udp_sock_speed_limit": "1M"}))
        assert (peer.type, str(peer.addr), peer.tls_name) == ("socks5s", "[::1]:1080", "a.test")
        assert (peer.http_connect_rsp_header_max_size, peer.extra_append_headers) == (8192, ((b"X-A", b"b c"),))
        assert peer.transmute_udp_peer_ip == {ip_address("192.0.2.1"): ip_address("192.0.2.2")}
        assert peer.egress.expire == peer.expire
        assert peer.end_on_control_closed

    def test_wrong_ones_do_not_spoil_the_others(self, tmp_path: Path) -> None:
        wrong = {"type": "http", "addr": "a.test:80"}
        taken = take([PEER, wrong, 5, {**PEER, "id": "b", "colour": "red"}], cache=tmp_path / "peers")
        assert [peer.id for peer in peers(taken)] == [None, "b"]
        assert [line.partition(";")[0] for line in taken.refused] == [
            "peers[1].addr: 'a.test' is not an IP address",
            "peers[2]: 5 is not a map",
        ]
        assert taken.remarks == ("peers[3]: the unknown key 'colour' is ignored",)
        (text,) = taken.caches.values()
        assert json.loads(text) == [PEER, {**PEER, "id": "b", "colour": "red"}]

    @pytest.mark.parametrize(
        ("said", "message"),
        [
            ({"type": "HTTP"}, "the peer.type: 'HTTP' is not a type of peer; expected one of http, https, socks5, "),
            ({"type": "ftp"}, "the peer.type: 'ftp' is not a type of peer"),
            ({"addr": "192.0.2.1"}, "the peer.addr: '192.0.2.1' is not a socket address"),
            ({"addr": "192.0.2.1:0"}, "the peer.addr: nobody can be connected to at port 0"),
            ({"addr": None}, "the peer.addr: nothing is not a socket address"),
            ({"expire": 5}, "the peer.expire: 5 is not a time"),
            ({"username": "a:b"}, "the peer.username: a colon cannot be part of a user name"),
            ({"type": "socks5", "username": "a"}, "the peer.username: needs 'password' beside it"),
            ({"type": "socks5", "username": "a", "password": ""}, "the peer.username: needs 'password' beside it"),
            ({"http_connect_rsp_header_max_size": 10}, "the peer.http_connect_rsp_header_max_size: 10 is out of range"),
            ({"http_connect_rsp_header_max_size": "1GiB"}, "the peer.http_connect_rsp_header_max_size: 1073741824 is"),
            ({"extra_append_headers": []}, "the peer.extra_append_headers: a list is not a map"),
            ({"extra_append_headers": {"a b": "c"}}, "the peer.extra_append_headers: 'a b' cannot be the name of"),
            ({"extra_append_headers": {"a": "b\r\nc: d"}}, "the peer.extra_append_headers: 'b\\r\\nc: d' cannot be"),
            ({"extra_append_headers": {"a": "é"}}, "the peer.extra_append_headers: 'é' cannot be the value of"),
            ({"extra_append_headers": {"a": 5}}, "the peer.extra_append_headers: 5 cannot be the value of"),
            ({"extra_append_headers": {"Content-Length": "5"}}, "the peer.extra_append_headers: the field Content-Len"),
            ({"extra_append_headers": {"a": "b" * 5000}}, "the peer.extra_append_headers: 1 fields of 5001 characters"),
            ({"extra_append_headers": {str(n): "" for n in range(33)}}, "the peer.extra_append_headers: 33 fields of"),
            ({"tls_name": "a b"}, "the peer.tls_name: "),
            ({"end_on_control_closed": "perhaps"}, "the peer.end_on_control_closed: "),
        ],
    )
    def test_refused(self, said: dict[str, Any], message: str) -> None:
        (line,) = refused(PEER | said)
        assert line.startswith(message)

    def test_what_is_missing(self) -> None:
        assert refused({}) == ["the peer: the key 'type' is missing", "the peer: the key 'addr' is missing"]

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("{", "the data is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("5", "the data is neither a map nor a list"),
            ([{}] * (MAX_PEERS + 1), f"{MAX_PEERS + 1} peers are too many"),
            ('{"a": ' + '{"a": ' * 900 + "1" + "}" * 901, "the peer: the key 'type' is missing"),
        ],
    )
    def test_data_that_is_no_peers(self, data: Any, message: str) -> None:
        assert refused(data)[0] == message

    @given(JSON)
    def test_anything_is_taken_or_refused(self, data: Any) -> None:
        try:
            taken = take(data)
        except MistakeError:
            return
        assert isinstance(peers(taken), tuple)


class TestConfiguration:
    def read(self, config: Read, keys: str) -> ProxyFloatConfig:
        found = config(f"escaper: [{{name: out, type: ProxyDynamic{keys}}}]").escapers["out"]
        assert isinstance(found, ProxyFloatConfig)
        return found

    def test_defaults(self, config: Read) -> None:
        found = self.read(config, "")
        assert (found.source.type, found.cache, found.refresh_interval) == ("passive", None, 1.0)
        assert (found.tcp_connect_timeout, found.peer_negotiation_timeout) == (30.0, 10.0)
        assert (found.expire_guard_duration, found.tcp_keepalive.enable) == (5.0, True)

    @pytest.mark.parametrize("source", ["null", "{type: passive}", "{Type: Passive}"])
    def test_passive(self, config: Read, source: str) -> None:
        assert self.read(config, f", source: {source}").source.type == "passive"

    def test_redis_as_a_map(self, config: Read) -> None:
        keys = "type: Redis, sets_key: peers, address: a.test, db: 2, username: joe, password: x, read-timeout: 1s"
        found = self.read(config, f", source: {{{keys}}}").source
        assert isinstance(found, RedisSource)
        assert (found.addr, found.db, found.sets_key) == (Upstream("a.test", 6379), 2, "peers")
        assert (found.username, found.password, found.response_timeout) == ("joe", "x", 1.0)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("redis://192.0.2.1?sets_key=a", ("192.0.2.1:6379", None, None, 0, "a")),
            ("Redis://:p%40ss@a.test:7000/3?sets_key=a%20b", ("a.test:7000", None, "p@ss", 3, "a b")),
            ("redis://joe:x@[::1]:7000/?sets_key=a", ("[::1]:7000", "joe", "x", 0, "a")),
        ],
    )
    def test_redis_as_a_url(self, config: Read, url: str, expected: tuple[Any, ...]) -> None:
        found = self.read(config, f", source: '{url}'").source
        assert isinstance(found, RedisSource)
        assert (str(found.addr), found.username, found.password, found.db, found.sets_key) == expected

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            ("source: 5", "out.source: 5 is not a source"),
            ("source: {sets_key: a}", "out.source: the key 'type' is missing; expected one of passive, redis"),
            (
                "source: {type: rediss}",
                "out.source: 'rediss' is no type that goes here; expected one of ",
            ),
            ("source: {type: redis, addr: a.test}", "out.source: the key 'sets_key' is missing"),
            ("source: {type: redis, addr: a.test, sets_key: a, port: 5}", "out.source.port: unknown key"),
            ("source: {type: redis, addr: a.test, sets_key: a, connect_timeout: 0}", "out.source.connect_timeout: 0 "),
            ("source: {type: redis, addr: a.test, sets_key: a, username: b}", "out.source.username: needs 'password'"),
            ("source: {type: passive, sets_key: a}", "out.source.sets_key: unknown key"),
            ("source: 'http://a.test'", "out.source: 'http' is not the scheme of a source"),
            ("source: 'redis://a.test'", "out.source: sets_key: Field required"),
            ("source: 'redis://a.test?sets_key'", "out.source: this is not a URL"),
            ("source: 'redis://[a?sets_key=b'", "out.source: this is not a URL"),
            ("source: 'redis://a.test/x?sets_key=b'", "out.source: db: "),
            ("source: 'redis://a.test?sets_key=b&sets_key=c'", "out.source: 'sets_key' is said twice"),
            ("source: 'redis://a.test:99999?sets_key=b'", "out.source: addr: the port of 'a.test:99999' is out of"),
            ("source: 'redis://a.test?sets_key=b&addr=c'", "out.source: 'addr' is said twice"),
            ("refresh_interval: 0", "out.refresh_interval: 0 would leave no time for anything"),
            ("tcp_connect_timeout: 0", "out.tcp_connect_timeout: 0 would leave no time for anything"),
            ("peer_negotiation_timeout: 0", "out.peer_negotiation_timeout: 0 would leave no time for anything"),
            ("cache: none/peers", "out.cache: there is no folder "),
            ("cache: .", "out.cache: "),
            ("cache: ''", "out.cache: '' is not a path"),
            ("shared_logger: a", "out.shared_logger: not supported yet"),
        ],
    )
    def test_wrong(self, problems: Lines, keys: str, message: str) -> None:
        (line,) = problems(f"escaper: [{{name: out, type: proxy_float, {keys}}}]")
        assert message in line

    def test_tls_name_without_tls(self, config: Read) -> None:
        keys = "type: redis, addr: a.test, sets_key: a, tls_name: b.test"
        (warning,) = config(f"escaper: [{{name: out, type: proxy_float, source: {{{keys}}}}}]").warnings
        assert "out.source.tls_name: has no effect without 'tls_client'" in str(warning)

    @pytest.mark.parametrize("tls", ["true", "{}", "{no_session_cache: true}"])
    def test_tls(self, config: Read, tls: str) -> None:
        assert self.read(config, f", tls: {tls}").tls_client.no_session_cache == ("cache" in tls)
