"""Which names may be asked for."""

import re

_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
"""The names of hosts, and the underscores of service names (RFC 1035 section 2.3, RFC 8552): lengths as in the RFC."""


def normalise(domain: str) -> str | None:
    """The name in lower case and without the dot of the root, or None for what cannot be the name of a host.

    Everything but letters, digits, hyphens and underscores of ASCII is refused: an internationalised name has to be
    in its ASCII form by now, and nothing else, NUL least of all, is fit for a library that thinks in C strings.
    """
    name = domain.removesuffix(".")
    # In this order: the lower case of U+212A, the Kelvin sign, is a plain k.
    return name.lower() if _NAME.fullmatch(name) else None
