"""Names to addresses: one file per type of resolver."""

from .base import Answer, Query, Resolver, Source
from .errors import ErrorType, ResolveError

__all__ = ["Answer", "ErrorType", "Query", "ResolveError", "Resolver", "Source"]
