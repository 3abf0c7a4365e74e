"""Why a request finds no way out."""

from enum import Enum


class RouteFault(Enum):
    """Reasons for logs and metrics: their values never change."""

    INVALID_NUMBER = "invalid path number"
    """A path selection that should be a number is none."""
    INVALID_ID = "invalid path id"
    """A path selection that should be an id is empty, too long or not printable."""
    INVALID_VALUE = "invalid path value"
    """A path selection that should be a JSON object is none, or not one that the escaper understands."""
    INVALID_USER_NAME = "invalid user name"
    """The parameters behind a user name break the rules."""
    UNKNOWN_NODE = "unknown node"
    """A path selection names something that is not there."""
    NO_NODE = "no node"
    """There is nothing to choose from."""


class RouteError(ValueError):
    """A request that cannot be routed; ``fault`` is for programs, the message for people."""

    def __init__(self, fault: RouteFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
