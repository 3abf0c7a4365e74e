"""Hostile bytes for the reader of g3-proxyproto, and for its TLVs.

The first byte of an input picks what reads it, the second says where the rest is split. Documented errors are fine;
anything else that is raised is a find, and so are a stream that tells another story when it is split, and a header
that is not the same once it has been written again.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-proxyproto" / "tests" / "vectors"


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    which, at, stream = data[0], data[1], data[2:]
    makers = machines()
    if which % (len(makers) + 1) == len(makers):
        read_tlvs(stream)
        return
    # Imported here, as everything of g3 is: whoever instruments the code does so before it is loaded.
    from g3_machine.testing import assert_splits_agree

    story = assert_splits_agree(makers[which % (len(makers) + 1)], stream, lambda _, __: True, [at])
    assert not story.output
    for header in story.events:
        assert header.size + len(story.unread) == len(stream)
        write_again(header)
    if not story.events:
        assert story.unread == stream


def machines() -> list[Callable[[], Any]]:
    """One way to build each reader; an input names them by number, so new ones go to the end."""
    from g3_proxyproto import HeaderReader

    return [
        HeaderReader,
        lambda: HeaderReader(versions=[1]),
        lambda: HeaderReader(versions=[2], max_body_size=216),
    ]


def write_again(header: Any) -> None:
    """What was read can be written, and says the same then."""
    from g3_proxyproto import HeaderReader, Inet, TlvType, pack_v1, pack_v2, parse_g3

    ends = [header.source, header.destination]
    properties = (header.alpn, header.authority, header.unique_id, header.netns, header.ssl)
    if ends[0] is None:
        return
    mapped = [isinstance(end, Inet) and getattr(end.host, "ipv4_mapped", None) for end in ends]
    if all(mapped):
        return  # written as what they stand for
    if header.version == 1:
        wire = pack_v1(*ends)
    else:
        tlvs = [tlv for tlv in header.tlvs if tlv.type != TlvType.CRC32C]
        checksum = len(tlvs) < len(header.tlvs)
        wire = pack_v2(*ends, *tlvs, transport=header.transport, checksum=checksum)
        try:
            parse_g3(tlvs)
        except documented():
            pass
    reader = HeaderReader()
    reader.receive_data(wire)
    again = reader.next_event()
    assert again is not None
    assert [again.source, again.destination] == ends
    assert (again.alpn, again.authority, again.unique_id, again.netns, again.ssl) == properties


def read_tlvs(data: bytes) -> None:
    """TLVs, an SSL value and g3proxy's values in the same bytes."""
    from g3_proxyproto import pack_g3, pack_ssl, pack_tlvs, parse_g3, parse_ssl, parse_tlvs

    try:
        ssl = parse_ssl(data)
    except documented():
        pass
    else:
        assert pack_ssl(ssl.client, ssl.verify, ssl.tlvs).value == data
        assert (ssl.version, ssl.cn, ssl.cipher) is not None
    try:
        tlvs = parse_tlvs(data)
        assert pack_tlvs(tlvs) == data
        values = parse_g3(tlvs)
    except documented():
        return
    assert parse_g3(pack_g3(values)) == values


def documented() -> type[Exception]:
    from g3_proxyproto import HeaderError

    return HeaderError


def seeds() -> Iterator[bytes]:
    """The streams of the package's own test vectors, once for each reader, and g3proxy's TLVs."""
    for path in sorted(VECTORS.glob("*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            stream = vector["text"].encode("latin-1") if "text" in vector else bytes.fromhex(vector["hex"])
            yield from (bytes((which, 3)) + stream for which in range(len(machines()) + 1))
    yield b"\3\0\xe0\0\3a:1\xe3\0\x10" + bytes(16) + b"\xe5\0\2\0\7\xe6\0\4\0\0\0\1"
    yield b"\3\0\1\0\0\0\0\x21\0\1a\x22\0\1b\x28\0\1c"


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_proxyproto", "g3_machine"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_proxyproto")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
