"""Where a redis server is, and how it is asked."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from ...upstream import Upstream
from ..keys import Aliases
from ..section import Section
from .acl import OneHost
from .duration import Timeout
from .mistake import Mistake, show, wrong
from .numbers import Count
from .text import Text
from .tls_client import RustlsTlsClient
from .upstream import parse_upstream
from .value import Value

__all__ = ["RedisKeys", "parse_redis_url"]

PORT = 6379


def parse_redis_url(text: str) -> dict[str, object]:
    """The keys that a URL stands for: ``redis://[user][:password@]host[:port]/[db][?key=value]``.

    What is behind the question mark is not looked at. Raises MistakeError.
    """
    expected = "a URL such as redis://user:password@host:6379/0"
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=8)
    except ValueError:
        raise wrong("this is not a URL", expected=expected) from None  # which may hold a password
    if parts.scheme.lower() != "redis":
        raise wrong(f"{show(parts.scheme)} is not the scheme of a source", expected=expected)
    login, _, address = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    database = parts.path.removeprefix("/")
    found: dict[str, object] = {"addr": unquote(address)}
    if user:
        found["username"] = unquote(user)
    if colon:
        found["password"] = unquote(password)
    if database:
        found["db"] = database
    for key, value in query:
        if key in found:
            raise wrong(f"{show(key)} is said twice", expected=expected)
        found[key] = value
    return found


_Address: TypeAlias = Annotated[
    Upstream,
    Value(
        f"host with port (default {PORT})",
        lambda data: parse_upstream(data, PORT),
        {"type": "string", "minLength": 1},
        instance=Upstream,
    ),
]


class RedisKeys(Section):
    """Where a redis server is, and how it is asked."""

    addr: Annotated[_Address, Aliases("address")]
    """The server; a name is looked up by the operating system."""
    tls_client: Annotated[RustlsTlsClient | None, Aliases("tls")] = None
    """Speak TLS with it."""
    tls_name: OneHost | None = None
    """Who it has to be; unset is its host."""
    db: Count = 0
    """The number of the database."""
    username: Text | None = None
    """The user to log in as."""
    password: Text | None = None
    """The password, also of a server without users."""
    connect_timeout: Timeout = 5.0
    """Time to connect."""
    response_timeout: Annotated[Timeout, Aliases("read_timeout")] = 2.0
    """Time for each answer."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.username is not None and self.password is None:
            conflicts.append(Mistake("needs 'password' beside it", path=("username",)))
        if self.tls_name is not None and self.tls_client is None:
            notes.append(Mistake("has no effect without 'tls_client'", path=("tls_name",)))
        return {}
