"""Well-known paths of a proxy."""

from urllib.parse import quote

import pytest
from g3_http import (
    EasyProxy,
    Form,
    Leniency,
    MasqueHttp,
    MasqueIp,
    MasqueUdp,
    RequestError,
    Target,
    UnknownWellKnown,
    WellKnown,
    parse_target,
    parse_well_known,
)


def parse(path: bytes, leniency: Leniency | None = None) -> WellKnown | None:
    leniency = leniency or Leniency()
    return parse_well_known(parse_target(path, leniency=leniency), leniency)


def easy(scheme: bytes, host: str, port: int, path: bytes, authority: bytes) -> EasyProxy:
    return EasyProxy(Target(Form.ABSOLUTE, scheme, host, port, path, authority))


@pytest.mark.parametrize(
    "path", [b"/", b"/a", b"/.well-known", b"/.well-known/", b"/.well-knownx/easy-proxy/", b"/?/.well-known/x/", b"//"]
)
def test_other_paths(path: bytes) -> None:
    assert parse(path) is None


def test_other_forms() -> None:
    assert parse_well_known(parse_target(b"*", b"OPTIONS")) is None
    assert parse_well_known(parse_target(b"a:1", b"CONNECT")) is None


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        (b"/.well-known/security.txt", "security.txt"),
        (b"//.well-known//x?easy-proxy", "x"),
        (b"/.well-known/masque/tcp/a/1/", "masque/tcp"),
        (b"/.well-known/Easy-Proxy/http/a/1/", "Easy-Proxy"),
    ],
)
def test_others(path: bytes, suffix: str) -> None:
    assert parse(path) == UnknownWellKnown(suffix)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (
            b"http/www.example.com/80/get?name=foo",
            easy(b"http", "www.example.com", 80, b"/get?name=foo", b"www.example.com:80"),
        ),
        (b"https/A/443/", easy(b"https", "a", 443, b"/", b"A:443")),
        (b"ftp/a/21", easy(b"ftp", "a", 21, b"/", b"a:21")),
        (b"http/a/00080?b", easy(b"http", "a", 80, b"/?b", b"a:80")),
        (b"http/a/80//b/", easy(b"http", "a", 80, b"//b/", b"a:80")),
        (b"/http//a//65535/b", easy(b"http", "a", 65535, b"/b", b"a:65535")),
        (b"http/2001:DB8::1/1/", easy(b"http", "2001:db8::1", 1, b"/", b"[2001:DB8::1]:1")),
        (b"http/%5B::1%5D/1/", easy(b"http", "::1", 1, b"/", b"[::1]:1")),
        (b"http/%61/1/%61", easy(b"http", "a", 1, b"/%61", b"a:1")),
        (
            b"http/www.%E4%BE%8B%E5%AD%90.com/80/",
            easy(b"http", "www.xn--fsqu00a.com", 80, b"/", b"www.xn--fsqu00a.com:80"),
        ),
    ],
)
def test_easy_proxy(path: bytes, target: EasyProxy) -> None:
    assert parse(b"/.well-known/easy-proxy/" + path) == target


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"http/http%3A%2F%2FA:81%2Fb%3Fc", MasqueHttp(Target(Form.ABSOLUTE, b"http", "a", 81, b"/b?c", b"A:81"))),
        (b"http/https%3a%2f%2fa/", MasqueHttp(Target(Form.ABSOLUTE, b"https", "a", 443, b"/", b"a"))),
        (b"http/ws%3a%2f%2fa/", MasqueHttp(Target(Form.ABSOLUTE, b"ws", "a", 0, b"/", b"a"))),
        (b"udp/192.0.2.6/443/", MasqueUdp("192.0.2.6", 443)),
        (b"udp/2001%3Adb8%3A%3A42/1", MasqueUdp("2001:db8::42", 1)),
        (b"udp/a/65535", MasqueUdp("a", 65535)),
        (b"ip/a/17/", MasqueIp("a", 17)),
        (b"ip/*/*/", MasqueIp(None, None)),
        (b"ip/%2A/%2a", MasqueIp(None, None)),
        (b"ip/*/255", MasqueIp(None, 255)),
        (b"ip/::1/0", MasqueIp("::1", 0)),
    ],
)
def test_masque(path: bytes, expected: WellKnown) -> None:
    assert parse(b"/.well-known/masque/" + path) == expected


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (b"easy-proxy", "no scheme"),
        (b"easy-proxy/?http", "no scheme"),
        (b"easy-proxy/ws/a/80/", "a scheme other than http, https and ftp"),
        (b"easy-proxy/HTTP/a/80/", "a scheme other than http, https and ftp"),
        (b"easy-proxy/http/", "no host"),
        (b"easy-proxy/http/a", "no port"),
        (b"easy-proxy/http/a?80", "no port"),
        (b"easy-proxy/http/a/x/", "a number that is none or out of range"),
        (b"easy-proxy/http/a/0/", "a number that is none or out of range"),
        (b"easy-proxy/http/a/65536/", "a number that is none or out of range"),
        (b"easy-proxy/http/a/000080/", "a number that is none or out of range"),
        (b"easy-proxy/http/a/-1/", "a number that is none or out of range"),
        (b"easy-proxy/http/a/%38/", "a number that is none or out of range"),
        (b"easy-proxy/http/a:80/80/", "an impossible host"),
        (b"easy-proxy/http/%5B::1%5D:80/80/", "an impossible host"),
        (b"easy-proxy/http/%5B::1%5D:/80/", "an impossible host"),
        (b"easy-proxy/http/u@a/80/", "an impossible host"),
        (b"easy-proxy/http/a%0d%0a/80/", "an impossible host"),
        (b"easy-proxy/http/a%2fb/80/", "an impossible host"),
        (b"easy-proxy/http/%ff/80/", "an impossible host"),
        (b"easy-proxy/http/" + b"%E4%BE%8B" * 20 + b"." + b"%E4%BE%8B" * 65 + b"/80/", "an impossible host"),
        (b"easy-proxy/http/" + b".".join([b"%C3%A9"] * 86) + b"/80/", "an impossible host"),
        (b"easy-proxy/http/" + b"a" * 256 + b"/80/", "an impossible host"),
        (b"easy-proxy/http/%E3%80%82.%E3%80%82/80/", "an impossible host"),
        (b"masque", "no protocol"),
        (b"masque/udp", "no host"),
        (b"masque/udp/a", "no port"),
        (b"masque/udp/a/0", "a number that is none or out of range"),
        (b"masque/udp/a/65536", "a number that is none or out of range"),
        (b"masque/udp/::invalid::/1", "an impossible host"),
        (b"masque/udp/a/1/x", "something behind its last part"),
        (b"masque/udp/a/1?x", "something behind its last part"),
        (b"masque/udp/a/1//", "something behind its last part"),
        (b"masque/ip", "no target"),
        (b"masque/ip/a", "no protocol number"),
        (b"masque/ip/a/256", "a number that is none or out of range"),
        (b"masque/ip/a/x", "a number that is none or out of range"),
        (b"masque/ip/10.0.0.0%2F8/1", "an impossible host"),
        (b"masque/http", "no target URI"),
        (b"masque/http/x", "an impossible target URI"),
        (b"masque/http/http%3A%2F%2Fa%2F%0d%0a", "an impossible target URI"),
        (b"masque/http/http%3A%2F%2Fa%2F%7c", "an impossible target URI"),
        (b"masque/http/http%3A%2F%2Fu%40a%2F", "an impossible target URI"),
        (b"masque/http/%2Fx", "a target URI that is not absolute"),
        (b"masque/http/http%3A%2F%2Fa/?b", "something behind its last part"),
    ],
)
def test_faults(path: bytes, problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(b"/.well-known/" + path)
    assert str(caught.value) == f"a well-known URI with {problem}"
    assert (caught.value.reason, caught.value.status) == ("well_known", 501)


def test_the_longest_hosts() -> None:
    labels = b".".join([b"%C3%A9"] * 85)  # 254 bytes of UTF-8, 7 for each label of the IDN
    with pytest.raises(RequestError, match=r"^a well-known URI with an impossible host$"):
        parse(b"/.well-known/masque/udp/" + labels + b"/1")
    short = b".".join([b"%C3%A9"] * 32)
    assert parse(b"/.well-known/masque/udp/" + short + b"/1") == MasqueUdp(".".join(["xn--9ca"] * 32), 1)
    assert parse(b"/.well-known/masque/udp/" + b"a" * 255 + b"/1") == MasqueUdp("a" * 255, 1)
    one_label = "中" * 55  # 165 bytes of UTF-8, but no more than 63 of an IDN
    assert isinstance(parse(f"/.well-known/masque/udp/{quote(one_label)}/1".encode()), MasqueUdp)
    with pytest.raises(RequestError, match=r"^a well-known URI with an impossible host$"):
        parse(f"/.well-known/masque/udp/{quote(f'{one_label}.{one_label}')}/1".encode())


def test_suffixes_are_printable() -> None:
    assert parse(b"/.well-known/\x9b", Leniency(raw_target=True)) == UnknownWellKnown("\\x9b")
    assert parse(b"/.well-known/masque/\x9b", Leniency(raw_target=True)) == UnknownWellKnown("masque/\\x9b")


def test_leniency_reaches_the_inner_target() -> None:
    lenient = Leniency(raw_target=True)
    found = parse(b"/.well-known/masque/http/http%3A%2F%2Fa%2F%7c", lenient)
    assert isinstance(found, MasqueHttp)
    assert found.target.path == b"/|"
