"""Rules about exact hosts: names and addresses."""

from ipaddress import IPv4Address

from ._action import Action
from ._address import unmap
from ._address_rule import AddressRule
from ._host import Host, parse_host


class HostRule(AddressRule[Host]):
    """Records are hosts; each matches itself alone."""

    __slots__ = ("_ipv4", "_ipv6", "_names")

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._names: dict[str, Action] = {}
        self._ipv4: dict[int, Action] = {}
        self._ipv6: dict[int, Action] = {}

    def add(self, host: Host, action: Action) -> None:
        """Add a host; a text goes through `parse_host` and may raise HostError."""
        self._open()
        host = parse_host(host) if isinstance(host, str) else unmap(host)
        if isinstance(host, str):
            self._names[host] = action
        elif isinstance(host, IPv4Address):
            self._ipv4[int(host)] = action
        else:
            self._ipv6[int(host)] = action

    def find(self, host: Host) -> Action | None:
        """Return the action of the record that is this host, or None; a name has to come from `parse_host`."""
        if isinstance(host, str):
            return self._names.get(host)
        return self.find_address(host)

    def _find_ipv4(self, number: int) -> Action | None:
        return self._ipv4.get(number)

    def _find_ipv6(self, number: int) -> Action | None:
        return self._ipv6.get(number)

    def _build(self) -> object:
        return self._names, self._ipv4, self._ipv6
