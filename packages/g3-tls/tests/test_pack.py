"""The ClientHello that we write: byte by byte, read again, and answered by OpenSSL."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from g3_machine import LocalProtocolError
from g3_tls import (
    TLCP_SUITES,
    TLS1_0,
    TLS1_1,
    TLS1_2,
    TLS1_3,
    TLS_SUITES,
    ClientHello,
    ClientHelloReader,
    pack_client_hello,
)
from hypothesis import given
from hypothesis import strategies as st

RANDOM = bytes(range(32))
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}(\.[A-Za-z0-9_-]{1,20}){0,3}\.[a-z]{2}", fullmatch=True)
ALPN = st.lists(st.binary(min_size=1, max_size=20).filter(lambda name: len(name) != 2), max_size=4)
# GREASE is 0x?a?a.
SUITES = st.lists(st.integers(0, 0xFFFF).filter(lambda suite: suite & 0x0F0F != 0x0A0A), min_size=1, max_size=30)
UNKNOWN = st.dictionaries(st.integers(100, 0xFFFF), st.binary(max_size=50), max_size=5)


def read(wire: bytes) -> ClientHello:
    reader = ClientHelloReader(max_records=10_000)
    reader.receive_data(wire)
    hello = reader.next_event()
    assert hello is not None
    assert reader.take_unread() == wire
    return hello


def test_the_wire_of_tlcp() -> None:
    assert pack_client_hello(RANDOM, tlcp=True) == bytes.fromhex(
        "16 0101 002f 01 00002b 0101" + RANDOM.hex() + "00 0004e053e013 0100"
    )
    named = pack_client_hello(RANDOM, tlcp=True, server_name="a", cipher_suites=[0xE011], versions=[])
    assert named.hex().endswith("0002e0110100" + "000a" + "0000" + "0006" + "0004" + "00" + "0001" + "61")


def test_the_wire_of_tls() -> None:
    wire = pack_client_hello(RANDOM, versions=[TLS1_2, TLS1_3], cipher_suites=[0x1301], session_id=b"s", alpn=[b"h2"])
    extensions = (
        "0010 0005 0003 02 6832"
        "000a 0008 0006 001d 0017 0018"
        "000d 0012 0010 0403 0804 0401 0503 0805 0501 0806 0601"
        "002b 0005 04 0304 0303"
        "0033 0002 0000"
    )
    body = bytes.fromhex("0303" + RANDOM.hex() + "01 73 0002 1301 0100")
    tail = bytes.fromhex(extensions)
    body += len(tail).to_bytes(2, "big") + tail
    assert wire.hex() == f"160301{len(body) + 4:04x}01{len(body):06x}{body.hex()}"


@given(NAMES, ALPN, SUITES, st.binary(max_size=32), UNKNOWN, st.booleans(), st.integers(1, 300))
def test_what_is_written_is_read(
    name: str,
    alpn: list[bytes],
    suites: list[int],
    session_id: bytes,
    unknown: dict[int, bytes],
    tlcp: bool,
    fragment_size: int,
) -> None:
    more = list(unknown.items())
    hello = read(
        pack_client_hello(
            RANDOM,
            server_name=name,
            alpn=alpn,
            cipher_suites=suites,
            session_id=session_id,
            extensions=more,
            tlcp=tlcp,
            fragment_size=fragment_size,
        )
    )
    assert (hello.tlcp, hello.random, hello.session_id) == (tlcp, RANDOM, session_id)
    assert (hello.server_name, hello.alpn, hello.cipher_suites) == (name, tuple(alpn), tuple(suites))
    assert hello.highest_version == (0x0101 if tlcp else TLS1_3)
    assert list(hello.extensions)[len(hello.extensions) - len(more) :] == more


@pytest.mark.parametrize(
    ("versions", "legacy", "supported"),
    [
        ([TLS1_0], TLS1_0, None),
        ([TLS1_0, TLS1_1], TLS1_1, None),
        ({TLS1_2}, TLS1_2, None),
        ((TLS1_2, TLS1_3), TLS1_2, (TLS1_3, TLS1_2)),
        ([TLS1_3], TLS1_2, (TLS1_3,)),
    ],
)
def test_versions(versions: list[int], legacy: int, supported: tuple[int, ...] | None) -> None:
    hello = read(pack_client_hello(RANDOM, versions=versions))
    assert (hello.legacy_version, hello.supported_versions) == (legacy, supported)
    assert hello.cipher_suites == TLS_SUITES
    assert hello.server_name is None


def test_the_suites() -> None:
    """The IANA registry of TLS cipher suites: three of TLS 1.3, then ECDHE by ECDSA and RSA, in the order of strength
    that browsers have."""
    assert " ".join(f"{suite:04x}" for suite in TLS_SUITES) == "1301 1302 1303 c02b c02f c02c c030 cca9 cca8"


def test_the_suites_of_tlcp() -> None:
    assert read(pack_client_hello(RANDOM, tlcp=True)).cipher_suites == TLCP_SUITES


@pytest.mark.parametrize("size", [1, 2, 100, 16384])
def test_fragments(size: int) -> None:
    whole = pack_client_hello(RANDOM, server_name="a.example")
    wire = pack_client_hello(RANDOM, server_name="a.example", fragment_size=size)
    assert len(wire) == len(whole) - 5 + 5 * -(-(len(whole) - 5) // size)
    assert read(wire) == read(whole)


@pytest.mark.parametrize(("version", "answer"), [(TLS1_2, "a ServerHello"), (TLS1_3, "a HelloRetryRequest")])
def test_openssl_answers(version: int, answer: str, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(pack_client_hello(RANDOM, server_name="a.example", versions=[version], session_id=bytes(32)))
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    record = outgoing.read()
    assert (record[0], record[5]) == (22, 2)
    # RFC 8446 section 4.1.3: the random of a HelloRetryRequest is this one.
    is_retry = record[11:43].hex() == "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
    assert ("a HelloRetryRequest" if is_retry else "a ServerHello") == answer


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of its own."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=9999))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "both.pem"
    path.write_bytes(secret + pem)
    return path


@pytest.mark.parametrize(("random", "session_id"), [(bytes(31), b""), (bytes(33), b""), (bytes(32), bytes(33))])
def test_fixed_sizes(random: bytes, session_id: bytes) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(random, session_id=session_id)
    text = f"a random of {len(random)} and a session id of {len(session_id)} bytes; 32 and <= 32"
    assert str(caught.value) == text


@pytest.mark.parametrize("size", [0, 16385])
def test_fragment_sizes(size: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(RANDOM, fragment_size=size)
    assert str(caught.value) == f"fragment_size {size}, not 1 to 16384"


@pytest.mark.parametrize("versions", [[], [0x0300], [TLS1_2, 0x0305]])
def test_versions_that_no_server_speaks(versions: list[int]) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(RANDOM, versions=versions)
    assert str(caught.value) == "versions: none, or others than TLS 1.0 to 1.3"


def test_values_that_have_no_room() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(RANDOM, alpn=[bytes(256)])
    assert str(caught.value) == "256 bytes, more than a length of 1 bytes can say"
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(RANDOM, cipher_suites=[65536])
    assert str(caught.value) == "65536, not 0 to 65535"
    with pytest.raises(LocalProtocolError) as caught:
        pack_client_hello(RANDOM, server_name="bücher.example")
    assert str(caught.value) == "server name 'bücher.example': not ASCII, as its IDNA form would be"
    assert len(pack_client_hello(RANDOM, session_id=bytes(32), alpn=[bytes(255)])) > 300
