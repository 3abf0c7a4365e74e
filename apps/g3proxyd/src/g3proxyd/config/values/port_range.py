"""A range of ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ..keys import Aliases
from ..section import Section
from .mistake import Mistake, show, wrong
from .numbers import U16

__all__ = ["PortRange"]

_SHORT = re.compile(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*", re.ASCII)


class PortRange(Section):
    """All ports from the first to the last."""

    short_schema: ClassVar[Mapping[str, object] | None] = {
        "type": "string",
        "pattern": r"^\s*[0-9]{1,5}\s*-\s*[0-9]{1,5}\s*$",
    }
    short_forms: ClassVar[str] = "the first and the last port such as 30000-40000"

    start: Annotated[U16, Aliases("from")]
    """The first port, above 0."""
    end: Annotated[U16, Aliases("to")]
    """The last port, above the first one."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        found = _SHORT.fullmatch(data) if isinstance(data, str) else None
        if found is None:
            raise wrong(f"{show(data)} is not a range of ports", expected=cls.short_forms)
        return {"start": found[1], "end": found[2]}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.start == 0:
            conflicts.append(Mistake("0 is no port to listen on", expected="1 to 65534", path=("start",)))
        if self.end <= self.start:
            message = f"{self.end} is not above the first port, {self.start}"
            conflicts.append(Mistake(message, expected="the last port of the range", path=("end",)))
        return {}

    def ports(self) -> range:
        """All of them."""
        return range(self.start, self.end + 1)
