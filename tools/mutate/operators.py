"""The small changes: for a node of the syntax tree, what could stand in its place."""

import ast
from collections.abc import Callable, Iterator

COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
# Functions and methods whose opposite is as plausible.
OPPOSITES = {
    "all": "any",
    "any": "all",
    "endswith": "startswith",
    "find": "rfind",
    "lower": "upper",
    "lstrip": "rstrip",
    "max": "min",
    "min": "max",
    "partition": "rpartition",
    "rfind": "find",
    "rpartition": "partition",
    "rstrip": "lstrip",
    "startswith": "endswith",
    "upper": "lower",
}
# Statements of which nothing remains when they are removed.
REMOVABLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise)

Replacements = Iterator[ast.expr | ast.stmt]


def replacements(node: ast.AST) -> Replacements:
    """Every node that may stand in the place of this one, each a mutant of its own."""
    for kind, operator in OPERATORS.items():
        if isinstance(node, kind):
            yield from operator(node)


def swap_comparison(node: ast.Compare) -> Replacements:
    """A boundary moves by one, or a comparison is turned round."""
    for index, found in enumerate(node.ops):
        for other in COMPARISONS[type(found)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def swap_arithmetic(node: ast.BinOp) -> Replacements:
    """Plus becomes minus, a shift goes the other way ..."""
    if type(node.op) in ARITHMETIC:
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)


def swap_assignment(node: ast.AugAssign) -> Replacements:
    """The same for ``+=``; and an assignment that forgets the old value."""
    if type(node.op) in ARITHMETIC:
        yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)
    yield ast.Assign([node.target], node.value)


def swap_boolean(node: ast.BoolOp) -> Replacements:
    """``and`` becomes ``or``."""
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def drop_unary(node: ast.UnaryOp) -> Replacements:
    """``not x`` becomes ``x``, ``-x`` becomes ``x``."""
    yield node.operand


def negate_condition(node: ast.If | ast.While | ast.IfExp) -> Replacements:
    """A condition is turned round; comparisons and ``not`` are turned round by their own operators."""
    if isinstance(node.test, ast.Compare | ast.UnaryOp | ast.Constant):
        return
    test = ast.UnaryOp(ast.Not(), node.test)
    if isinstance(node, ast.IfExp):
        yield ast.IfExp(test, node.body, node.orelse)
    else:
        yield type(node)(test, node.body, node.orelse)


def change_constant(node: ast.Constant) -> Replacements:
    """A number moves by one, a truth is turned round, a text is emptied or no longer empty."""
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)
    elif isinstance(value, bytes):
        yield ast.Constant(b"" if value else b"\x00")
    elif isinstance(value, str):
        yield ast.Constant("" if value else "mutant")


def drop_bound(node: ast.Slice) -> Replacements:
    """A slice loses one of its ends."""
    if node.lower is not None:
        yield ast.Slice(None, node.upper, node.step)
    if node.upper is not None:
        yield ast.Slice(node.lower, None, node.step)


def use_opposite(node: ast.Call) -> Replacements:
    """``min`` becomes ``max``, ``find`` becomes ``rfind`` ..."""
    function = node.func
    if isinstance(function, ast.Name) and function.id in OPPOSITES:
        yield ast.Call(ast.Name(OPPOSITES[function.id], ast.Load()), node.args, node.keywords)
    elif isinstance(function, ast.Attribute) and function.attr in OPPOSITES:
        opposite = ast.Attribute(function.value, OPPOSITES[function.attr], ast.Load())
        yield ast.Call(opposite, node.args, node.keywords)


def return_none(node: ast.Return) -> Replacements:
    """The value is lost."""
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(ast.Constant(None))


def remove(node: ast.stmt) -> Replacements:
    """A statement is forgotten."""
    yield ast.Pass()


def leave_differently(node: ast.stmt) -> Replacements:
    """``break`` becomes ``continue`` and the other way round."""
    yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


OPERATORS: dict[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Replacements]] = {
    ast.Compare: swap_comparison,
    ast.BinOp: swap_arithmetic,
    ast.AugAssign: swap_assignment,
    ast.BoolOp: swap_boolean,
    ast.UnaryOp: drop_unary,
    (ast.If, ast.While, ast.IfExp): negate_condition,
    ast.Constant: change_constant,
    ast.Slice: drop_bound,
    ast.Call: use_opposite,
    ast.Return: return_none,
    REMOVABLE: remove,
    (ast.Break, ast.Continue): leave_differently,
}
