"""What workers import, imported before they are forked: so it is shared and at hand."""

from ..config import Config
from ..escaper.make import preload as preload_escaper
from ..resolver import preload as preload_resolver


def preload(config: Config) -> None:
    """Import what the objects of a configuration are made of, where that is much and not everybody's."""
    for resolver in config.resolvers.values():
        preload_resolver(resolver)
    for escaper in config.escapers.values():
        preload_escaper(escaper)
