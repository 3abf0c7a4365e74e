"""The small server: zones, codes, truncation, framing; and whole lookups against it, over every transport."""

import random
from ipaddress import IPv4Address, IPv6Address

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from dns.rdatatype import AAAA, A
from g3_dns import (
    PADDING_BLOCK,
    Addresses,
    Ask,
    Cause,
    Failed,
    Failure,
    Finished,
    Lookup,
    NoAddresses,
    Question,
    Responder,
    Response,
    Result,
    Server,
    StreamSettings,
    TcpClient,
    TcpServer,
    UdpClient,
    UseTcp,
    question_for,
)
from g3_machine import RemoteProtocolError
from g3_machine.testing import Pair, assert_splits_agree
from g3_machine.testing.strategies import cuts
from hypothesis import given
from hypothesis import strategies as st

ZONES = {
    "example": {"SOA": ["ns host 1 2 3 4 120"], "NS": ["ns.example."]},
    "a.example": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "alias.example": {"CNAME": ["a.example."]},
    "out.example": {"CNAME": ["b.test."]},
    "gone.example": {"CNAME": ["nobody.example."]},
    "loop.example": {"CNAME": ["loop.example."]},
    "far.deep.example": {"A": ["192.0.2.3"]},
    "many.example": {"A": [f"192.0.2.{number}" for number in range(200)]},
    "test": {"SOA": ["ns host 1 2 3 4 60"]},
    "b.test": {"A": ["192.0.2.4"]},
}
RESPONDER = Responder(ZONES, ttl=300)
NAME_SERVER = Server(IPv4Address("192.0.2.53"))


def ask(name: str, type_: str = "A", **options: int) -> dns.message.Message:
    query = dns.message.make_query(name, type_, id=7, **options)  # type: ignore[arg-type] # its options have many types
    answer = RESPONDER.respond_udp(query.to_wire())
    assert answer is not None
    response = dns.message.from_wire(answer)
    assert response.id == 7
    assert response.flags & dns.flags.QR
    assert response.question == query.question
    return response


def test_an_answer_with_authority() -> None:
    response = ask("a.example.")
    assert response.flags & dns.flags.AA
    assert [rrset.to_text() for rrset in response.answer] == [
        "a.example. 300 IN A 192.0.2.1\na.example. 300 IN A 192.0.2.2"
    ]
    assert response.authority == []


@pytest.mark.parametrize(
    ("name", "rcode", "answer", "authority"),
    [
        ("alias.example", dns.rcode.NOERROR, ["alias.example.", "a.example."], []),
        ("out.example", dns.rcode.NOERROR, ["out.example.", "b.test."], []),
        ("gone.example", dns.rcode.NXDOMAIN, ["gone.example."], ["example."]),
        ("nobody.example", dns.rcode.NXDOMAIN, [], ["example."]),
        ("deep.example", dns.rcode.NOERROR, [], ["example."]),
        ("loop.example", dns.rcode.NOERROR, ["loop.example."], ["example."]),
        ("far.deep.example", dns.rcode.NOERROR, ["far.deep.example."], []),
        ("other.net", dns.rcode.REFUSED, [], []),
        (".", dns.rcode.REFUSED, [], []),
    ],
)
def test_names(name: str, rcode: int, answer: list[str], authority: list[str]) -> None:
    response = ask(name)
    assert response.rcode() == rcode
    assert [str(rrset.name) for rrset in response.answer] == answer
    assert [str(rrset.name) for rrset in response.authority] == authority


def test_an_alias_that_leads_away() -> None:
    responder = Responder({"example": ZONES["example"], "out.example": ZONES["out.example"]})
    answer = responder.respond_udp(dns.message.make_query("out.example", "A").to_wire())
    assert answer is not None
    response = dns.message.from_wire(answer)
    assert (response.rcode(), len(response.answer), response.authority) == (dns.rcode.NOERROR, 1, [])


@pytest.mark.parametrize(
    ("name", "type_", "rcode"),
    [("a.example", "MX", dns.rcode.NOERROR), ("a.example", "ANY", dns.rcode.NOTIMP), ("example", "NS", 0)],
)
def test_types(name: str, type_: str, rcode: int) -> None:
    assert ask(name, type_).rcode() == rcode


def test_another_class() -> None:
    assert ask("a.example", rdclass=3).rcode() == dns.rcode.REFUSED


def test_another_version_of_edns() -> None:
    assert ask("a.example", use_edns=1).rcode() == dns.rcode.BADVERS


SIZES = {
    f"n{number}.example": {"A": [f"192.0.2.{last}" for last in range(number)]}
    for number in [*range(26, 40), *range(68, 80)]
}


@pytest.mark.parametrize(("payload", "most"), [(None, 512), (100, 512), (600, 600), (65535, 1232)])
def test_truncation(payload: int | None, most: int) -> None:
    responder = Responder({"example": ZONES["example"], **SIZES})
    cut = []
    for name in SIZES:
        query = dns.message.make_query(name, "A", use_edns=0 if payload else -1, payload=payload).to_wire()
        whole, answer = responder.respond_tcp(query), responder.respond_udp(query)
        assert whole is not None
        assert answer is not None
        cut.append(dns.message.from_wire(answer).flags & dns.flags.TC != 0)
        assert cut[-1] == (len(whole) > most)
        assert len(answer) <= most
        assert cut[-1] or answer == whole
    assert True in cut
    assert False in cut


def test_no_truncation_on_a_stream() -> None:
    answer = RESPONDER.respond_tcp(dns.message.make_query("many.example", "A").to_wire())
    assert answer is not None
    response = dns.message.from_wire(answer)
    assert not response.flags & dns.flags.TC
    assert len(response.answer[0]) == 200


def test_padding_on_a_stream_alone() -> None:
    query = dns.message.make_query("a.example", "A", use_edns=0, pad=128).to_wire()
    answer, datagram = RESPONDER.respond_tcp(query), RESPONDER.respond_udp(query)
    assert answer is not None
    assert datagram is not None
    assert len(answer) == 468
    assert len(datagram) < 128
    plain = RESPONDER.respond_tcp(dns.message.make_query("a.example", "A", use_edns=0).to_wire())
    assert plain is not None
    assert dns.message.from_wire(plain).options == ()


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("", None),
        ("0007 0100 0001 0000 0000 00", None),
        ("0007 8180 0001 0000 0000 0000 00 0001 0001", None),
        ("0007 8100 0001 0000 0000 0000 00 0001 0001", None),
        ("0007 0180 0001 0000 0000 0000", "0007 8101 0000 0000 0000 0000"),
        ("0007 0100 0001 0000 0000 0000", "0007 8101 0000 0000 0000 0000"),
        ("0007 0000 0001 0000 0000 0000", "0007 8001 0000 0000 0000 0000"),
        ("0007 2900 0001 0000 0000 0000", "0007 a904 0000 0000 0000 0000"),
        ("0007 0100 0000 0000 0000 0000", "0007 8101 0000 0000 0000 0000"),
    ],
)
def test_what_is_no_query(query: str, answer: str | None) -> None:
    assert RESPONDER.respond_udp(bytes.fromhex(query)) == (None if answer is None else bytes.fromhex(answer))


@pytest.mark.parametrize("zones", [{"a.example": {"A": ["x"]}}, {"a" * 64: {"A": ["192.0.2.1"]}}, {"a": {"?": []}}])
def test_zones_that_no_file_could_hold(zones: dict[str, dict[str, list[str]]]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(zones))}: "):
        Responder(zones)


@given(st.binary(max_size=100))
def test_any_query(data: bytes) -> None:
    for query in (data, b"\x00\x07\x01\x00\x00\x01" + bytes(6) + data):
        answer = RESPONDER.respond_udp(query)
        assert answer is None or len(answer) <= 1232


def look_up(name: str, type_: "dns.rdatatype.RdataType" = A) -> Result:
    """A lookup over UDP, and over TCP where UDP says so, in memory."""
    lookup = Lookup(question_for(name, type_), 1, 0.0)
    draw = random.Random(1).randrange
    while True:
        match lookup.next_action():
            case Ask(attempt, _, question):
                udp = UdpClient(question, NAME_SERVER, draw, 0.0)
                (query,) = udp.datagrams_to_send()
                udp.receive_datagram(RESPONDER.respond_udp(query) or b"", NAME_SERVER)
                event = udp.next_event()
                if isinstance(event, UseTcp):
                    assert event.cause is Cause.TRUNCATED
                    event = over_tcp(question)
                assert isinstance(event, Response)
                lookup.answered(attempt, event.message, 0.0)
            case Finished(result):
                return result


def over_tcp(question: Question, split: int | None = None, *, zero_id: bool = False) -> Response:
    settings = StreamSettings(padding=PADDING_BLOCK)
    pair = Pair(TcpClient(random.Random(1).randrange, settings, zero_id=zero_id), TcpServer(), split=split)
    pair.client.ask(question, 0.0)

    def serve(server: TcpServer, query: bytes) -> None:
        server.reply(RESPONDER.respond_tcp(query) or b"")

    pair.run(on_server=serve)
    (event,) = pair.client_events
    assert isinstance(event, Response)
    return event


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A.Example.", Addresses((IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")), 300)),
        ("alias.example", Addresses((IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")), 300)),
        ("out.example", Addresses((IPv4Address("192.0.2.4"),), 300)),
        ("deep.example", NoAddresses(True, 120)),
        ("gone.example", NoAddresses(False, 120)),
        ("loop.example", Failed(Failure.ALIASES)),
        ("other.net", Failed(Failure.REFUSED)),
    ],
)
def test_lookups(name: str, expected: Result) -> None:
    assert look_up(name) == expected


def test_lookups_of_ipv6_and_of_what_fits_no_datagram() -> None:
    assert look_up("alias.example", AAAA) == Addresses((IPv6Address("2001:db8::1"),), 300)
    many = look_up("many.example")
    assert isinstance(many, Addresses)
    assert len(many.addresses) == 32


@pytest.mark.parametrize("split", [None, 1, 7])
def test_streams(split: int | None) -> None:
    question = Question("a.example", A)
    assert len(over_tcp(question, split).message.answer[0]) == 2
    assert over_tcp(question, split, zero_id=True).message.id == 0


@pytest.mark.parametrize("size", [0, 11, 4097])
def test_queries_of_odd_sizes(size: int) -> None:
    server = TcpServer()
    server.receive_data(size.to_bytes(2, "big"))
    with pytest.raises(RemoteProtocolError, match=f"of {size} bytes, not 12 to 4096"):
        server.next_event()


@pytest.mark.parametrize("size", [12, 4096])
def test_the_shortest_and_the_longest_query(size: int) -> None:
    server = TcpServer()
    server.receive_data(size.to_bytes(2, "big") + bytes(size - 1))
    assert server.next_event() is None
    server.receive_data(b"\x01\x02")
    assert server.next_event() == bytes(size - 1) + b"\x01"
    assert server.take_unread() == b"\x02"


def test_the_end_of_a_stream() -> None:
    server = TcpServer()
    server.receive_eof()
    assert server.next_event() is None
    server = TcpServer()
    server.receive_data(b"\x00")
    server.receive_eof()
    with pytest.raises(RemoteProtocolError, match="in the middle of a query"):
        server.next_event()


def answer(server: TcpServer, query: bytes) -> None:
    server.reply(RESPONDER.respond_tcp(query) or b"")


@given(st.lists(st.binary(min_size=10, max_size=40).map(lambda data: len(data).to_bytes(2, "big") + data)), cuts())
def test_any_stream_tells_one_story(messages: list[bytes], at: list[int]) -> None:
    assert_splits_agree(TcpServer, b"".join(messages), answer, at)
