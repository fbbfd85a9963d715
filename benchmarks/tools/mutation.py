"""Small faults to plant in a module, one at a time: a comparison turned, a number changed, a statement dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
REPLACED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
SWAPPED = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any",
    "argmin": "argmax", "argmax": "argmin",
}  # fmt: skip
WORDS = (ast.JoinedStr,)  # what is said, not what is decided


@dataclass(frozen=True)
class Mutant:
    """One fault: in `node`, `field` (its `at`-th part, where it is a list) becomes `new`."""

    node: Any
    field: str
    at: int | None
    new: Any
    line: int
    said: str

    def plant(self) -> None:
        """Put the fault into the tree that the node belongs to."""
        if self.at is None:
            setattr(self.node, self.field, self.new)
        else:
            getattr(self.node, self.field)[self.at] = self.new


def mutants(tree: ast.Module) -> list[Mutant]:
    """List the faults that can be planted in a module, in the order of its lines. Words, annotations and docstrings stay."""
    return sorted(_below(tree), key=lambda each: each.line)


def _below(node: ast.AST) -> Iterator[Mutant]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list") or (isinstance(node, ast.Raise) and field == "exc"):
            continue
        parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for at, part in parts:
            if isinstance(part, ast.AST) and not isinstance(part, WORDS) and not _docstring(part):
                yield from _instead(node, field, at, part)
                yield from _below(part)


def _instead(node: ast.AST, field: str, at: int | None, part: Any) -> Iterator[Mutant]:
    """List the faults that stand in the place of one part."""
    if not hasattr(part, "lineno") or isinstance(part, ast.Import | ast.ImportFrom):
        return
    before = ast.unparse(part).splitlines()[0]
    for new in _others(part):
        made = ast.fix_missing_locations(ast.copy_location(new, part))
        after = ast.unparse(made).splitlines()[0]
        yield Mutant(node, field, at, made, part.lineno, f"{before}  ->  {after}"[:160])


def _others(part: Any) -> Iterator[ast.AST]:
    """Give what may stand there instead."""
    if isinstance(part, ast.Compare):
        for i, op in enumerate(part.ops):
            for other in COMPARED.get(type(op), ()):
                yield ast.Compare(part.left, [*part.ops[:i], other(), *part.ops[i + 1 :]], part.comparators)
    elif isinstance(part, ast.BinOp) and type(part.op) in REPLACED and not _says(part.left) and not _says(part.right):
        yield ast.BinOp(part.left, REPLACED[type(part.op)](), part.right)
    elif isinstance(part, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(part.op, ast.And) else ast.And(), part.values)
    elif isinstance(part, ast.UnaryOp):
        yield part.operand
    elif isinstance(part, ast.IfExp):
        yield part.body
        yield part.orelse
    elif isinstance(part, ast.Constant):
        yield from _numbers(part.value)
    elif isinstance(part, ast.Call):
        yield from _calls(part)
    else:
        yield from _statements(part)


def _numbers(value: Any) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
        if value != 0:
            yield ast.Constant(value * 2)


def _calls(part: ast.Call) -> Iterator[ast.AST]:
    name = (
        part.func.attr
        if isinstance(part.func, ast.Attribute)
        else part.func.id
        if isinstance(part.func, ast.Name)
        else ""
    )
    if name in SWAPPED:
        other = SWAPPED[name]
        func = (
            ast.Attribute(part.func.value, other, ast.Load())
            if isinstance(part.func, ast.Attribute)
            else ast.Name(other, ast.Load())
        )
        yield ast.Call(func, part.args, part.keywords)


def _statements(part: Any) -> Iterator[ast.AST]:
    if isinstance(part, ast.AugAssign):
        yield ast.Pass()
        if type(part.op) in REPLACED:
            yield ast.AugAssign(part.target, REPLACED[type(part.op)](), part.value)
    elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
        yield ast.Pass()
    elif isinstance(part, ast.If) and ast.unparse(part.test) != "TYPE_CHECKING":
        yield ast.If(ast.Constant(False), part.body, part.orelse)
    elif isinstance(part, ast.Return) and part.value is not None and ast.unparse(part.value) != "None":
        yield ast.Return(ast.Constant(None))


def _docstring(part: ast.AST) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)


def _says(part: ast.AST) -> bool:
    return isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
