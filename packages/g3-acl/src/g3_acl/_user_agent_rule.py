"""Rules about the software of a client: products in User-Agent (RFC 9110 section 10.1.5)."""

import re

from ._action import Action
from ._rule import Rule

# A word up to its first slash, the rest of the word, and what parts it from the next one.
_WORD = re.compile(r"([^ \t;/]*+)(?:/[^ \t;]*+)?[ \t;]*+")
_BEHIND = frozenset([" ", "\t", ";", "/", ""])
_EDGE = r"[!-.0-:<-~]"
_PRODUCT = re.compile(rf"{_EDGE}(?:[ -~]*{_EDGE})?")


class UserAgentRule(Rule[str]):
    """Records are products, in any case: ``curl`` matches every version of curl, ``curl/7.74.0`` that one alone.

    A product matches where it stands at the beginning or behind a space or semicolon, also within comments, and ends
    there, or before a space, a semicolon or the slash of its version. Of several that match, the first one in
    alphabetical order decides.
    """

    __slots__ = ("_products",)

    def __init__(self, missed: Action = Action.PERMIT) -> None:
        super().__init__(missed)
        # By what a value is searched for: the part of a product before the first space, semicolon or slash.
        self._products: dict[str, dict[str, Action]] = {}

    def add(self, product: str, action: Action) -> None:
        """Add a product; raises ValueError unless it is printable ASCII and a product at both ends."""
        self._open()
        if not _PRODUCT.fullmatch(product):
            raise ValueError("a product is printable ASCII without space, semicolon or slash at its ends")
        product = product.lower()
        self._products.setdefault(_WORD.findall(product)[0], {})[product] = action

    def find(self, value: str) -> Action | None:
        """Return the action of the product that decides, or None; ``value`` is the whole field value."""
        value = value.lower()
        if self._products.keys().isdisjoint(_WORD.findall(value)):
            return None
        found = {
            product: action
            for word in _WORD.finditer(value)
            for product, action in self._products.get(word[1], {}).items()
            if value.startswith(product, at := word.start()) and value[at + len(product) :][:1] in _BEHIND
        }
        return found[min(found)] if found else None

    def _build(self) -> object:
        return self._products
