"""The SSL TLV and the TLVs within."""

import pytest
from g3_machine import LocalProtocolError
from g3_proxyproto import (
    CLIENT_CERT_CONN,
    CLIENT_CERT_SESS,
    CLIENT_SSL,
    HeaderError,
    Ssl,
    SslType,
    Tlv,
    TlvType,
    pack_ssl,
    parse_ssl,
)

INNER = (Tlv(SslType.VERSION, b"TLSv1.3"), Tlv(SslType.CN, "Jürgen".encode()), Tlv(SslType.CIPHER, b"AES"))


def test_the_wire() -> None:
    tlv = pack_ssl(CLIENT_SSL | CLIENT_CERT_CONN, 0x01020304, INNER[:1])
    assert tlv == Tlv(0x20, b"\x03\x01\x02\x03\x04\x21\x00\x07TLSv1.3")
    assert tlv.type is TlvType.SSL


def test_what_is_written_is_read() -> None:
    ssl = parse_ssl(pack_ssl(255, 2**32 - 1, INNER).value)
    assert ssl == Ssl(255, 2**32 - 1, INNER)
    assert (ssl.version, ssl.cn, ssl.cipher) == ("TLSv1.3", "Jürgen", "AES")
    nothing = parse_ssl(pack_ssl(0, 0).value)
    assert nothing == Ssl(0, 0)
    assert (nothing.version, nothing.cn, nothing.cipher) == (None, None, None)


@pytest.mark.parametrize(
    ("client", "verify", "verified"),
    [
        (CLIENT_SSL | CLIENT_CERT_CONN, 0, True),
        (CLIENT_SSL | CLIENT_CERT_SESS, 0, True),
        (CLIENT_SSL | CLIENT_CERT_SESS, 1, False),
        (CLIENT_SSL, 0, False),
        (0, 0, False),
    ],
)
def test_a_certificate_is_verified_only_if_there_is_one(client: int, verify: int, verified: bool) -> None:
    assert Ssl(client, verify).verified is verified


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "SSL of less than 5 bytes"),
        (bytes(4), "SSL of less than 5 bytes"),
        (bytes(6), "a TLV that goes beyond the end of what holds it"),
        (bytes(5) + b"\x21\x00\x01a\x22\x00\x00\x21\x00\x01a", "two TLVs of the type VERSION within SSL"),
        (bytes(5) + b"\x21\x00\x01\xff", "VERSION within SSL that is not ASCII"),
        (bytes(5) + b"\x22\x00\x01\xff", "CN within SSL that is not UTF-8"),
        (bytes(5) + b"\x23\x00\x01\xff", "CIPHER within SSL that is not ASCII"),
        (bytes(5) + b"\x24\x00\x01\xff", "SIG_ALG within SSL that is not ASCII"),
        (bytes(5) + b"\x25\x00\x01\xff", "KEY_ALG within SSL that is not ASCII"),
        (bytes(5) + b"\x26\x00\x01\xff", "GROUP within SSL that is not ASCII"),
        (bytes(5) + b"\x27\x00\x01\xff", "SIG_SCHEME within SSL that is not ASCII"),
        (bytes(5) + b"\x28\x00\x00\x28\x00\x00", "two TLVs of the type CLIENT_CERT within SSL"),
    ],
)
def test_values_that_are_refused(value: bytes, message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        parse_ssl(value)
    assert (caught.value.reason, str(caught.value)) == ("tlv", message)


def test_bytes_and_what_is_unknown_pass() -> None:
    tlvs = (Tlv(0x28, b"\x30\xff"), Tlv(0x29, b"\xff"), Tlv(0x29, b"\xff"))
    assert parse_ssl(pack_ssl(1, 1, tlvs).value).tlvs == tlvs


@pytest.mark.parametrize(("client", "verify"), [(256, 0), (-1, 0), (0, -1), (0, 2**32)])
def test_numbers_that_have_no_room(client: int, verify: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_ssl(client, verify)
    assert str(caught.value) == f"client {client}, verify {verify}: more than 1 and 4 bytes hold"
