"""Rules about ports."""

from bisect import bisect_left, bisect_right

from ._action import Action
from ._rule import Rule

MAX_PORT = 65_535


class PortRule(Rule[int]):
    """Records are ports, alone or in ranges."""

    __slots__ = ("_actions", "_starts")

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        # Where the answer changes, and to what: a rule takes as much memory as it has changes.
        self._starts = [0]
        self._actions: list[Action | None] = [None]

    def add(self, ports: int | range, action: Action) -> None:
        """Add one port or a range of step 1; raises ValueError outside 0 to 65535 and for an empty range."""
        self._open()
        if isinstance(ports, int):
            ports = range(ports, ports + 1)
        if not ports or ports.step != 1 or ports.start < 0 or ports.stop > MAX_PORT + 1:
            raise ValueError(f"{ports} is not a range of ports, 0 to {MAX_PORT}")
        left, right = bisect_left(self._starts, ports.start), bisect_right(self._starts, ports.stop)
        after = self._actions[right - 1]
        changes: list[tuple[int, Action | None]] = []
        if left == 0 or self._actions[left - 1] is not action:
            changes.append((ports.start, action))
        if after is not action:
            changes.append((ports.stop, after))
        self._starts[left:right] = [start for start, _ in changes]
        self._actions[left:right] = [answer for _, answer in changes]

    def find(self, port: int) -> Action | None:
        """Return the action of the record that holds the port, or None."""
        return self._actions[bisect_right(self._starts, port) - 1]

    def _build(self) -> object:
        return self._starts, self._actions
