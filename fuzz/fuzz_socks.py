"""Hostile bytes for the machines of g3-socks, and for its datagrams.

The first byte of an input picks the machine, the second says where the rest is split. Documented errors are fine;
anything else that is raised is a find, and so is a stream that tells another story when it is split.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-socks" / "tests" / "vectors"


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    which, at, stream = data[0], data[1], data[2:]
    makers = machines()
    if which % (len(makers) + 1) == len(makers):
        read_datagram(stream)
        return
    # Imported here, as everything of g3 is: whoever instruments the code does so before it is loaded.
    from g3_machine.testing import assert_splits_agree

    assert_splits_agree(makers[which % (len(makers) + 1)], stream, answer, [at])


def machines() -> list[Callable[[], Any]]:
    """One way to build each machine; an input names them by number, so new ones go to the end."""
    from g3_socks import (
        Bind,
        Connect,
        Credentials,
        Method,
        Socks4Client,
        Socks4Server,
        Socks5Client,
        Socks5Server,
        SocksServer,
    )

    address = IPv4Address("192.0.2.1")
    return [
        Socks5Server,
        lambda: Socks5Server(methods=[Method.USERNAME_PASSWORD, Method.NO_AUTHENTICATION], empty_password=True),
        Socks4Server,
        lambda: Socks4Server(names=False),
        SocksServer,
        lambda: SocksServer(methods=[Method.USERNAME_PASSWORD]),
        lambda: Socks5Client(Connect("a.example", 80), Credentials(b"user", b"pass")),
        lambda: Socks5Client(Bind(address, 80)),
        lambda: Socks4Client(Connect(address, 80)),
        lambda: Socks4Client(Bind("a.example", 80)),
    ]


def answer(machine: Any, event: Any) -> bool:
    """Take any credentials and grant any request, but one for an odd port."""
    from g3_socks import Bind, Connect, Credentials, Granted, Incoming, Reply, UdpAssociate

    match event:
        case Credentials():
            machine.authenticate(True)
            return False
        case Connect() | Bind() | UdpAssociate():
            if event.port % 2:
                machine.refuse(Reply.NOT_ALLOWED)
                return True
            machine.grant(event.host, event.port)
            if isinstance(event, Bind):
                machine.grant(event.host, event.port)
        case Granted():
            return not machine._incoming
        case Incoming():
            pass
    return True


def read_datagram(data: bytes) -> None:
    """What is read is written again, and read again as the same."""
    from g3_machine import RemoteProtocolError
    from g3_socks import pack_header, parse_datagram

    try:
        datagram = parse_datagram(data)
    except RemoteProtocolError:
        return
    assert bytes(datagram.payload) == data[datagram.header_size :]
    header = pack_header(datagram.host, datagram.port)
    again = parse_datagram(header + bytes(datagram.payload))
    assert pack_header(again.host, again.port) == header
    assert again.payload == datagram.payload


def seeds() -> Iterator[bytes]:
    """The streams of the package's own test vectors, once for each machine."""
    for path in sorted(VECTORS.glob("*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            tokens = (token.partition("*") for token in vector["in"].split())
            stream = b"".join(bytes.fromhex(byte) * int(times or 1) for byte, _, times in tokens)
            yield from (bytes((which, 3)) + stream for which in range(len(machines()) + 1))


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_socks", "g3_machine"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_socks")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
