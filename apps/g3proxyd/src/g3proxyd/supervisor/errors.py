"""What may keep the supervisor from serving."""

__all__ = ["ApplyError", "StartError"]


class StartError(Exception):
    """It cannot serve; the text says why."""


class ApplyError(Exception):
    """A configuration could not be applied, and nothing has changed; the text says why."""
