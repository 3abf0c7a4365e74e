"""The one reading of a destination: what is looked up in rules, resolved, dialled and logged is what this returns."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from ._address import unmap
from ._errors import HostError
from ._idna import to_ascii
from ._plain import show

Host: TypeAlias = str | IPv4Address | IPv6Address
"""A destination as `parse_host` returns it: a name in lower case without a final dot, or an address."""

MAX_NAME = 253
"""Characters of a name: RFC 1035 section 2.3.4 has 255 octets, of which the DNS needs two around the text."""

MAX_LABEL = 63
"""Characters between two dots (RFC 1035 section 2.3.4)."""

# The common case: plain labels, of which the last begins with a letter, so that it is no number.
_NAME = re.compile(r"(?>(?:[A-Za-z0-9_-]{1,63}\.)*)[A-Za-z][A-Za-z0-9_-]{0,62}")
_OCTETS = {str(number): number for number in range(256)}

_ODD = re.compile(r"[^a-z0-9_.-]")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NUMBER = re.compile(r"0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*")


def parse_host(text: str) -> Host:
    """Return the host that a text names.

    Names become lower case, lose one final dot, and have their IDNA form; underscores and hyphens may stand anywhere.
    Whatever the resolvers of this world take for an address is one: ``127.1``, ``0x7f.1``, ``0177.0.0.1``,
    ``2130706433``; an IPv4-mapped IPv6 address is the IPv4 address. IPv6 addresses may stand in brackets.

    Raises HostError for all else: names that are too long (`MAX_NAME`, `MAX_LABEL`), empty labels, other characters,
    names that end in a number (the URL Standard's "ends in a number" rule), scope ids. Values that are not text raise
    it as well.
    """
    if not isinstance(text, str):
        raise HostError(f"{show(text)} is no host")
    if _NAME.fullmatch(text) and len(text) <= MAX_NAME:
        return text.lower()
    octets = text.split(".")
    if len(octets) == 4:
        try:
            first, second, third, fourth = octets
            return IPv4Address(_OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth])
        except KeyError:
            pass
    return _read(text)


def _read(text: str) -> Host:
    if len(text) > MAX_NAME + 1:
        raise HostError(f"a host name of {len(text)} characters, {MAX_NAME} are allowed")
    if ":" in text or text.startswith("["):
        return _read_ipv6(text)
    name = (text if text.isascii() else to_ascii(text)).lower().removesuffix(".")
    _check_characters(text, name)
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        return _read_numbers(text, name)
    return name


def _read_ipv6(text: str) -> IPv4Address | IPv6Address:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in inner:
        raise HostError(f"{show(text)} has a scope id, which means nothing outside one machine")
    try:
        return unmap(IPv6Address(inner))
    except ValueError:
        hint = "; a host stands here without its port" if text.count(":") == 1 or "]:" in text else ""
        raise HostError(f"{show(text)} is no IPv6 address{hint}") from None


def _check_characters(text: str, name: str) -> None:
    odd = _ODD.search(name)
    if odd:
        raise HostError(f"{show(text)} is no host name: it holds {show(odd.group())}")
    if not name:
        raise HostError("an empty host name" if not text else f"{show(text)} is no host name: it has no label")
    if len(name) > MAX_NAME:
        raise HostError(f"{show(text)} is too long: {len(name)} characters, {MAX_NAME} are allowed")
    longest = max(name.split("."), key=len)
    if len(longest) > MAX_LABEL:
        raise HostError(f"{show(text)} has a label of {len(longest)} characters, {MAX_LABEL} are allowed")
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise HostError(f"{show(text)} has an empty label")


def _read_numbers(text: str, name: str) -> IPv4Address:
    """Read what inet_aton reads (POSIX.1-2017, inet_addr): one to four decimal, octal or hexadecimal numbers."""
    labels = name.split(".")
    if len(labels) > 4 or not all(map(_NUMBER.fullmatch, labels)):
        raise HostError(f"{show(text)} ends like an IPv4 address and is none")
    *octets, rest = (int(label, 16 if label.startswith("0x") else 8 if label[0] == "0" else 10) for label in labels)
    free = 32 - 8 * len(octets)  # the last number fills what the others leave
    if any(octet > 255 for octet in octets) or rest >= 1 << free:
        raise HostError(f"{show(text)} is no IPv4 address: a number is too large")
    return IPv4Address(sum(octet << 24 - 8 * at for at, octet in enumerate(octets)) + rest)
