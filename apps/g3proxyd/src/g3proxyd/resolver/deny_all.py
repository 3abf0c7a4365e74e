"""The resolver that knows no name."""

from collections.abc import Callable

from g3_escape import Family

from .base import Answer, Query, Resolver
from .errors import local_error


class DenyAllResolver(Resolver):
    """g3's ``deny_all``."""

    type_name = "deny-all"

    def query(self, domain: str, family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
        """Always an error at once."""
        return Answer((), local_error("NoResolverRunning", "no resolver is running"))

    async def close(self) -> None:
        """There is nothing to release."""
