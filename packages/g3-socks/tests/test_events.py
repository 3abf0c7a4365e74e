"""Events are values: comparable, unchangeable, and silent about passwords."""

from dataclasses import FrozenInstanceError
from ipaddress import IPv4Address
from typing import Any

import pytest
from g3_socks import Bind, Connect, Credentials, Granted, Incoming, UdpAssociate

HOST = IPv4Address("192.0.2.1")
EVENTS = [
    Credentials(b"user", b"secret"),
    Connect(HOST, 1),
    Bind(HOST, 1),
    UdpAssociate(HOST, 1),
    Granted(HOST, 1),
    Incoming(HOST, 1),
]


def test_the_password_stays_out_of_the_repr() -> None:
    assert repr(Credentials(b"user", b"secret")) == "Credentials(username=b'user')"


def test_credentials_differ_by_their_password() -> None:
    assert Credentials(b"user", b"secret") != Credentials(b"user", b"Secret")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_equals_its_like_and_nothing_else(event: Any) -> None:
    assert [other for other in EVENTS if other == event] == [event]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_cannot_be_changed(event: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(event, event.__match_args__[0], None)
    assert not hasattr(event, "__dict__")


@pytest.mark.parametrize("kind", [Connect, Bind])
def test_a_request_has_a_user_id_only_if_socks4_gave_one(kind: type[Connect | Bind]) -> None:
    assert kind("a.example", 1).user_id is None
    assert kind("a.example", 1, b"me").user_id == b"me"
