"""Asking for a tunnel: what is sent, what grants it, what refuses it, and what belongs to the tunnel already."""

import pytest
from g3_http import CONNECT_LIMITS, ConnectClient, Leniency, Limits, ResponseError, pack_basic
from g3_machine import LocalProtocolError
from g3_machine.testing import Story, assert_splits_agree
from g3_machine.testing.strategies import cuts, mutations
from hypothesis import given
from hypothesis import strategies as st

GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def ask(leniency: Leniency | None = None, limits: Limits = CONNECT_LIMITS) -> ConnectClient:
    return ConnectClient(b"a.example:443", limits=limits, leniency=leniency or Leniency())


def over(client: ConnectClient, event: object) -> bool:
    return True  # one event is all there is


def tell(stream: bytes, at: list[int] | None = None, limits: Limits = CONNECT_LIMITS) -> Story:
    return assert_splits_agree(lambda: ask(limits=limits), stream, over, at or [1, 9, 20])


def fault(stream: bytes, limits: Limits = CONNECT_LIMITS, *, closed: bool = False) -> str:
    client = ask(limits=limits)
    client.receive_data(stream)
    if closed:
        client.receive_eof()
    with pytest.raises(ResponseError) as caught:
        client.next_event()
    assert (caught.value.status, caught.value.reply) == (502, b"")
    return caught.value.reason


def test_what_is_asked() -> None:
    assert ask().data_to_send() == b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
    fields = [(b"Proxy-Authorization", pack_basic("joe", "secret")), (b"X-One", b"")]
    client = ConnectClient(b"[2001:db8::1]:22", fields)
    assert client.data_to_send() == (
        b"CONNECT [2001:db8::1]:22 HTTP/1.1\r\nHost: [2001:db8::1]:22\r\n"
        b"Proxy-Authorization: Basic am9lOnNlY3JldA==\r\nX-One:\r\n\r\n"
    )
    assert client.data_to_send() == b""
    assert client.next_event() is None


@pytest.mark.parametrize(
    ("authority", "field"), [(b"a b:1", (b"X", b"1")), (b"a:1\r\nX: 1", (b"X", b"1")), (b"a:1", (b"X", b"1\r\nY: 2"))]
)
def test_what_would_break_the_request_is_our_bug(authority: bytes, field: tuple[bytes, bytes]) -> None:
    with pytest.raises(LocalProtocolError):
        ConnectClient(authority, [field])


@pytest.mark.parametrize("banner", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x03", b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("ahead", [b"", CONTINUE, CONTINUE + EARLY])
def test_what_stands_behind_a_grant_belongs_to_the_tunnel(ahead: bytes, banner: bytes) -> None:
    story = tell(ahead + GRANTED + banner)
    assert [head.status for head in story.events] == [200]
    assert (story.fault, story.unread) == (None, banner)


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.0 200 Connection established\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 299 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nProxy-Agent: x\r\n\r\n",
        # RFC 9110 section 9.3.6: both fields MUST be ignored.
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_odd_grants(stream: bytes) -> None:
    story = tell(stream + b"abc")
    assert (len(story.events), story.unread) == (1, b"abc")


@pytest.mark.parametrize("status", [300, 302, 400, 403, 407, 502, 504, 999])
def test_refusals(status: int) -> None:
    client = ask()
    client.receive_data(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno" % status)
    head = client.next_event()
    assert head is not None
    assert (head.status, head.reason) == (status, b"No")
    with pytest.raises(LocalProtocolError, match="has refused"):
        client.next_event()


@pytest.mark.parametrize("grant", [GRANTED, b"HTTP/1.1 299 \r\n\r\n"])
def test_a_tunnel_is_no_machine_of_ours(grant: bytes) -> None:
    client = ask()
    client.receive_data(grant + b"x")
    assert client.next_event() is not None
    with pytest.raises(LocalProtocolError, match="another protocol"):
        client.next_event()
    assert client.take_unread() == b"x"


def test_a_bare_status_line_is_a_leniency() -> None:
    bare = b"HTTP/1.1 200\r\n\r\n"
    assert fault(bare) == "status_line"
    client = ask(Leniency(bare_status_line=True))
    client.receive_data(bare)
    head = client.next_event()
    assert head is not None
    assert head.status == 200


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"SSH-2.0-x\r\n", "status_line"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "version"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switch"),
        (CONTINUE * 33 + GRANTED, "interim"),
        (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "field"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "content_length"),
    ],
)
def test_answers_that_are_none(stream: bytes, reason: str) -> None:
    assert fault(stream) == reason
    assert tell(stream).fault is not None


def test_as_many_interim_responses_as_are_allowed() -> None:
    assert len(tell(CONTINUE * 32 + GRANTED).events) == 1


def test_limits() -> None:
    line = b"X-Padding: %b\r\n" % (b"a" * (4096 - len(GRANTED) - 13))
    fitting = GRANTED[:-2] + line + b"\r\n"
    assert len(fitting) == 4096
    assert len(tell(fitting).events) == 1
    assert fault(fitting.replace(b"aa", b"aaa", 1)) == "head_size"
    assert fault(GRANTED, Limits(head_size=len(GRANTED) - 1)) == "head_size"
    assert fault(b"HTTP/1.1 200 " + b"a" * 5000) in ("head_size", "line_length")  # without an end in sight


def test_the_end_instead_of_an_answer() -> None:
    assert fault(b"", closed=True) == "no_response"
    assert fault(CONTINUE, closed=True) == "no_response"
    assert fault(GRANTED[:-1], closed=True) == "closed"


@given(
    mutations(
        st.sampled_from([CONTINUE + GRANTED + b"abc", b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\nno"])
    ),
    cuts(),
)
def test_no_answer_tells_another_story_when_it_is_split(stream: bytes, at: list[int]) -> None:
    story = tell(stream, at)
    assert len(story.events) <= 1
    if story.events and story.events[0].status < 300:
        assert stream.endswith(story.unread)
