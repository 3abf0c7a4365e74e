"""Cookies are kept for each server, and prove who answered."""

from ipaddress import IPv4Address

import dns.edns
import dns.message
from dns.edns import CookieOption
from g3_dns import CookieJar, Server
from g3_dns._cookies import MAX_SERVERS

SERVER = Server(IPv4Address("192.0.2.53"))
OTHER = Server(IPv4Address("192.0.2.53"), 5353)


def message(*options: dns.edns.Option) -> dns.message.Message:
    made = dns.message.QueryMessage(0)
    made.use_edns(0, options=list(options))
    return made


def jar() -> CookieJar:
    numbers = iter(range(1 << 62, (1 << 62) + 5000))
    return CookieJar(lambda limit: next(numbers) % limit)


def test_a_client_cookie_for_each_server_that_stays() -> None:
    cookies = jar()
    first = cookies.option(SERVER)
    assert (first.client, first.server) == ((1 << 62).to_bytes(8, "big"), b"")
    assert cookies.option(OTHER).client != first.client
    assert cookies.option(SERVER) == first


def test_the_servers_cookie_is_shown_to_it() -> None:
    cookies = jar()
    mine = cookies.option(SERVER).client
    assert cookies.accept(SERVER, message(CookieOption(mine, b"s" * 8)))
    assert cookies.option(SERVER).server == b"s" * 8
    assert cookies.option(OTHER).server == b""
    # A newer one replaces it; an answer without one leaves it.
    assert cookies.accept(SERVER, message(CookieOption(mine, b"t" * 32)))
    assert cookies.accept(SERVER, message(CookieOption(mine, b"")))
    assert cookies.option(SERVER).server == b"t" * 32


def test_somebody_elses_cookie() -> None:
    cookies = jar()
    assert cookies.accept(SERVER, message(CookieOption(b"forgerer", b"s" * 8))) is False
    assert cookies.option(SERVER).server == b""


def test_no_cookie_is_fine_until_there_was_one() -> None:
    cookies = jar()
    other = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"x")
    assert cookies.accept(SERVER, message(other))
    mine = cookies.option(SERVER).client
    assert cookies.accept(SERVER, message(other, CookieOption(mine, b"s" * 8)))
    assert not cookies.accept(SERVER, message(other))
    cookies.forget(SERVER)
    cookies.forget(SERVER)
    assert cookies.accept(SERVER, message())
    assert cookies.option(SERVER).client != mine


def test_the_jar_is_bounded() -> None:
    cookies = jar()
    first = cookies.option(SERVER)
    for port in range(1, MAX_SERVERS):
        cookies.option(Server(IPv4Address("192.0.2.1"), port))
    assert cookies.option(SERVER) == first
    cookies.option(OTHER)
    assert cookies.option(SERVER) != first
