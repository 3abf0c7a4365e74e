"""Helpers for the tests of machines: stories, splits, scripts, pairs and virtual time.

`g3_machine.testing.strategies` holds the hypothesis strategies; it alone needs hypothesis.
"""

from ._clock import Clock, TimedMachine
from ._pair import Pair
from ._script import Script
from ._story import Answer, Story, assert_splits_agree, cut, play

__all__ = [
    "Answer",
    "Clock",
    "Pair",
    "Script",
    "Story",
    "TimedMachine",
    "assert_splits_agree",
    "cut",
    "play",
]
