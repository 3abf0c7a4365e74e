"""All mutants of a file, each as the text of the changed file."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .operators import replacements

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One changed file.

    ``function`` is the qualified name of the outermost function around the change and the line of its code object;
    None for module-level code, class bodies and default arguments, which run at import time.
    """

    path: Path
    first: int
    last: int
    before: str
    after: str
    function: tuple[str, int] | None
    text: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.path.name}:{self.first}\n    - {self.before}\n    + {self.after}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of one file, in the file's order."""
    source = path.read_text(encoding="utf-8")
    seen = {source}
    for node, statement, function in _worthwhile(ast.parse(source)):
        for replacement in replacements(node):
            if function is None and isinstance(replacement, ast.Pass):
                continue  # the module would not even load
            text = _replace(source, node, replacement)
            if text in seen or not _compiles(text):
                continue
            seen.add(text)
            before, after = _difference(source, text)
            last = statement.end_lineno if not hasattr(statement, "body") else node.end_lineno
            yield Mutant(path, statement.lineno, last or node.lineno, before, after, function, text)


_Place = tuple[ast.expr | ast.stmt, ast.stmt, tuple[str, int] | None]


def _worthwhile(module: ast.Module) -> Iterator[_Place]:
    """The nodes to change, each with its statement and the outermost function around it."""
    yield from _visit_body(module.body, "", None)


def _visit_body(body: list[ast.stmt], scope: str, function: tuple[str, int] | None) -> Iterator[_Place]:
    for statement in body:
        if not _is_left_alone(statement, function):
            yield from _visit_statement(statement, scope, function)


def _visit_statement(statement: ast.stmt, scope: str, function: tuple[str, int] | None) -> Iterator[_Place]:
    if isinstance(statement, ast.ClassDef):
        yield from _visit_body(statement.body, f"{scope}{statement.name}.", function)
        return
    if isinstance(statement, Function):
        defaults = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
        for default in defaults:
            yield from _visit_expression(default, statement, function)
        line = min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)])
        inside = function or (f"{scope}{statement.name}", line)
        yield from _visit_body(statement.body, f"{scope}{statement.name}.<locals>.", inside)
        return
    yield statement, statement, function
    for name, value in ast.iter_fields(statement):
        if name == "annotation" or (isinstance(statement, ast.Raise) and name == "cause"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.stmt):
                yield from _visit_body([child], scope, function)
            elif isinstance(child, ast.AST):
                yield from _visit_expression(child, statement, function)


def _visit_expression(node: ast.AST, statement: ast.stmt, function: tuple[str, int] | None) -> Iterator[_Place]:
    if isinstance(node, ast.JoinedStr):  # a text for people; and its parts have no true place before Python 3.12
        return
    if isinstance(node, ast.match_case | ast.ExceptHandler):
        parts = [node.guard] if isinstance(node, ast.match_case) else [node.type]
        for part in filter(None, parts):
            yield from _visit_expression(part, statement, function)
        yield from _visit_body(node.body, "", function)
        return
    is_message = isinstance(node, ast.Constant) and isinstance(node.value, str) and isinstance(statement, ast.Raise)
    if isinstance(node, ast.expr) and not is_message:
        yield node, statement, function
    for child in ast.iter_child_nodes(node):
        yield from _visit_expression(child, statement, function)


def _is_left_alone(statement: ast.stmt, function: tuple[str, int] | None) -> bool:
    """Statements that no test can or should tell from their mutants."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True  # a docstring
    text = ast.unparse(statement)
    if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
        return True
    if not hasattr(statement, "body") and "assert_never(" in text:
        return True  # for the type checker: it can't be reached
    if function is None and isinstance(statement, ast.Assign):
        return text.startswith(("__all__", "__slots__", "__match_args__")) or _is_type(statement.value)
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass | ast.Global | ast.Nonlocal)


def _is_type(value: ast.expr) -> bool:
    """Whether this is ``A | B[C]`` or a TypeVar, which are for the type checker too."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return _is_type(value.right)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in ("TypeVar", "ParamSpec", "NewType")
    name = value.value if isinstance(value, ast.Subscript) else value
    return isinstance(name, ast.Name | ast.Attribute) or (isinstance(value, ast.Constant) and value.value is None)


def _replace(source: str, node: ast.expr | ast.stmt, replacement: ast.expr | ast.stmt) -> str:
    """The source with another node in the place of this one."""
    starts = _line_starts(source)
    encoded = source.encode()
    first = starts[node.lineno - 1] + node.col_offset
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    last = starts[node.end_lineno - 1] + node.end_col_offset
    if isinstance(replacement, ast.If | ast.While):  # only the condition, so that the body keeps its lines
        assert isinstance(node, ast.If | ast.While)
        return _replace(source, node.test, replacement.test)
    text = ast.unparse(ast.fix_missing_locations(replacement))
    if not isinstance(replacement, ast.stmt | ast.Constant | ast.Name | ast.Call | ast.Slice):
        text = f"({text})"
    return (encoded[:first] + text.encode() + encoded[last:]).decode()


@functools.lru_cache(maxsize=4)
def _line_starts(source: str) -> list[int]:
    """Where each line begins, in bytes: the unit of the syntax tree's columns."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _difference(source: str, text: str) -> tuple[str, str]:
    """The first lines that differ, without their indentation; a node of several lines may have become one."""
    old, new = source.splitlines(), text.splitlines()
    first = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    tail = next((i for i, (a, b) in enumerate(zip(reversed(old), reversed(new), strict=False)) if a != b), 0)
    before = " ".join(line.strip() for line in old[first : len(old) - tail])
    after = " ".join(line.strip() for line in new[first : len(new) - tail])
    return before, after
