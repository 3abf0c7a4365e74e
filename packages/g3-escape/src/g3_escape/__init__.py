"""Choosing the way out, without I/O: which address to try when, as machines with explicit time."""

from ._family import Family

__all__ = ["Family"]
