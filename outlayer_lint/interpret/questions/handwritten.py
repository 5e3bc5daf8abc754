"""Formulas that are written out: `y * log(p) + (1 - y) * log(1 - p)`, `(y * log(p)).sum()`, `r + gamma * v`."""

from __future__ import annotations

import ast
import re

from outlayer_lint.facts import Applied
from outlayer_lint.interpret.questions import tracing
from outlayer_lint.interpret.questions.applications import text_of, words_of
from outlayer_lint.interpret.things import Lazy
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.interpret.transfers.mixtures import is_rest
from outlayer_lint.lattice import Emission, Value
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.walking import children, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.interpret.transfer import Application

ROWS = (Emission.ONEHOT, Emission.SIMPLEX)
LOWEST_DISCOUNT = 0.8
LOG, SUM = "log", ("sum", "mean", "reduce_sum", "reduce_mean")


def cross_entropy(driver: Driver, seed: Seed, application: Application, related: Any) -> Iterator[Applied]:
    """One fact for the whole expression that a logarithm stands in; further terms or weights make it a loss of its own.

    The labels are recognised by their complement in the binary form, by their values in the other.
    """
    parents = _parents(seed)
    product = parents.get(seed.node)
    if not isinstance(product, ast.BinOp) or not isinstance(product.op, ast.Mult):
        return
    labels = _other(product, seed.node)
    whole = parents.get(product)
    inner = _argument(seed.node)
    if inner is None or labels is None:
        return
    probability = _without_epsilon(inner)
    if ast.dump(labels) == ast.dump(probability):
        return  # an entropy
    form = ""
    if isinstance(whole, ast.BinOp) and isinstance(whole.op, (ast.Add, ast.Sub)):
        form = "hand-binary" if _complements(_other(whole, product), labels, probability) else ""
        node: ast.AST = whole
    elif _sums(whole, product, parents) and _is_rows(driver, seed, labels):
        form, node = "hand-categorical", product
    if not form:
        return
    value = as_value(application.input())
    if value.all(lambda way: way.by == "epsilon") is not None:
        value = Value(tuple(w for way in value for w in way.inner))
    if value.known:
        words = words_of(value, operation="log", operand=text_of(probability, seed.place))
        span = seed.place.block.scope.file.document.span(node)
        yield Applied(span, application.row, value, form=form, words=words, related=related)


def _parents(seed: Seed) -> dict[ast.AST, ast.AST]:
    """What each expression of the statement stands in; a minus sign stands in for what it negates."""
    found: dict[ast.AST, ast.AST] = {}
    for parent in walk(seed.place.block.statements[seed.place.index]):
        for child in children(parent):
            found[child] = parent
    return found


def _other(node: ast.BinOp, one: ast.AST) -> ast.expr | None:
    """The other operand, without its sign."""
    if one not in (node.left, node.right):
        return None
    other = node.right if one is node.left else node.left
    return _plain(other)


def _plain(node: ast.expr) -> ast.expr:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node


def _argument(node: ast.expr) -> ast.expr | None:
    """The `x` of `torch.log(x)`, `log(x)` and `x.log()`."""
    if not isinstance(node, ast.Call) or node.keywords:
        return None
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != LOG:
        return None
    if node.args:
        return node.args[0] if len(node.args) == 1 else None
    return function.value if isinstance(function, ast.Attribute) else None


def _without_epsilon(node: ast.expr) -> ast.expr:
    """`p` of `p + eps`, whichever the small number is called."""
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add)
        and isinstance(node.right, (ast.Constant, ast.Name))
    ):
        return node.left
    return node


def _complements(node: ast.expr | None, labels: ast.expr, probability: ast.expr) -> bool:
    """Whether a term is `(1 - y) * log(1 - p)`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    for factor, other in ((node.left, node.right), (node.right, node.left)):
        inner = _argument(_plain(other))
        if inner is not None:
            return _is_rest(_plain(factor), labels) and _is_rest(_without_epsilon(inner), probability)
    return False


def _is_rest(node: ast.expr, of: ast.expr) -> bool:
    """Whether it is `1 - x`."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Constant)
        and node.left.value == 1
        and ast.dump(node.right) == ast.dump(of)
    )


def _sums(whole: ast.AST | None, product: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the product is summed as it is: `(y * log(p)).sum(1)`, `torch.sum(y * log(p))`, negated or not."""
    if isinstance(whole, ast.UnaryOp) and isinstance(whole.op, ast.USub):
        return _sums(parents.get(whole), whole, parents)
    if isinstance(whole, ast.Attribute):
        return whole.attr in SUM and isinstance(parents.get(whole), ast.Call)
    if isinstance(whole, ast.Call) and product in whole.args[:1]:
        function = whole.func
        return (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) in SUM
    return False


def _is_rows(driver: Driver, seed: Seed, labels: ast.expr) -> bool:
    """Whether an expression holds rows of labels that no network made."""
    for _, answers in driver.worlds(
        lambda world: [driver.it.ev(labels, seed.place, driver.frame(seed, world))], limit=1, fuel=400
    ):
        value = as_value(answers[0])
        return value.all(lambda way: way.emission in ROWS and not way.learned) is not None
    return False


def discounts(it: Interpreter, target: Entry | None, named: str) -> bool:
    """Whether a target is a sum with something that is multiplied by a discount, by name or a number below one."""
    if not isinstance(target, Lazy):
        return False
    steps = [step.node for step in tracing.behind(it, target)]
    factors = [
        factor
        for node in steps
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
        for factor in (node.left, node.right)
    ]
    added = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and not _averages(node) for node in steps)
    return added and any(_is_discount(factor, named) for factor in factors)


def _averages(node: ast.BinOp) -> bool:
    """Whether both summands are weighed with numbers, `0.9 * a + 0.1 * b`, or with two parts of a whole."""
    products = [side for side in (node.left, node.right) if isinstance(side, ast.BinOp)]
    weights = [(side.left, side.right) for side in products if isinstance(side.op, ast.Mult)]
    if len(weights) > 1 and any(
        is_rest(one, other) or is_rest(other, one) for one in weights[0] for other in weights[1]
    ):
        return True
    return all(
        isinstance(side, ast.BinOp)
        and isinstance(side.op, ast.Mult)
        and (isinstance(side.left, ast.Constant) or isinstance(side.right, ast.Constant))
        for side in (node.left, node.right)
    )


def _is_discount(node: ast.expr, named: str) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float) and LOWEST_DISCOUNT <= node.value < 1
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return re.search(named, name) is not None
