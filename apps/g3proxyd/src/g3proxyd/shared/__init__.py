"""What the worker processes share: counters that the supervisor sums up, and limits that hold over all of them."""

from .limit import Limits, RateLease, SharedLimit, SharedRate
from .memory import Counter, CounterGroup, Counters, Gauge, Layout, Row
from .mutex import Mutex

__all__ = [
    "Counter",
    "CounterGroup",
    "Counters",
    "Gauge",
    "Layout",
    "Limits",
    "Mutex",
    "RateLease",
    "Row",
    "SharedLimit",
    "SharedRate",
]
