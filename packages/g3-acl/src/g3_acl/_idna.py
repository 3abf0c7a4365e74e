"""Names in the letters of the world, as the DNS knows them (UTS #46 non-transitional, RFC 3492, RFC 5893)."""

import idna

from ._errors import HostError
from ._plain import show


def to_ascii(name: str) -> str:
    """Return a name with its non-ASCII labels as A-labels: mapped as browsers do it, in lower case.

    The result is ASCII but otherwise not checked: what was mapped may have turned into digits, dots or delimiters.
    Raises HostError for characters that no name may hold, and for labels that break the rules of right-to-left scripts,
    joiners or combining marks.
    """
    try:
        mapped = idna.uts46_remap(name, std3_rules=False)
        return ".".join(label if label.isascii() else _a_label(label) for label in mapped.split("."))
    except ValueError as error:
        raise HostError(f"{show(name)} is no host name: {error}") from None


def _a_label(label: str) -> str:
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    if not all(idna.valid_contextj(label, at) for at, letter in enumerate(label) if letter in "\u200c\u200d"):
        raise ValueError("a joiner stands where it joins nothing")
    return "xn--" + label.encode("punycode").decode("ascii")
