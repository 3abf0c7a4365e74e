"""Hosts and ports, read and written."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_socks import MAX_NAME_SIZE, Host
from g3_socks._address import message_size, pack_endpoint, pack_port, read_endpoint, read_name, to_host, told

ALLOWED = b"!\"$&'()*+,-.0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnopqrstuvwxyz{}~"


def test_the_longest_name_has_255_bytes() -> None:
    assert MAX_NAME_SIZE == 255
    assert read_name(b"a" * 255) == "a" * 255
    with pytest.raises(RemoteProtocolError, match=r"^a host name of 256 bytes, not 1 to 255$"):
        read_name(b"a" * 256)


def test_the_shortest_name_has_one_byte() -> None:
    assert read_name(b"a") == "a"
    with pytest.raises(RemoteProtocolError, match=r"^a host name of 0 bytes, not 1 to 255$"):
        read_name(b"")


@pytest.mark.parametrize(
    ("raw", "host"),
    [
        (b"Www.Example.COM.", "Www.Example.COM."),
        (b"_dmarc.example", "_dmarc.example"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"192.0.2.1", IPv4Address("192.0.2.1")),
        (b"255.255.255.255", IPv4Address("255.255.255.255")),
        (b"::1", IPv6Address("::1")),
        (b"2001:DB8::1", IPv6Address("2001:db8::1")),
        (b"::ffff:192.0.2.1", IPv6Address("::ffff:192.0.2.1")),
        # Names to us. Whoever resolves them decides whether they are addresses, and checks the address that results.
        (b"0", "0"),
        (b"127.1", "127.1"),
        (b"0x7f.1", "0x7f.1"),
        (b"192.0.2.01", "192.0.2.01"),
        (b"192.0.2.1.", "192.0.2.1."),
        (b"192.0.2.256", "192.0.2.256"),
        (b"host1", "host1"),
    ],
)
def test_names_and_addresses_in_disguise(raw: bytes, host: Host) -> None:
    read = read_name(raw)
    assert read == host
    assert type(read) is type(host)


@pytest.mark.parametrize("byte", range(256))
def test_which_bytes_a_name_may_hold(byte: int) -> None:
    raw = b"a" + bytes((byte,)) + b"b"
    if byte in ALLOWED:
        assert read_name(raw) == raw.decode()
    else:
        with pytest.raises(RemoteProtocolError) as caught:
            read_name(raw, b"no")
        assert str(caught.value) == f"no host has the name {raw!r}"
        assert caught.value.reply == b"no"


@pytest.mark.parametrize(
    "raw", [b"fe80::1%eth0", b"[::1]", b"a:80", b":", b"::1\n", b"1:2", b"::\xff", b" ::1", b"::1/64"]
)
def test_what_holds_a_colon_is_an_ipv6_address_or_nothing(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_name(raw)
    assert str(caught.value) == f"no host has the name {raw!r}"
    assert caught.value.reply == b""


def test_a_bad_length_carries_the_refusal() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_name(b"", b"no")
    assert caught.value.reply == b"no"


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (b"", None),
        (b"\x05\x01\x00", None),
        (b"\x05\x01\x00\x01", 10),
        (b"\x05\x01\x00\x04", 22),
        (b"\x05\x01\x00\x03", None),
        (b"\x05\x01\x00\x03\x01", 8),
        (b"\x05\x01\x00\x03\xff", 262),
    ],
)
def test_the_size_of_a_message_shows_early(message: bytes, size: int | None) -> None:
    assert message_size(bytearray(message)) == size
    assert message_size(memoryview(message)) == size


@pytest.mark.parametrize("kind", [0, 2, 5, 255])
def test_an_unknown_address_type(kind: int) -> None:
    message = bytearray((5, 1, 0, kind))
    with pytest.raises(RemoteProtocolError) as caught:
        message_size(message, b"type", b"name")
    assert str(caught.value) == f"address type {kind}, not 1, 3 or 4"
    assert caught.value.reply == b"type"
    with pytest.raises(RemoteProtocolError) as caught:
        message_size(message)
    assert caught.value.reply == b""


def test_an_empty_name_shows_early() -> None:
    message = bytearray(b"\x05\x01\x00\x03\x00")
    with pytest.raises(RemoteProtocolError) as caught:
        message_size(message, b"type", b"name")
    assert str(caught.value) == "a host name of 0 bytes, not 1 to 255"
    assert caught.value.reply == b"name"
    with pytest.raises(RemoteProtocolError) as caught:
        message_size(message)
    assert caught.value.reply == b""


@pytest.mark.parametrize(
    ("wire", "host", "port"),
    [
        (b"\x01\xc0\x00\x02\x01\x01\xbb", IPv4Address("192.0.2.1"), 443),
        (b"\x04" + bytes(15) + b"\x01\xff\xff", IPv6Address("::1"), 65535),
        (b"\x03\x01a\x00\x00", "a", 0),
        (b"\x03\x09example.c\x00\x50", "example.c", 80),
        (b"\x03\xff" + b"a" * 255 + b"\x00\x01", "a" * 255, 1),
    ],
)
def test_an_endpoint_is_read_as_it_is_written(wire: bytes, host: Host, port: int) -> None:
    assert pack_endpoint(host, port) == wire
    assert read_endpoint(b"\x05\x01\x00" + wire) == (host, port)


def test_a_bad_name_in_an_endpoint_carries_the_refusal() -> None:
    message = b"\x05\x01\x00\x03\x03a\x00b\x00\x50"
    for refusal in (b"", b"no"):
        with pytest.raises(RemoteProtocolError) as caught:
            read_endpoint(message, *filter(None, [refusal]))
        assert str(caught.value) == "no host has the name b'a\\x00b'"
        assert caught.value.reply == refusal


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01\x00\x07"),
        ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x00\x07"),
    ],
)
def test_an_address_as_text_is_written_as_an_address(text: str, wire: bytes) -> None:
    assert pack_endpoint(text, 7) == wire


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "host '': a host name of 0 bytes, not 1 to 255"),
        ("a" * 256, f"host '{'a' * 256}': a host name of 256 bytes, not 1 to 255"),
        ("a b", "host 'a b': no host has the name b'a b'"),
        ("bücher.example", "host 'bücher.example': not ASCII, as its IDNA form would be"),
    ],
)
def test_a_name_that_cannot_be_written_is_a_mistake_of_ours(name: str, reason: str) -> None:
    for write in (to_host, lambda name: pack_endpoint(name, 80)):
        with pytest.raises(LocalProtocolError) as caught:
            write(name)
        assert str(caught.value) == reason


@pytest.mark.parametrize("host", [IPv4Address("192.0.2.1"), IPv6Address("::ffff:192.0.2.1"), "a.example"])
def test_a_host_stays_what_it_is(host: Host) -> None:
    assert to_host(host) == host


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        (IPv6Address("::ffff:192.0.2.1"), IPv4Address("192.0.2.1")),
        (IPv6Address("::ffff:0.0.0.0"), IPv4Address("0.0.0.0")),
        ("::ffff:192.0.2.1", IPv4Address("192.0.2.1")),
        (IPv6Address("::192.0.2.1"), IPv6Address("::192.0.2.1")),
        (IPv6Address("64:ff9b::192.0.2.1"), IPv6Address("64:ff9b::192.0.2.1")),
        (IPv6Address("fe80::1%eth0"), IPv6Address("fe80::1")),
        ("fe80::1%eth0", IPv6Address("fe80::1")),
        (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.1")),
        ("192.0.2.1", IPv4Address("192.0.2.1")),
        ("a.example", "a.example"),
    ],
)
def test_the_address_of_a_socket_as_a_peer_hears_it(host: Host, plain: Host) -> None:
    assert told(host) == plain


@pytest.mark.parametrize("host", ["a%b", "a:b%c", ""])
def test_what_is_no_address_of_a_socket(host: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"^host '{host.removesuffix('%c')}': "):
        told(host)


def test_a_zone_cannot_be_written() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_endpoint(IPv6Address("fe80::1%eth0"), 80)
    assert str(caught.value) == "host fe80::1%eth0: its zone means nothing to the peer"


@pytest.mark.parametrize(("port", "wire"), [(0, b"\x00\x00"), (258, b"\x01\x02"), (65535, b"\xff\xff")])
def test_ports(port: int, wire: bytes) -> None:
    assert pack_port(port) == wire


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_such_port(port: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_port(port)
    assert str(caught.value) == f"port {port}, not 0 to 65535"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("host", [IPv4Address(0), IPv6Address(0), "a"])
def test_every_kind_of_endpoint_has_its_port_checked(host: Host) -> None:
    with pytest.raises(LocalProtocolError, match=r"^port 65536, not 0 to 65535$"):
        pack_endpoint(host, 65536)
