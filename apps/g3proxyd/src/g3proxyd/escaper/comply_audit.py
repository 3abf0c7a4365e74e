"""The escaper that lets everything through to the next one (its auditor comes with the auditors)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import ComplyAuditConfig


class ComplyAuditEscaper(Route):
    """g3's ``comply_audit``."""

    type_name = "ComplyAudit"

    def __init__(self, config: "ComplyAuditConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        self._next = escapers[config.next]
        super().__init__(config.name, (self._next,))

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """There is one."""
        return self._next
