"""Whether a loss is one of several that a program chooses from: by a flag, a name, a table."""

from __future__ import annotations

import ast
import re

from outlayer_lint import knowledge
from outlayer_lint.interpret.things import Built, Library
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import last
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.signs import Evidence
    from outlayer_lint.resolve.blocks import Block, Place

WRITTEN_OUT = ("square", "log")  # operations that a loss may be written out of


def menu(case: Evidence) -> bool:
    """The loss is one of several that a flag, a name or a table chooses from."""
    names = set()
    for thing, _ in case.question.callee:
        if isinstance(thing, Built) and thing.row.kind == "loss":
            names.add(thing.row.name)
        elif (
            isinstance(thing, Library) and (found := knowledge.find(thing.name)) is not None and found[0].kind == "loss"
        ):
            names.add(found[0].name)
    if len(names) > 1:
        return True
    sites = [(t.site.node, t.site.place) for t, _ in case.question.callee if isinstance(t, Built)]
    return any(
        chosen(case.it, node, place) for node, place in [*sites, (case.question.seed.node, case.question.seed.place)]
    )


def chosen(it: Interpreter, node: ast.AST, place: Place) -> bool:
    """Whether another branch beside this one, or another entry of the same table, has another loss."""
    block: Block | None = place.block
    own = _losses_in(it, [node], place)
    statement = place.block.statements[place.index]
    if any(isinstance(n, (ast.Dict, ast.IfExp)) and len(_losses_in(it, [n], place) | own) > 1 for n in walk(statement)):
        return True
    while block is not None:
        if block.kind in ("then", "else") and isinstance(block.statement, ast.If):
            chain = block.statement
            both = _losses_in(it, [chain], place)
            if any(len(_losses_in(it, [other], place) | own) > 1 for other in _cases_beside(block, chain)):
                return True
            if (
                len(both | own) > 1
                and _constant_test(chain.test)
                and len(_losses_in(it, chain.body, place) ^ _losses_in(it, chain.orelse, place)) > 0
            ):
                return True
        block = block.parent
    return False


def _cases_beside(block: Block, chain: ast.If) -> list[ast.stmt]:
    """The other cases of a choice that is written as one `if` after another: `if kind == "a": return ...`."""
    subject = _compared(chain)
    beside = block.parent.statements if block.parent is not None and subject else ()
    return [other for other in beside if other is not chain and _compared(other) == subject]


def _compared(statement: ast.stmt) -> str:
    """What an `if` compares with a text, when what follows it is left out then; "" for any other statement."""
    test = statement.test if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return) else None
    if not isinstance(test, ast.Compare) or not _constant_test(test):
        return ""
    return ast.dump(test.left)


def _constant_test(test: ast.expr) -> bool:
    """Whether a condition asks for a choice by name: it compares with a text or a flag."""
    return any(isinstance(n, ast.Constant) and isinstance(n.value, (str, bool)) for n in walk(test)) or isinstance(
        test, (ast.Name, ast.Attribute, ast.UnaryOp)
    )


def _losses_in(it: Interpreter, nodes: list[Any], place: Place) -> set[str]:
    """Names of the loss rows that are mentioned in some statements."""
    found: set[str] = set()
    module = it.module_frame(place.block.scope.file)
    if module is None:
        return found
    for top in nodes:
        for node in walk(top):
            if (
                isinstance(node, (ast.Attribute, ast.Name))
                and isinstance(node.ctx, ast.Load)
                and re.search(r"(?i)loss|entropy|mse|bce|l1|^(square|log)$", last(node))
            ):
                for thing, _ in it.ev(node, place, it.root(place.block.scope, it.nowhere)):
                    row = knowledge.find(thing.name) if isinstance(thing, Library) else None
                    if row is not None and (row[0].kind == "loss" or row[0].how in WRITTEN_OUT):
                        found.add(row[0].name)
    return found
