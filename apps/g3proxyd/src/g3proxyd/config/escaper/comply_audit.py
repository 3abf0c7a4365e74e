"""The escaper that has another auditor look at what it lets through."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import NotYet
from ..later import AUDIT
from ..module import NameOf, TypeName
from ..values.text import NodeName
from .common import EscaperConfig

__all__ = ["ComplyAuditConfig"]


class ComplyAuditConfig(EscaperConfig):
    """Lets everything through to the next escaper; an auditor in place of the server's is still to come."""

    type: Annotated[Literal["comply_audit"], TypeName("comply_audit")] = "comply_audit"
    """What the object is."""
    next: Annotated[str, NameOf("escaper")]
    """The next escaper."""
    auditor: Annotated[NodeName | None, NotYet(AUDIT)] = None
    """The auditor that takes the place of the server's."""
