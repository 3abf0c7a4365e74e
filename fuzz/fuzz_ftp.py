"""Hostile bytes for the machines of g3-ftp, and for what reads replies, commands and listings.

The first byte of an input picks the target, the second says where the rest is split. Documented errors are fine;
anything else that is raised is a find, and so is a stream that tells another story when it is split.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "packages" / "g3-ftp" / "tests" / "vectors"
TARGETS = 4


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that fuzzers know
    """Play one input."""
    if len(data) < 2:
        return
    # Imported here, as everything of g3 is: whoever instruments the code does so before it is loaded.
    from g3_ftp import FtpClient, Limits, ListingReader
    from g3_machine.testing import assert_splits_agree

    which, at, stream = data[0] % TARGETS, data[1], data[2:]
    small = Limits(line_length=60, reply_lines=6, entry_length=70, entries=8)
    if which == 0:
        assert_splits_agree(FtpClient, stream, answer, [at])
    elif which == 1:
        assert_splits_agree(lambda: FtpClient(small), stream, answer, [at])
    elif which == 2:
        assert_splits_agree(lambda: ListingReader(small), stream, cuts=[at])
    else:
        read_lines(stream)


def answer(machine: Any, reply: Any) -> bool:
    """Log in as the replies ask for it; look at each with everything that reads replies."""
    import g3_ftp

    parsers = (g3_ftp.parse_passive, g3_ftp.parse_extended_passive, g3_ftp.parse_size, g3_ftp.parse_modified)
    for parse in (*parsers, g3_ftp.parse_directory, g3_ftp.parse_features):
        with contextlib.suppress(g3_ftp.FtpError):
            parse(reply)
    if not machine.waiting and reply.code != 221:
        machine.command(b"NOOP", reply.lines[-1].replace(b"\r", b"").replace(b"\0", b""))
    return bool(reply.code == 221)


def read_lines(stream: bytes) -> None:
    """Each line as one of a listing, and as the argument of a command for active mode."""
    import g3_ftp

    for line in stream.split(b"\n"):
        for parse in (g3_ftp.parse_list_line, g3_ftp.parse_facts_line):
            entry = parse(line)
            assert entry is None or entry.name
        with contextlib.suppress(g3_ftp.FtpError):
            host, port = g3_ftp.parse_extended_port(line)
            assert g3_ftp.parse_extended_port(g3_ftp.pack_extended_port(host, port)) == (host, port)
        with contextlib.suppress(g3_ftp.FtpError):
            address, port = g3_ftp.parse_port(line)
            assert g3_ftp.parse_port(g3_ftp.pack_passive(address, port)) == (address, port)


def seeds() -> Iterator[bytes]:
    """The streams of the package's own test vectors, once for each target."""
    for path in sorted(VECTORS.iterdir()):
        yield from (bytes((which, 3)) + path.read_bytes() for which in range(TARGETS))
    yield bytes((3, 3)) + b"|2|1080::8:800:200C:417A|5282|\n192,0,2,1,18,52"


def main() -> None:
    atheris: Any = importlib.import_module("atheris")  # neither typed nor installed everywhere
    with atheris.instrument_imports(include=["g3_ftp", "g3_machine"]):
        importlib.import_module("g3_machine.testing")
        importlib.import_module("g3_ftp")
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
