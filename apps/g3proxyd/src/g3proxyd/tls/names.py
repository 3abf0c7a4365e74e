"""Which name a certificate is for (RFC 6125 section 6.4): an exact one, or a `*` in place of the whole first label."""

from collections.abc import Iterable


def matches(pattern: str, name: str) -> bool:
    """Whether a name of a certificate, in lower case, covers this name, in lower case without a dot at the end."""
    if pattern == name:
        return True
    first, dot, rest = name.partition(".")
    # "*.com" would cover what nobody can own as a whole, and an address has no labels.
    return bool(first and dot and "." in rest) and pattern == f"*.{rest}" and not name.replace(".", "").isdigit()


def covered(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of these names of a certificate covers the name."""
    return any(matches(pattern, name) for pattern in patterns)
