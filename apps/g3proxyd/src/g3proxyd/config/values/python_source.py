"""Files with Python code."""

from __future__ import annotations

import ast
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from ..files import FileError, read_source
from .mistake import show, wrong
from .value import FileValue

__all__ = ["PythonFile", "PythonSource", "load_python"]

_EXPECTED = "the path of a file with Python code"


@dataclass(frozen=True, slots=True)
class PythonSource:
    """Code as it stood in its file when the configuration was read; nothing of it has been run."""

    path: str
    text: str

    def functions(self) -> frozenset[str]:
        """The names of the functions in the file, those inside others and asynchronous ones left out."""
        return frozenset(node.name for node in ast.parse(self.text).body if isinstance(node, ast.FunctionDef))

    def __str__(self) -> str:
        return self.path


def load_python(data: object, folder: Path) -> PythonSource:
    """Read a file, whose path begins at ``folder``."""
    if not isinstance(data, str) or not data or "\0" in data:
        raise wrong(f"{show(data)} is not a path", expected=_EXPECTED)
    path = folder / data
    try:
        text = read_source(path).text
        mode = path.stat().st_mode
        ast.parse(text)
    except (FileError, OSError) as error:
        raise wrong(f"cannot read {show(str(path))}: {error}", expected=_EXPECTED) from None
    except SyntaxError as error:
        raise wrong(f"{path}:{error.lineno}: {error.msg}", expected=_EXPECTED) from None
    except (ValueError, RecursionError, MemoryError):  # NUL, or deeper than the parser goes
        raise wrong(f"{show(str(path))} is not Python code", expected=_EXPECTED) from None
    if mode & stat.S_IWOTH:  # what anybody writes there would be run
        raise wrong(f"{path}: anybody may write to it", expected="a file that its owner alone may write to")
    return PythonSource(str(path.absolute()), text)


PythonFile: TypeAlias = Annotated[PythonSource, FileValue("path of a Python file", load_python, instance=PythonSource)]
