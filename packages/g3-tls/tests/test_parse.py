"""The body of a ClientHello, field by field."""

import pytest
from g3_tls import Alert, ClientHello, HelloError
from g3_tls._parse import parse_hello

RANDOM = bytes(range(32))


def vector(prefix: int, data: bytes) -> bytes:
    return len(data).to_bytes(prefix, "big") + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, data)


def message(
    extensions: bytes | None = None,
    *,
    version: bytes = b"\x03\x03",
    session_id: bytes = b"\x00",
    suites: bytes = b"\x00\x02\x13\x01",
    compression: bytes = b"\x01\x00",
    more: bytes = b"",
) -> bytes:
    body = version + RANDOM + session_id + suites + compression
    body += (b"" if extensions is None else vector(2, extensions)) + more
    return b"\x01" + vector(3, body)


def refused(data: bytes, tlcp: bool = False) -> tuple[str, str, Alert | None]:
    with pytest.raises(HelloError) as caught:
        parse_hello(data, tlcp)
    assert caught.value.reply[1:3] == (b"\x01\x01" if tlcp else b"\x03\x03")
    return caught.value.reason, str(caught.value), caught.value.alert


@pytest.mark.parametrize(("extensions", "size"), [(None, 45), (b"", 47)])
def test_the_least_hello(extensions: bytes | None, size: int) -> None:
    assert parse_hello(message(extensions), False) == ClientHello(
        tlcp=False,
        legacy_version=0x0303,
        random=RANDOM,
        session_id=b"",
        cipher_suites=(0x1301,),
        compression_methods=b"\0",
        extensions=(),
        server_name=None,
        alpn=(),
        supported_versions=None,
        size=size,
    )


def test_all_fields() -> None:
    extensions = [
        (0x1A1A, b""),
        (0, b"\x00\x0c\x00\x00\x09A.example"),
        (16, b"\x00\x09\x02h2\x02\x2a\x2a\x02h3"),
        (43, b"\x06\xfa\xfa\x03\x04\x03\x03"),
        (0xFFFF, b"x" * 300),
        (41, b"psk"),
    ]
    data = message(
        b"".join(extension(kind, data) for kind, data in extensions),
        session_id=b"\x20" + b"s" * 32,
        suites=b"\x00\x08\x0a\x0a\x13\x01\xc0\x2f\xba\xba",
        compression=b"\x02\x01\x00",
    )
    assert parse_hello(data, False) == ClientHello(
        tlcp=False,
        legacy_version=0x0303,
        random=RANDOM,
        session_id=b"s" * 32,
        cipher_suites=(0x1301, 0xC02F),
        compression_methods=b"\x01\x00",
        extensions=tuple(extensions),
        server_name="A.example",
        alpn=(b"h2", b"h3"),
        supported_versions=(0x0304, 0x0303),
        size=len(data),
    )


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0303, 0x0304, 0x0309, 0xFFFF])
def test_any_higher_version_is_taken(version: int) -> None:
    assert parse_hello(message(version=version.to_bytes(2, "big")), False).legacy_version == version


@pytest.mark.parametrize("version", [0x0101, 0x0102, 0x0303])
def test_any_higher_version_is_taken_in_tlcp(version: int) -> None:
    hello = parse_hello(message(version=version.to_bytes(2, "big")), True)
    assert (hello.tlcp, hello.legacy_version) == (True, version)


@pytest.mark.parametrize(("version", "tlcp"), [(0x02FF, False), (0x0101, False), (0x0100, True), (0, True)])
def test_lower_versions_are_refused(version: int, tlcp: bool) -> None:
    expected = ("version", "a version below all that there are", Alert.PROTOCOL_VERSION)
    assert refused(message(version=version.to_bytes(2, "big")), tlcp) == expected


BEYOND = "the bytes end within {}"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", BEYOND.format("a version")),
        (b"\x03", BEYOND.format("a version")),
        (b"\x03\x03" + RANDOM[1:], BEYOND.format("a random")),
        (b"\x03\x03" + RANDOM, BEYOND.format("a session id")),
        (b"\x03\x03" + RANDOM + b"\x02x", BEYOND.format("a session id")),
        (b"\x03\x03" + RANDOM + b"\x21" + bytes(33), "a session id of less than 0 or more than 32 bytes"),
        (b"\x03\x03" + RANDOM + b"\x00", BEYOND.format("cipher suites")),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x00", "cipher suites of less than 2 or more than 65535 bytes"),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x03\x13\x01\x13", "cipher suites in an odd number of bytes"),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x04\x13\x01", BEYOND.format("cipher suites")),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x02\x13\x01", BEYOND.format("compression methods")),
        (
            b"\x03\x03" + RANDOM + b"\x00\x00\x02\x13\x01\x00",
            "compression methods of less than 1 or more than 65535 bytes",
        ),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x02\x13\x01\x01\x00\x00", BEYOND.format("extensions")),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x02\x13\x01\x01\x00\x00\x01", BEYOND.format("extensions")),
        (b"\x03\x03" + RANDOM + b"\x00\x00\x02\x13\x01\x01\x00\x00\x00\x00", "bytes behind the extensions"),
    ],
)
@pytest.mark.parametrize("tlcp", [False, True])
def test_fields_that_do_not_fit(data: bytes, text: str, tlcp: bool) -> None:
    assert refused(b"\x01" + vector(3, data), tlcp) == ("hello", text, Alert.DECODE_ERROR)


def test_null_is_among_the_compression_methods() -> None:
    expected = ("hello", "compression methods without null", Alert.ILLEGAL_PARAMETER)
    assert refused(message(compression=b"\x01\x01")) == expected


@pytest.mark.parametrize(
    ("extensions", "text", "alert"),
    [
        (b"\x00", BEYOND.format("an extension"), Alert.DECODE_ERROR),
        (b"\x00\x05\x00", BEYOND.format("an extension"), Alert.DECODE_ERROR),
        (b"\x00\x05\x00\x01", BEYOND.format("an extension"), Alert.DECODE_ERROR),
        (b"\x00\x17\x00\x00\x00\x05\x00\x02x", BEYOND.format("an extension"), Alert.DECODE_ERROR),
        (b"\x00\x17\x00\x00\x00\x17\x00\x00", "an extension that comes twice", Alert.ILLEGAL_PARAMETER),
        (b"\x0a\x0a\x00\x00\x0a\x0a\x00\x00", "an extension that comes twice", Alert.ILLEGAL_PARAMETER),
        (b"\x00\x29\x00\x00\x00\x17\x00\x00", "an extension behind pre_shared_key", Alert.ILLEGAL_PARAMETER),
    ],
)
@pytest.mark.parametrize("tlcp", [False, True])
def test_extensions_that_are_refused(extensions: bytes, text: str, alert: Alert, tlcp: bool) -> None:
    assert refused(message(extensions), tlcp) == ("extensions", text, alert)


def sni(name: bytes) -> bytes:
    return extension(0, vector(2, b"\x00" + vector(2, name)))


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a.example",
        "A-1.EXAMPLE",
        "_dmarc.a",
        "xn--bcher-kva.example",
        "a" * 63 + ".b",
        "1.2.3",
        "1.2.3.4.5",
        "0x7f.1",
        "256.1.1.1",
        ".".join(["a" * 61] * 4) + ".abcde",
    ],
)
def test_server_names(name: str) -> None:
    assert parse_hello(message(sni(name.encode())), False).server_name == name


def test_names_of_other_types_are_skipped() -> None:
    names = b"\x01\x00\x02\xff\xff" + b"\x00\x00\x01a" + b"\xff\x00\x01x"
    assert parse_hello(message(extension(0, vector(2, names))), False).server_name == "a"
    assert parse_hello(message(extension(0, vector(2, names[:5]))), False).server_name is None


@pytest.mark.parametrize(
    "name",
    [
        b"a.example.",
        b".a",
        b"a..b",
        b"a b",
        b"a\0",
        b"a\n",
        b"b\xfccher",
        b"a:1",
        b"::1",
        b"[::1]",
        b"192.0.2.1",
        b"*.a",
        b"a" * 64,
        b"a/b",
        b"a@b",
        b"0.0.0.0",
        b".".join([b"a" * 61] * 4) + b".abcdef",
    ],
)
def test_names_that_no_host_has(name: bytes) -> None:
    expected = ("server_name", "a server name that is no host name", Alert.ILLEGAL_PARAMETER)
    assert refused(message(sni(name))) == expected


@pytest.mark.parametrize(
    ("data", "text", "alert"),
    [
        (b"", BEYOND.format("server names"), Alert.DECODE_ERROR),
        (b"\x00\x00", "server names of less than 1 or more than 65535 bytes", Alert.DECODE_ERROR),
        (b"\x00\x05\x00\x00\x01a", BEYOND.format("server names"), Alert.DECODE_ERROR),
        (b"\x00\x04\x00\x00\x01ab", "bytes behind the server names", Alert.DECODE_ERROR),
        (b"\x00\x01\x00", BEYOND.format("a server name"), Alert.DECODE_ERROR),
        (b"\x00\x03\x00\x00\x00", "a server name of less than 1 or more than 65535 bytes", Alert.DECODE_ERROR),
        (b"\x00\x04\x00\x00\x02a", BEYOND.format("a server name"), Alert.DECODE_ERROR),
        (b"\x00\x08\x00\x00\x01a\x00\x00\x01a", "two host names", Alert.ILLEGAL_PARAMETER),
    ],
)
@pytest.mark.parametrize("tlcp", [False, True])
def test_server_names_that_do_not_fit(data: bytes, text: str, alert: Alert, tlcp: bool) -> None:
    assert refused(message(extension(0, data)), tlcp) == ("server_name", text, alert)


def test_the_longest_protocol_name() -> None:
    data = extension(16, vector(2, b"\xff" + b"x" * 255 + b"\x01\x00"))
    assert parse_hello(message(data), False).alpn == (b"x" * 255, b"\x00")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x00\x00", "protocol names of less than 2 or more than 65535 bytes"),
        (b"\x00\x01\x00", "protocol names of less than 2 or more than 65535 bytes"),
        (b"\x00\x02\x00\x00", "a protocol name of less than 1 or more than 65535 bytes"),
        (b"\x00\x03\x03h2", BEYOND.format("a protocol name")),
        (b"\x00\x03\x02h2\x00", "bytes behind the protocol names"),
        (b"\x00\x04\x02h2", BEYOND.format("protocol names")),
    ],
)
@pytest.mark.parametrize("tlcp", [False, True])
def test_protocol_names_that_do_not_fit(data: bytes, text: str, tlcp: bool) -> None:
    assert refused(message(extension(16, data)), tlcp) == ("alpn", text, Alert.DECODE_ERROR)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", BEYOND.format("supported versions")),
        (b"\x00", "supported versions of less than 2 or more than 65535 bytes"),
        (b"\x03\x03\x04\x03", "supported versions in an odd number of bytes"),
        (b"\x02\x03\x04\x03", "bytes behind the supported versions"),
        (b"\x04\x03\x04", BEYOND.format("supported versions")),
    ],
)
@pytest.mark.parametrize("tlcp", [False, True])
def test_versions_that_do_not_fit(data: bytes, text: str, tlcp: bool) -> None:
    assert refused(message(extension(43, data)), tlcp) == ("supported_versions", text, Alert.DECODE_ERROR)
