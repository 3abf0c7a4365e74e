"""One question over UDP: tries and their times, what counts as the answer, and what is handed to TCP."""

import random
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import dns.message
import dns.rcode
import pytest
from dns.edns import CookieOption
from dns.rdatatype import A
from g3_dns import (
    Cause,
    CookieJar,
    Failure,
    Lost,
    Mismatch,
    Question,
    Response,
    Server,
    UdpClient,
    UdpEvent,
    UdpSettings,
    UseTcp,
)
from g3_dns._udp import MAX_MISMATCHES
from g3_machine.testing import Clock
from hypothesis import given
from hypothesis import strategies as st
from wires import respond

SERVER = Server(IPv4Address("192.0.2.53"))
QUESTION = Question("a.example", A)
ANSWER = ["a.example. 60 IN A 192.0.2.1"]


class Play:
    """A client whose random numbers are repeatable, at time 100."""

    def __init__(self, settings: UdpSettings | None = None, cookies: CookieJar | None = None, seed: int = 1) -> None:
        self.client = UdpClient(QUESTION, SERVER, random.Random(seed).randrange, 100.0, settings, cookies)
        self.id = 0
        self.query = b""
        self.take()

    def take(self) -> dns.message.Message:
        """The next query on its way, which is the only one."""
        (self.query,) = self.client.datagrams_to_send()
        message = dns.message.from_wire(self.query)
        self.id = message.id
        return message

    def answer(self, data: bytes, source: Server = SERVER) -> UdpEvent | None:
        self.client.receive_datagram(data, source)
        return self.client.next_event()


def jar() -> CookieJar:
    return CookieJar(random.Random(2).randrange)


def test_answer() -> None:
    play = Play()
    assert dns.message.from_wire(play.query).payload == 1232
    event = play.answer(respond(play.query, ANSWER))
    assert isinstance(event, Response)
    assert event.query == play.id
    assert event.message.answer[0].to_text() == "a.example. 60 IN A 192.0.2.1"
    assert play.client.next_event() is None
    assert play.client.next_timeout() is None
    assert play.client.ignored == {}


def test_ids_and_ports_are_at_random_and_stay_for_all_tries() -> None:
    plays = [Play(seed=seed) for seed in range(20)]
    assert len({play.id for play in plays}) == 20
    assert len({play.client.port for play in plays}) == 20
    assert all(1024 <= play.client.port <= 65535 for play in plays)
    play = plays[0]
    first, port = play.query, play.client.port
    play.client.handle_timeout(102)
    play.take()
    assert (play.query, play.client.port) == (first, port)


def test_another_port() -> None:
    play = Play()
    before = play.client.port
    assert play.client.change_port() == play.client.port != before
    lowest = UdpClient(QUESTION, SERVER, lambda limit: 0, 0.0)
    assert (lowest.port, lowest.change_port()) == (1024, 1024)
    lowest.unreachable()
    assert lowest.next_event() == Lost(0, Failure.UNREACHABLE)
    highest = UdpClient(QUESTION, SERVER, lambda limit: limit - 1, 0.0)
    assert (highest.port, highest.change_port()) == (65535, 65535)
    highest.unreachable()
    assert highest.next_event() == Lost(65535, Failure.UNREACHABLE)


def test_tries() -> None:
    play = Play(UdpSettings(timeout=1, max_timeout=3, tries=4))
    clock = Clock(100)
    assert clock.run_timers(play.client, 107) == [101, 103, 106]
    assert play.client.next_event() is None
    assert len(play.client.datagrams_to_send()) == 3
    play.client.handle_timeout(108.9)
    assert play.client.next_event() is None
    assert clock.run_timers(play.client, 200) == [109]
    assert play.client.next_event() == Lost(play.id, Failure.TIMEOUT)
    play.client.handle_timeout(300)
    assert play.client.next_event() is None
    assert play.client.datagrams_to_send() == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: bytes((data[0] ^ 1,)) + data[1:], Mismatch.ID),
        (lambda data: data.replace(b"example", b"exbmple"), Mismatch.QUESTION),
        (lambda data: data.replace(b"example", b"examplE"), Mismatch.CASE),
        (lambda data: data[:2] + b"\x01" + data[3:], Mismatch.HEADER),
        (lambda data: data[:5], Mismatch.HEADER),
    ],
)
def test_what_is_no_answer_is_counted(spoil, reason) -> None:  # type: ignore[no-untyped-def] # of a table of lambdas
    play = Play()
    good = respond(play.query, ANSWER)
    assert play.answer(spoil(good)) is None
    assert play.client.ignored == {reason: 1}
    assert isinstance(play.answer(good), Response)


@pytest.mark.parametrize("source", [replace(SERVER, port=54), Server(IPv4Address("192.0.2.54"))])
def test_another_server(source: Server) -> None:
    play = Play()
    good = respond(play.query, ANSWER)
    assert play.answer(good, source) is None
    assert play.client.ignored == {Mismatch.SERVER: 1}
    assert isinstance(play.answer(good), Response)
    assert play.answer(good, source) is None
    assert play.client.ignored == {Mismatch.SERVER: 1}


def test_a_forger_who_guesses_is_left_alone_with_udp() -> None:
    play = Play()
    for number in range(MAX_MISMATCHES - 1):
        assert play.answer(b"?", SERVER if number % 2 else replace(SERVER, port=1)) is None
    assert play.answer(b"?") == UseTcp(play.id, Cause.FORGED)
    assert play.client.next_timeout() is None


def test_truncated_answers_go_to_tcp_unread() -> None:
    play = Play()
    good = respond(play.query, ANSWER)
    assert play.answer(good[:2] + b"\x83" + good[3:-3]) == UseTcp(play.id, Cause.TRUNCATED)


def test_malformed_answer() -> None:
    play = Play()
    assert play.answer(respond(play.query, ANSWER)[:-1]) == Lost(play.id, Failure.MALFORMED)
    assert play.answer(respond(play.query, ANSWER)) is None


def test_unreachable() -> None:
    play = Play()
    play.client.handle_timeout(102)
    play.client.unreachable()
    assert play.client.datagrams_to_send() == []
    play.client.unreachable()
    assert play.client.next_event() == Lost(play.id, Failure.UNREACHABLE)
    assert play.client.next_event() is None


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_a_server_that_knows_no_edns(rcode: int) -> None:
    play = Play(cookies=jar())
    assert play.answer(respond(play.query, rcode=rcode, edns=False)) is None
    assert play.take().edns == -1
    event = play.answer(respond(play.query, rcode=rcode, edns=False))
    assert isinstance(event, Response)
    assert event.message.rcode() == rcode


@pytest.mark.parametrize(("rcode", "edns"), [(dns.rcode.FORMERR, True), (dns.rcode.REFUSED, False)])
def test_other_refusals_are_answers(rcode: int, edns: bool) -> None:
    play = Play()
    assert isinstance(play.answer(respond(play.query, rcode=rcode, edns=edns)), Response)


def test_without_edns_there_is_no_cookie() -> None:
    play = Play(UdpSettings(payload_size=0), jar())
    assert dns.message.from_wire(play.query).edns == -1
    assert isinstance(play.answer(respond(play.query, ANSWER)), Response)


def test_mixed_case() -> None:
    play = Play(UdpSettings(mixed_case=True))
    name = dns.message.from_wire(play.query).question[0].name.to_text()
    assert name != "a.example."
    assert name.lower() == "a.example."
    good = respond(play.query, ANSWER)
    assert play.answer(good[:12] + good[12:23].lower() + good[23:]) is None
    assert isinstance(play.answer(good), Response)


def test_a_server_that_does_not_repeat_the_case_is_asked_over_tcp() -> None:
    play = Play(UdpSettings(mixed_case=True))
    good = respond(play.query, ANSWER)
    assert play.answer(good[:12] + good[12:23].lower() + good[23:]) is None
    play.client.handle_timeout(102)
    assert play.client.next_event() == UseTcp(play.id, Cause.UNVERIFIED)


def test_cookies_are_shown_and_kept() -> None:
    cookies = jar()
    play = Play(cookies=cookies)
    option = dns.message.from_wire(play.query).options[0]
    assert isinstance(option, CookieOption)
    mine = option.client
    assert option.server == b""
    assert isinstance(play.answer(respond(play.query, ANSWER, options=[CookieOption(mine, b"s" * 8)])), Response)
    assert dns.message.from_wire(Play(cookies=cookies).query).options == (CookieOption(mine, b"s" * 8),)


def test_a_wrong_cookie_is_ignored_and_the_query_goes_to_tcp_in_the_end() -> None:
    cookies = jar()
    play = Play(cookies=cookies)
    mine = cookies.option(SERVER).client
    assert play.answer(respond(play.query, ANSWER, options=[CookieOption(b"forgerer", b"s" * 8)])) is None
    assert play.client.ignored == {Mismatch.COOKIE: 1}
    play.client.handle_timeout(102)
    assert play.client.next_event() == UseTcp(play.id, Cause.UNVERIFIED)
    assert cookies.option(SERVER).client != mine


def test_silence_says_nothing_about_cookies() -> None:
    cookies = jar()
    play = Play(cookies=cookies)
    mine = cookies.option(SERVER).client
    play.client.handle_timeout(102)
    assert play.client.next_event() is None
    assert play.take().options == (CookieOption(mine, b""),)


def test_a_bad_cookie_is_mended_once() -> None:
    cookies = jar()
    play = Play(cookies=cookies)
    mine = cookies.option(SERVER).client
    refusal = respond(play.query, rcode=dns.rcode.BADCOOKIE, options=[CookieOption(mine, b"s" * 8)])
    assert play.answer(refusal) is None
    assert play.take().options == (CookieOption(mine, b"s" * 8),)
    assert play.answer(refusal) == UseTcp(play.id, Cause.UNVERIFIED)


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"max_timeout": -1},
        {"tries": 0},
        {"payload_size": 511},
        {"payload_size": 65536},
        {"payload_size": -1},
    ],
)
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"are more than zero|payload_size is"):
        UdpSettings(**settings)


def test_settings_in_range() -> None:
    assert Play(UdpSettings(timeout=0.5, max_timeout=0.25, tries=1)).client.next_timeout() == 100.25
    assert Play(UdpSettings(payload_size=512)).client.next_timeout() == 102
    assert Play(UdpSettings(payload_size=65535, timeout=20)).client.next_timeout() == 110


@given(st.lists(st.binary(max_size=60), max_size=20), st.binary(max_size=60), st.booleans())
def test_any_datagrams(datagrams: list[bytes], tail: bytes, cookies: bool) -> None:
    """Garbage never ends a query but by way of TCP; what begins like the answer ends it in one of the ways told."""
    play = Play(cookies=jar() if cookies else None)
    for data in datagrams:
        event = play.answer(data)
        assert event is None or isinstance(event, UseTcp)
    head = bytearray(play.query[:23])
    head[2] |= 0x80
    play.answer(bytes(head) + b"\x00\x01\x00\x01" + tail)
