"""Choosing the way out, without I/O: which address to try when, as machines with explicit time."""

from ._actions import Action, Cancel, Dial, Done, Failed, Failure
from ._family import Family, Strategy
from ._happy_eyeballs import HappyEyeballs, Pace

__all__ = [
    "Action",
    "Cancel",
    "Dial",
    "Done",
    "Failed",
    "Failure",
    "Family",
    "HappyEyeballs",
    "Pace",
    "Strategy",
]
