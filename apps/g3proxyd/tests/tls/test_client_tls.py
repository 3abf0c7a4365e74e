"""Contexts for clients, and what they remember."""

import math
import ssl
from dataclasses import replace
from typing import Any

import pytest
from certificates import authority
from g3proxyd.tls.contexts import client_context, server_context
from g3proxyd.tls.names import covered, matches
from g3proxyd.tls.pem import Certificates
from g3proxyd.tls.sessions import Sessions
from g3proxyd.tls.settings import ClientSettings, Pair, ServerSettings
from tls.memory import pair_of, shake_hands

NAME = "origin.test"


@pytest.fixture
def settings(ca: Certificates) -> ClientSettings:
    return ClientSettings(ca=ca, default_ca=False)


@pytest.fixture
def server(pair: Pair) -> ssl.SSLContext:
    return server_context(ServerSettings((pair,)), (pair,))


def test_a_name_is_sent_and_verified(settings: ClientSettings, server: ssl.SSLContext) -> None:
    talk = shake_hands(client_context(settings), server, name=NAME)
    assert NAME.encode() in talk.hello
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client_context(settings), server, name="other.test")


def test_a_common_name_is_no_name(settings: ClientSettings) -> None:
    pair = pair_of(authority().issue(common_name=NAME))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client_context(settings), server_context(ServerSettings((pair,)), (pair,)), name=NAME)


def test_an_issuer_that_is_not_a_root_may_be_trusted(settings: ClientSettings, pair: Pair) -> None:
    """As with rustls and curl: whoever is named in the configuration is trusted as he is."""
    server = server_context(ServerSettings((pair,)), (pair,))
    alone = replace(settings, ca=pair.certificate)
    assert shake_hands(client_context(alone), server, name=NAME)


def test_the_systems_issuers_are_trusted_unless_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ssl.Purpose] = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_default_certs", lambda self, purpose=ssl.Purpose.SERVER_AUTH: asked.append(purpose)
    )
    client_context(ClientSettings())
    assert asked == [ssl.Purpose.SERVER_AUTH]
    client_context(ClientSettings(), system=False)
    client_context(ClientSettings(default_ca=False))
    client_context(ClientSettings(verify=False))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("changes", "version", "cipher"),
    [
        ({}, "TLSv1.3", ""),
        ({"maximum": ssl.TLSVersion.TLSv1_2}, "TLSv1.2", ""),
        (
            {
                "minimum": ssl.TLSVersion.TLSv1_2,
                "maximum": ssl.TLSVersion.TLSv1_2,
                "ciphers": ("AES128-SHA", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            },
            "TLSv1.2",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            {
                "minimum": ssl.TLSVersion.TLSv1_3,
                "maximum": ssl.TLSVersion.TLSv1_3,
                "ciphers": ("TLS_CHACHA20_POLY1305_SHA256",),
            },
            "TLSv1.3",
            "TLS_CHACHA20_POLY1305_SHA256",
        ),
        ({"groups": "P-384"}, "TLSv1.3", ""),
        ({"max_fragment": 512}, "TLSv1.3", ""),
    ],
)
def test_versions_ciphers_and_groups(
    settings: ClientSettings, server: ssl.SSLContext, changes: dict[str, Any], version: str, cipher: str
) -> None:
    talk = shake_hands(client_context(replace(settings, **changes)), server, name=NAME)
    assert talk.client.version() == version
    suite = talk.client.cipher()
    assert suite is not None
    assert cipher in suite[0]
    if "groups" in changes:
        assert b"\x00\x0a\x00\x04\x00\x02\x00\x18" in talk.hello  # supported_groups with secp384r1 alone
    if "max_fragment" in changes:
        talk.client.write(bytes(2000))


def test_an_old_version_for_who_insists(settings: ClientSettings, server: ssl.SSLContext) -> None:
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        server.minimum_version = ssl.TLSVersion.TLSv1
    old = replace(settings, minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1)
    assert shake_hands(client_context(old), server, name=NAME).client.version() == "TLSv1"


def test_a_stapled_response_is_asked_for(settings: ClientSettings, server: ssl.SSLContext) -> None:
    status_request = b"\x00\x05\x00\x05\x01\x00\x00\x00\x00"
    for wanted in (False, True):
        hello = shake_hands(client_context(replace(settings, ocsp_stapling=wanted)), server, name=NAME).hello
        assert (status_request in hello) is wanted


def test_what_nobody_verifies(settings: ClientSettings, server: ssl.SSLContext) -> None:
    insecure = replace(settings, ca=None, verify=False)
    assert shake_hands(client_context(insecure), server, name="whatever.test")


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("a.test", "a.test", True),
        ("a.test", "b.test", False),
        ("*.a.test", "b.a.test", True),
        ("*.a.test", "a.test", False),
        ("*.a.test", "c.b.a.test", False),
        ("*.a.test", ".a.test", False),
        ("*.test", "a.test", False),
        ("b*.a.test", "bc.a.test", False),
        ("*", "test", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("", "", True),
    ],
)
def test_names(pattern: str, name: str, found: bool) -> None:
    assert matches(pattern, name) is found
    assert covered(name, ["x.test", pattern]) is found
    assert not covered(name, [])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def sessions_of(settings: ClientSettings, server: ssl.SSLContext, count: int) -> list[ssl.SSLSession]:
    client = client_context(settings)
    found = [shake_hands(client, server, name=NAME).client.session for _ in range(count)]
    return [session for session in found if session is not None]


def test_sessions_are_forgotten_by_site_by_number_and_by_age(settings: ClientSettings, server: ssl.SSLContext) -> None:
    clock = Clock()
    one, two, three = sessions_of(settings, server, 3)
    clock.now = one.time
    cache = Sessions(2, 2, clock)
    for session in (one, two, three):
        cache.keep("a", session, math.inf)
    assert len(cache) == 2
    assert cache.take("a") == three
    assert cache.take("a") == two
    assert cache.take("a") is None
    assert len(cache) == 0
    for site in ("a", "b", "a", "c"):
        cache.keep(site, one, math.inf)
    assert cache.take("b") is None
    assert cache.take("c") == one
    clock.now += 1_000_000
    assert cache.take("a") is None
    assert len(cache) == 0
    cache.keep("a", two, two.time + 10)
    cache.keep("a", three, two.time + 20)
    clock.now = two.time + 10
    assert cache.take("a") == three
    assert cache.take("a") is None, "its certificate has expired"
    for most, each in ((0, 1), (1, 0)):
        nothing = Sessions(most, each)
        nothing.keep("a", one, math.inf)
        assert len(nothing) == 0
