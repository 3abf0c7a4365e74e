"""One process at work: an event loop with its servers, escapers and resolvers."""

from .process import run

__all__ = ["run"]
