"""Hostile bytes for the reader of g3-tls.

The first byte of an input picks the limits and what is put around the rest, the second says where it is split.
Documented errors are fine; anything else that is raised is a find, and so are a stream that tells another story when
it is split, a byte that the reader takes away, and a hello that is not the same once it has been cut into records
anew.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-tls" / "tests" / "vectors"


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    which, at, stream = data[0], data[1], data[2:]
    wrap: Callable[[bytes], bytes] = (bytes, in_a_message, in_an_extension)[which % 3]
    read(wrap(stream), at, bool(which & 0x80))


def read(stream: bytes, at: int, tight: bool) -> None:
    # Imported here, as everything of g3 is: whoever instruments the code does so before it is loaded.
    from g3_machine.testing import assert_splits_agree
    from g3_tls import ClientHelloReader, NotTlsError, is_client_hello

    def make() -> Any:
        return ClientHelloReader(max_hello_size=300, max_records=3) if tight else ClientHelloReader()

    story = assert_splits_agree(make, stream, lambda _, __: True, [at])
    assert story.unread == stream
    told = is_client_hello(stream)
    if story.events:
        assert told is True
        cut_anew(story.events[0], stream)
    elif story.fault is not None and story.fault[0] is NotTlsError:
        assert told is False
        assert story.output == b""


def cut_anew(hello: Any, stream: bytes) -> None:
    """The same message, a few bytes to a record, tells the same."""
    from g3_tls import ClientHelloReader

    message = bytearray()
    rest = stream
    while len(message) < hello.size:
        end = 5 + int.from_bytes(rest[3:5], "big")
        message += rest[5:end]
        rest = rest[end:]
    reader = ClientHelloReader(max_records=hello.size)
    for start in range(0, len(message), 7):
        fragment = bytes(message[start : start + 7])
        reader.receive_data(stream[:3] + len(fragment).to_bytes(2, "big") + fragment)
    assert reader.next_event() == hello
    assert hello.highest_version >= 0
    assert hello.resumes in (True, False)


def in_a_message(body: bytes) -> bytes:
    """The body of a ClientHello, with lengths that are right."""
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + (len(message) & 0xFFFF).to_bytes(2, "big") + message


def in_an_extension(data: bytes) -> bytes:
    """The data of an extension that is read; the first byte says which."""
    kind = (0, 16, 43)[data[0] % 3 if data else 0]
    data = data[1:16000]
    extension = kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
    hello = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(extension).to_bytes(2, "big") + extension
    return in_a_message(hello)


def seeds() -> Iterator[bytes]:
    """The streams of the package's own test vectors, whole and as bodies, and data of extensions."""
    for path in sorted(VECTORS.glob("*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            stream = vector["text"].encode("latin-1") if "text" in vector else bytes.fromhex(vector["hex"])
            yield b"\0\3" + stream
            yield b"\x81\3" + stream[:50]
            yield b"\1\3" + stream[9:]
    yield b"\2\0\0\0\x0c\0\0\x09a.example"
    yield b"\2\0\1\0\x0c\2h2\x08http/1.1"
    yield b"\2\0\2\4\3\4\3\3"


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_tls", "g3_machine"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_tls")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
