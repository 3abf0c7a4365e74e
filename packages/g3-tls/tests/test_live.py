"""Hellos that OpenSSL makes, with many settings: what was set is what is read."""

import ssl
from typing import Any

import pytest
from g3_machine.testing import assert_splits_agree, play
from g3_tls import TLS1_2, TLS1_3, ClientHello, ClientHelloReader, ExtensionType, is_client_hello

VERSIONS = {TLS1_2: ssl.TLSVersion.TLSv1_2, TLS1_3: ssl.TLSVersion.TLSv1_3}


def openssl_hello(
    name: str | None = "a.example", alpn: tuple[str, ...] = (), lowest: int = TLS1_2, highest: int = TLS1_3, **more: Any
) -> bytes:
    """The first flight of a client, from a memory BIO."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = VERSIONS[lowest]
    context.maximum_version = VERSIONS[highest]
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if "ciphers" in more:
        context.set_ciphers(more["ciphers"])
    if more.get("no_ticket"):
        context.options |= ssl.OP_NO_TICKET
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def read(stream: bytes) -> ClientHello:
    story = play(ClientHelloReader(), [stream], lambda _, __: True)
    assert (story.fault, story.output, story.unread) == (None, b"", stream)
    [hello] = story.events
    assert isinstance(hello, ClientHello)
    return hello


@pytest.mark.parametrize("name", ["a.example", "xn--bcher-kva.example", "_x.y-z.example", "a" * 60 + ".example", None])
def test_names(name: str | None) -> None:
    assert read(openssl_hello(name)).server_name == name


@pytest.mark.parametrize("name", ["192.0.2.1", "2001:db8::1"])
def test_openssl_sends_no_address(name: str) -> None:
    assert read(openssl_hello(name)).server_name is None


@pytest.mark.parametrize("alpn", [(), ("h2",), ("h2", "http/1.1"), ("x" * 255, "acme-tls/1")])
def test_alpn(alpn: tuple[str, ...]) -> None:
    assert read(openssl_hello(alpn=alpn)).alpn == tuple(name.encode() for name in alpn)


@pytest.mark.parametrize(
    ("lowest", "highest", "supported"),
    [(TLS1_2, TLS1_2, None), (TLS1_2, TLS1_3, (TLS1_3, TLS1_2)), (TLS1_3, TLS1_3, (TLS1_3,))],
)
def test_versions(lowest: int, highest: int, supported: tuple[int, ...] | None) -> None:
    hello = read(openssl_hello(lowest=lowest, highest=highest))
    assert (hello.legacy_version, hello.supported_versions, hello.highest_version) == (TLS1_2, supported, highest)
    assert hello.tlcp is False
    assert (hello.extension(ExtensionType.KEY_SHARE) is None) is (highest == TLS1_2)


def test_cipher_suites() -> None:
    hello = read(openssl_hello(highest=TLS1_2, ciphers="ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"))
    assert [suite for suite in hello.cipher_suites if suite != 0x00FF] == [0xC02F, 0xC02C]
    assert hello.compression_methods == b"\0"


@pytest.mark.parametrize(("no_ticket", "ticket"), [(True, None), (False, b"")])
def test_tickets(no_ticket: bool, ticket: bytes | None) -> None:
    hello = read(openssl_hello(highest=TLS1_2, no_ticket=no_ticket))
    assert (hello.session_ticket, hello.resumes) == (ticket, False)


@pytest.mark.parametrize("highest", [TLS1_2, TLS1_3])
def test_no_split_changes_the_story(highest: int) -> None:
    stream = openssl_hello(alpn=("h2", "http/1.1"), highest=highest)
    story = assert_splits_agree(ClientHelloReader, stream + b"early", lambda _, __: True, [3, 6, 100])
    assert story.unread == stream + b"early"
    assert is_client_hello(stream) is True


def test_an_alert_of_ours_is_understood() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    reader = ClientHelloReader(max_hello_size=256)
    reader.receive_data(outgoing.read())
    story = play(reader, [])
    incoming.write(story.output)
    with pytest.raises(ssl.SSLError) as caught:
        client.do_handshake()
    assert "ILLEGAL_PARAMETER" in str(caught.value)
