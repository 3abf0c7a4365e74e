"""Contexts for servers: certificates by name and type, client certificates, tickets that other processes can read."""

import multiprocessing
import os
import ssl
import warnings
from dataclasses import replace
from typing import Any

import pytest
from certificates import Authority, Leaf, authority
from g3proxyd.tls import openssl, tickets
from g3proxyd.tls.contexts import load_pair
from g3proxyd.tls.pem import Certificates, PrivateKey
from g3proxyd.tls.server import ServerTls, identity_of, sites_of
from g3proxyd.tls.settings import Pair, ServerSettings, TicketSettings
from g3proxyd.tls.tickets import Tickets
from tls.memory import pair_of, shake_hands

NAME = "origin.test"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def client_of(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    client = authority().client()
    client.minimum_version = client.maximum_version = version
    return client


def context_of(settings: ServerSettings, more: TicketSettings | None = None) -> ssl.SSLContext:
    tls = ServerTls(settings, ("http/1.1",), more)
    assert tls._tickets is not None or not settings.tickets
    return tls._context


@pytest.mark.parametrize("version", VERSIONS)
def test_two_contexts_with_the_same_settings_read_each_others_tickets(pair: Pair, version: ssl.TLSVersion) -> None:
    settings = ServerSettings((pair,), session_cache=False)
    client = client_of(version)
    first = shake_hands(client, context_of(settings), name=NAME)
    again = shake_hands(client, context_of(settings), name=NAME, session=first.client.session)
    assert again.client.session_reused


@pytest.mark.parametrize(
    "changes",
    [{"client_auth": True}, {"label": "other"}, {"pairs": "other"}],
    ids=str,
)
def test_others_do_not(pair: Pair, ca: Certificates, changes: dict[str, Any]) -> None:
    if "pairs" in changes:
        changes = {"pairs": (pair_of(authority().issue(NAME)),)}
    if "client_auth" in changes:
        changes = {**changes, "client_ca": ca}
    settings = ServerSettings((pair,))
    client = client_of()
    mine = authority().issue(client=True)
    pem = pair_of(mine)
    load_pair(client, pem)
    first = shake_hands(client, context_of(settings), name=NAME)
    again = shake_hands(client, context_of(replace(settings, **changes)), name=NAME, session=first.client.session)
    assert not again.client.session_reused
    assert identity_of(settings) != identity_of(replace(settings, **changes))


def test_a_forked_process_reads_them_as_well(pair: Pair) -> None:
    settings = ServerSettings((pair,))
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(theirs, tickets.keys(identity_of(settings), 5))
            code = 0
        finally:
            os._exit(code)
    os.close(theirs)
    assert os.read(ours, 100) == tickets.keys(identity_of(settings), 5)
    os.close(ours)
    assert os.waitpid(pid, 0)[1] == 0


def another_secret(_: int) -> bytes:
    return tickets.SECRET


def test_a_process_that_was_not_forked_has_another_secret() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(another_secret, [1]) != [tickets.SECRET]


def test_keys_change_after_half_of_their_lifetime(pair: Pair) -> None:
    now = 1_000_000.0
    settings = ServerSettings((pair,))
    server = context_of(settings)
    keys = Tickets(server, b"x" * 32, TicketSettings(lifetime=200.0, check_interval=10.0), lambda: now)
    client = client_of()
    session = shake_hands(client, server, name=NAME).client.session

    def resumed() -> bool:
        keys.refresh()
        return bool(shake_hands(client, server, name=NAME, session=session).client.session_reused)

    assert resumed()
    now += 99
    assert resumed()
    now += 11  # the next look comes after the interval of checks
    assert not resumed()
    session = shake_hands(client, server, name=NAME).client.session
    assert resumed()
    now -= 50  # somebody has set the clock back, and the interval of checks is not over
    assert not resumed()


def test_keys_are_looked_at_once_in_an_interval(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((0.0, 10.0, 299.0, 300.0, 301.0, 601.0))
    server = context_of(ServerSettings((pair,)))
    keys = Tickets(server, b"x", TicketSettings(lifetime=2.0, check_interval=300.0), lambda: next(moments))
    made: list[int] = []

    def make(identity: bytes, period: int) -> bytes:
        made.append(period)
        return bytes(80)

    monkeypatch.setattr(tickets, "keys", make)
    for _ in range(5):
        keys.refresh()
    assert made == [300, 601]


def test_keys_are_all_different() -> None:
    found = {tickets.keys(identity, period) for identity in (b"a", b"b") for period in (1, 2)}
    assert len(found) == 4
    assert {len(keys) for keys in found} == {80}


def test_sites_are_names_and_types() -> None:
    def pair(*names: str, **more: Any) -> Pair:
        return pair_of(authority().issue(*names, **more))

    curve, rsa, other = pair("a.test"), pair("A.test", rsa_bits=2048), pair("b.test")
    again, common = pair("a.test"), pair(common_name="C.test")
    sites = sites_of((curve, other, rsa, again, common))
    assert [sorted(site.names) for site in sites] == [["a.test"], ["b.test"], ["a.test"], ["c.test"]]
    assert list(sites[0].pairs.values()) == [curve, rsa]
    assert list(sites[2].pairs.values()) == [again]


def test_the_type_that_the_client_knows() -> None:
    pairs = tuple(pair_of(authority().issue(NAME, rsa_bits=bits, common_name=str(bits))) for bits in (0, 2048))
    server = context_of(ServerSettings(pairs))
    for suite, bits in (("ECDHE-ECDSA-AES128-GCM-SHA256", "0"), ("ECDHE-RSA-AES128-GCM-SHA256", "2048")):
        client = client_of(ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(suite)
        certificate = shake_hands(client, server, name=NAME).client.getpeercert()
        assert certificate is not None
        assert certificate["subject"] == ((("commonName", bits),),)


@pytest.mark.parametrize("version", VERSIONS)
def test_client_certificates(pair: Pair, ca: Certificates, version: ssl.TLSVersion, tmp_path: Any) -> None:
    server = context_of(ServerSettings((pair,), client_auth=True, client_ca=ca))

    def attempt(leaf: Leaf | None) -> None:
        client = client_of(version)
        if leaf is not None:
            client.load_cert_chain(*leaf.write(tmp_path))
        shake_hands(client, server, name=NAME)

    attempt(authority().issue(client=True))
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        attempt(None)
    with pytest.raises(ssl.SSLCertVerificationError):
        attempt(Authority("Others").issue(client=True))
    with pytest.raises(ssl.SSLCertVerificationError):
        attempt(authority().issue("server.test"))  # it is not meant for clients


def test_old_versions_and_renegotiation_are_off(pair: Pair) -> None:
    server = context_of(ServerSettings((pair,)))
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2
    assert server.options & ssl.OP_NO_RENEGOTIATION
    talk = shake_hands(client_of(ssl.TLSVersion.TLSv1_2), server, name=NAME)
    assert talk.server.compression() is None


def test_the_application_protocol(pair: Pair) -> None:
    server = context_of(ServerSettings((pair,)))
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None), ([], None)):
        client = client_of()
        if offered:
            client.set_alpn_protocols(offered)
        assert shake_hands(client, server, name=NAME).client.selected_alpn_protocol() == chosen


def test_a_wrong_pair_is_an_error() -> None:
    one, two = authority().issue("a.test"), authority().issue("a.test")
    wrong = Pair(Certificates(one.certificate), PrivateKey(two.key))
    fds = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ssl.SSLError):
        ServerTls(ServerSettings((wrong,)))
    assert len(os.listdir("/proc/self/fd")) == fds


def test_without_the_librarys_functions_tls_still_works(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssl, "_library", lambda: None)
    assert not openssl.available()
    server = context_of(ServerSettings((pair,)))
    client = client_of()
    first = shake_hands(client, server, name=NAME)
    assert shake_hands(client, server, name=NAME, session=first.client.session).client.session_reused


def test_a_command_that_fails_leaves_no_error_behind(pair: Pair) -> None:
    server = context_of(ServerSettings((pair,)))
    assert not openssl.control(server, openssl.SET_GROUPS, 0, b"NONSENSE")
    assert not openssl.set_ciphersuites(server, "NONSENSE")
    assert shake_hands(client_of(), server, name=NAME)
