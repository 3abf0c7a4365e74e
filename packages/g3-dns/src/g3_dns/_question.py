"""What is asked: a name of a host and a type (RFC 1035 section 4.1.2)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import dns.rdatatype
from dns.rdatatype import RdataType
from g3_machine import LocalProtocolError

RandBelow = Callable[[int], int]
"""Returns a random number from 0 to below its argument that nobody can foretell: `secrets.randbelow`."""

MAX_NAME_SIZE = 253
"""Characters of a name: 255 bytes on the wire (RFC 1035 section 2.3.4)."""

CLASS_IN = 1

# Of hosts (RFC 1123 section 2.1) and services (RFC 8552): nothing else is asked for by a proxy, and no other byte, NUL
# least of all, is fit for everything that a name is handed to later.
_is_name = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*").fullmatch


@dataclass(frozen=True, slots=True)
class Question:
    """A name in lower case, without a dot at the end, and a type of records.

    It is also the key under which equal lookups share one query and one place in a cache. Raises LocalProtocolError
    for what is no name of a host: letters, digits, hyphens and underscores, labels of 1 to 63, 253 in all.
    """

    name: str
    type: RdataType

    def __post_init__(self) -> None:
        if len(self.name) > MAX_NAME_SIZE or _is_name(self.name) is None:
            raise LocalProtocolError(f"{self.name[:300]!r} is no name of a host in lower case")

    def __str__(self) -> str:
        return f"{self.name} {dns.rdatatype.to_text(self.type)}"


def question_for(name: str, type: RdataType) -> Question:  # noqa: A002 -- the standard's word
    """The question for a name as people write it: of any case, perhaps with a dot at the end.

    Raises LocalProtocolError as `Question` does; an internationalised name has to be in its ASCII form by now.
    """
    # Only ASCII: the lower case of U+212A, the Kelvin sign, is a plain k.
    return Question(name.removesuffix(".").lower() if name.isascii() else name, type)


def mix_case(name: str, randbelow: RandBelow) -> str:
    """The name with the case of its letters at random: more for a forger to guess (draft-vixie-dnsext-dns0x20)."""
    bits = randbelow(1 << len(name))
    return "".join(letter.upper() if bits >> at & 1 else letter for at, letter in enumerate(name))


def pack_question(name: str, type: RdataType) -> bytes:  # noqa: A002 -- the standard's word
    """RFC 1035 section 4.1.2: QNAME, QTYPE, QCLASS. ``name`` is that of a `Question`, in whatever case."""
    labels = name.encode("ascii").split(b".")
    qname = b"".join(bytes((len(label),)) + label for label in labels)
    return qname + b"\x00" + type.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
