"""Whatever a driver calls, in whatever order, and whatever comes in: only the documented errors come out."""

import operator
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_socks import (
    Bind,
    Connect,
    Credentials,
    Host,
    Method,
    Reply,
    Socks4Client,
    Socks5Client,
    SocksServer,
    UdpAssociate,
    parse_datagram,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

PIECES = st.sampled_from(
    [
        b"\x05\x01\x00",
        b"\x05\x02\x00\x02",
        b"\x05",
        b"\x01\x04user\x04pass",
        b"\x05\x01\x00\x03\x01a\x00\x50",
        b"\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x15",
        b"\x05\x03\x00\x01" + bytes(6),
        b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00",
        b"\x04\x02\x00\x50\x00\x00\x00\x01me\x00a\x00",
        b"\x05\x00",
        b"\x05\x02",
        b"\x01\x00",
        b"\x05\x00\x00\x01" + bytes(6),
        b"\x00\x5a" + bytes(6),
        b"early data",
    ]
) | st.binary(max_size=6)
HOSTS: st.SearchStrategy[Host] = st.ip_addresses() | st.sampled_from(["a", "", "a b", "192.0.2.1"])


class ServerVerbs(RuleBasedStateMachine):
    """Drives a server with a model beside it: which answer is owed, and whether it is over."""

    @initialize(methods=st.lists(st.sampled_from(Method), min_size=1, max_size=2))
    def start(self, methods: list[Method]) -> None:
        self.server = SocksServer(methods=methods)
        self.owed: list[str] = []
        self.over = False
        self.faults: list[str] = []
        self.ended = False

    @precondition(lambda self: not self.ended)
    @rule(data=PIECES)
    def receive(self, data: bytes) -> None:
        self.server.receive_data(data)

    @rule()
    def receive_eof(self) -> None:
        self.server.receive_eof()
        self.ended = True

    @rule()
    def next_event(self) -> None:
        try:
            event = self.server.next_event()
        except LocalProtocolError:
            assert self.owed or self.over
            return
        except RemoteProtocolError as fault:
            self.faults.append(str(fault))
            return
        assert not self.owed
        assert not self.over
        assert not self.faults
        match event:
            case None:
                assert not self.ended
            case Credentials():
                self.owed = ["authenticate"]
            case Bind():
                self.owed = ["grant", "grant"]
            case Connect() | UdpAssociate():
                self.owed = ["grant"]

    @rule(ok=st.booleans())
    def authenticate(self, ok: bool) -> None:
        if self.answers("authenticate", operator.methodcaller("authenticate", ok)):
            self.owed = []
            self.over = not ok

    @rule(host=HOSTS, port=st.sampled_from([0, 80, 65535, 65536]))
    def grant(self, host: Host, port: int) -> None:
        possible = host not in ("", "a b") and port < 65536
        if self.answers("grant", operator.methodcaller("grant", host, port), possible=possible):
            self.owed.pop()
            self.over = not self.owed

    @rule(code=st.sampled_from(Reply))
    def refuse(self, code: Reply) -> None:
        if self.answers("grant", operator.methodcaller("refuse", code), possible=code is not Reply.SUCCEEDED):
            self.owed = []
            self.over = True

    def answers(self, verb: str, call: Callable[[SocksServer], None], *, possible: bool = True) -> bool:
        """Call an answer; assert that it is taken exactly if it is owed, and that it says something only then."""
        self.server.data_to_send()
        owed = possible and verb in self.owed
        try:
            call(self.server)
        except LocalProtocolError:
            assert not owed
            assert self.server.data_to_send() == b""
            return False
        assert owed
        assert self.server.data_to_send()
        return True

    @invariant()
    def a_fault_comes_unasked_and_stays(self) -> None:
        assert not (self.faults and (self.owed or self.over))
        assert len(set(self.faults)) < 2

    @invariant()
    def output_is_given_once(self) -> None:
        self.server.data_to_send()
        assert self.server.data_to_send() == b""


ServerVerbs.TestCase.settings = settings(stateful_step_count=25)
TestServerVerbs = ServerVerbs.TestCase


@given(st.lists(PIECES, max_size=6), st.booleans())
def test_clients_say_nothing_but_events_and_faults(pieces: list[bytes], bind: bool) -> None:
    request = (Bind if bind else Connect)(IPv4Address("192.0.2.1"), 80)
    clients: list[Any] = [Socks4Client(request), Socks5Client(request), Socks5Client(request, Credentials(b"u", b"p"))]
    for client in clients:
        events = 0
        try:
            for piece in pieces:
                client.receive_data(piece)
                events += client.next_event() is not None
        except RemoteProtocolError:
            pass
        except LocalProtocolError:  # asked after the end
            assert events == 1 + bind
        assert events <= 1 + bind


@given(st.binary(max_size=40) | st.binary(max_size=300).map(lambda tail: b"\x00\x00\x00\x03" + tail))
@example(b"")
def test_noise_is_a_datagram_or_a_fault(data: bytes) -> None:
    try:
        datagram = parse_datagram(data)
    except RemoteProtocolError:
        return
    assert bytes(datagram.payload) == data[datagram.header_size :]
    assert 8 <= datagram.header_size <= 262
