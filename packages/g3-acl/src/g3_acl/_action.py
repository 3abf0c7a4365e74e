"""What a rule decides: permit or forbid, and whether to write it down."""

from enum import Enum
from functools import total_ordering
from typing import Final

from ._plain import nearest, normalise, show, wrong


@total_ordering
class Action(Enum):
    """An answer of a rule; the value is its name in configurations.

    Actions are ordered by strictness, the strictest first, so that ``min()`` of several is the strictest::

        FORBID_LOG < FORBID < PERMIT_LOG < PERMIT

    ``permits`` says whether the request may go on, ``logs`` whether the decision is to be logged.
    """

    FORBID_LOG = "forbid_log", False, True
    FORBID = "forbid", False, False
    PERMIT_LOG = "permit_log", True, True
    PERMIT = "permit", True, False

    permits: bool
    logs: bool
    _laxness: int

    def __new__(cls, name: str, permits: bool, logs: bool) -> "Action":
        action = object.__new__(cls)
        action._value_ = name
        action.permits = permits
        action.logs = logs
        action._laxness = len(cls.__members__)
        return action

    def __lt__(self, other: object) -> bool:
        """Whether this action is stricter."""
        return self._laxness < other._laxness if isinstance(other, Action) else NotImplemented


_MEANINGS = dict.fromkeys(("forbid", "deny", "reject"), "FORBID")
_MEANINGS |= dict.fromkeys(("permit", "allow", "accept"), "PERMIT")
ACTIONS: Final[dict[str, Action]] = {
    **{word: Action[meaning] for word, meaning in _MEANINGS.items()},
    **{f"{word}_log": Action[f"{meaning}_LOG"] for word, meaning in _MEANINGS.items()},
}
"""Every name of an action in the configuration language."""

EXPECTED_ACTION = "forbid_log, forbid, permit_log or permit"


def parse_action(text: str) -> Action:
    """Return the action of that name, in any case, with ``-`` or ``_``.

    ``deny`` and ``reject`` mean ``forbid``, ``allow`` and ``accept`` mean ``permit``, and so with ``_log`` behind them.
    Raises AclError for anything else.
    """
    name = normalise(text)
    action = ACTIONS.get(name)
    if action is None:
        raise wrong(f"{show(text)} is no action", expected=EXPECTED_ACTION, suggestion=nearest(name, ACTIONS))
    return action
