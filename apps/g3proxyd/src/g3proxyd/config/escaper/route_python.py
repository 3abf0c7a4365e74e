"""The escaper that asks a function of the operator's."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import NameOf, NamesOf, TypeName
from ..values.mistake import Mistake, nearest
from ..values.python_source import PythonFile
from ..values.text import Text
from .common import EscaperConfig

__all__ = ["RoutePythonConfig"]


class RoutePythonConfig(EscaperConfig):
    """Chooses the next escaper by a Python function, which every worker runs; g3proxy has no such thing."""

    type: Annotated[Literal["route_python"], TypeName("route_python")] = "route_python"
    """What the object is."""
    file: PythonFile
    """The file with the function."""
    function: Text = "choose"
    """The name of the function."""
    default_next: Annotated[str, NameOf("escaper")]
    """The escaper for requests for which the function returns None."""
    allowed_next: Annotated[tuple[str, ...], NamesOf("escaper")] = ()
    """The escapers that the function may name, beside the default one."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        functions = self.file.functions()
        if self.function not in functions:
            expected = f"one of {', '.join(sorted(functions))}" if functions else "a function"
            message = f"there is no function {self.function!r} in {self.file}"
            conflicts.append(Mistake(message, expected, nearest(self.function, functions), path=("file",)))
        return {}
