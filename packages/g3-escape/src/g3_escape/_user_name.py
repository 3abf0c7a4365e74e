"""Parameters behind a user name, ``base+key=value+key=value``: they choose the next proxy of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from g3_acl import Host, HostError, parse_host

from ._route_error import RouteError, RouteFault

MAX_USER_NAME = 255
"""Bytes of a user name with its parameters: RFC 1929 section 2 has one byte for the length."""

_LOCALHOST = IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Upstream:
    """A next proxy that a request has chosen."""

    host: Host
    port: int
    sticky: str | None = None
    """What keeps requests on one address of the host: the key of a `jump_hash` over its addresses."""


@dataclass(frozen=True, slots=True)
class UserName:
    """A user name that was taken apart."""

    login: str
    """The name by which the user is known."""
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class UserNameParams:
    """Which parameters there are and what they make; the fields are the keys of the configuration.

    Keys and values count as they are written, in their own case.
    """

    keys_for_host: tuple[str, ...] = ()
    """Keys whose values make the host, in this order, whatever the order in the user name."""
    resolve_sticky_key: str | None = None
    """The key whose value becomes `Upstream.sticky`."""
    require_hierarchy: bool = True
    """A key of the host needs all those before it."""
    floating_keys: frozenset[str] = frozenset()
    """Keys of the host that may come or be missing as they like."""
    reject_unknown_keys: bool = True
    """An unknown key is a fault; else it is ignored."""
    reject_duplicate_keys: bool = True
    """A key that comes twice is a fault; else the last one counts."""
    separator: str = "-"
    """What stands between the values in the host."""
    domain_suffix: str = ""
    """What follows the values in the host; a dot before it is added."""
    strip_suffix_for_auth: bool = True
    """The login is what stands before the first ``+``; else it is all of it."""

    def __post_init__(self) -> None:
        """Raise ValueError for floating keys that are none of the host's, and for keys that no user name can hold."""
        strangers = self.floating_keys.difference(self.keys_for_host)
        if strangers:
            raise ValueError(f"floating_keys are among keys_for_host, {', '.join(sorted(strangers))} is not")
        if len(set(self.keys_for_host)) < len(self.keys_for_host):
            raise ValueError("a key stands twice in keys_for_host")
        for key in (*self.keys_for_host, *([] if self.resolve_sticky_key is None else [self.resolve_sticky_key])):
            if not key or "+" in key or "=" in key:
                raise ValueError(f"a key is not empty and has neither + nor =, unlike {key!r}")

    def parse(self, text: str, port: int) -> UserName:
        """Return the login and the next proxy in a user name, which has none without a value for the host.

        ``port`` is that of next proxies for the protocol in which the user name came. Raises RouteError for parameters
        that break the rules, for a host that is none, and for more than `MAX_USER_NAME` bytes.
        """
        if len(text.encode("utf-8", "surrogatepass")) > MAX_USER_NAME:
            raise _fault(f"it is longer than {MAX_USER_NAME} bytes")
        base, _, rest = text.partition("+")
        values = self._read(rest)
        login = base if self.strip_suffix_for_auth else text
        if self.require_hierarchy:
            self._check_hierarchy(values)
        labels = [values[key] for key in self.keys_for_host if key in values]
        if not labels:
            return UserName(login)
        sticky = None if self.resolve_sticky_key is None else values.get(self.resolve_sticky_key)
        return UserName(login, Upstream(self._host(labels), port, sticky))

    def _read(self, rest: str) -> Mapping[str, str]:
        values: dict[str, str] = {}
        for part in rest.removesuffix("+").split("+") if rest else ():
            key, _, value = part.partition("=")
            if not key or not value:
                raise _fault("a parameter is not of the form key=value")
            if self.reject_duplicate_keys and key in values:
                raise _fault(f"the key {key!r} comes twice")
            if self.reject_unknown_keys and key not in self.keys_for_host and key != self.resolve_sticky_key:
                raise _fault(f"there is no key {key!r}")
            values[key] = value
        return values

    def _check_hierarchy(self, values: Mapping[str, str]) -> None:
        missing = None
        for key in self.keys_for_host:
            if key in self.floating_keys:
                continue
            if key not in values:
                missing = missing or key
            elif missing is not None:
                raise _fault(f"the key {key!r} needs {missing!r}")

    def _host(self, labels: list[str]) -> Host:
        suffix = self.domain_suffix
        text = self.separator.join(labels) + ("." + suffix.removeprefix(".") if suffix else "")
        try:
            host = parse_host(text)
        except HostError as error:
            raise _fault(f"its parameters make no host: {error}") from None
        # RFC 6761 section 6.3: such names are this machine, whatever a resolver says.
        if isinstance(host, str) and (host == "localhost" or host.endswith(".localhost")):
            return _LOCALHOST
        return host


def _fault(why: str) -> RouteError:
    return RouteError(RouteFault.INVALID_USER_NAME, f"the user name is wrong: {why}")
