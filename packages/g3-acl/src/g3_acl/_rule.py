"""What all rules share: records with actions, an action for what no record matches, and a time to build."""

from abc import ABC, abstractmethod
from typing import Generic, Self, TypeVar

from ._action import Action

V_contra = TypeVar("V_contra", contravariant=True)


class Rule(ABC, Generic[V_contra]):
    """Records, each with an action, and ``missed``: the action for values that no record matches.

    Every rule has a method ``add(record, action)``; a record that is added again takes the later action. `freeze` ends
    the building: frozen rules are shared by everything that runs at the same time. Rules are equal when they are of one
    class and their records and ``missed`` are.
    """

    __slots__ = ("_frozen", "_missed")

    def __init__(self, missed: Action = Action.FORBID) -> None:
        self._missed = missed
        self._frozen = False

    @property
    def missed(self) -> Action:
        """The action for a value that no record matches."""
        return self._missed

    @abstractmethod
    def find(self, value: V_contra, /) -> Action | None:
        """Return the action of the record that decides, or None when no record matches."""

    def check(self, value: V_contra, /) -> Action:
        """Return the action of the record that decides, or ``missed``."""
        found = self.find(value)
        return self._missed if found is None else found

    def freeze(self) -> Self:
        """Return this rule, built: from now on ``add`` raises RuntimeError."""
        self._build()
        self._frozen = True
        return self

    @abstractmethod
    def _build(self) -> object:
        """Bring the records into the form that answers fast, unless it is there; equal rules return equal objects."""

    def _open(self) -> None:
        """Raise RuntimeError if no more records may be added."""
        if self._frozen:
            raise RuntimeError(f"this {type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule) or type(other) is not type(self):
            return NotImplemented
        return self._missed is other._missed and self._build() == other._build()
