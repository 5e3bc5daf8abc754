"""Where an expression stands, as far as its form shows: on an output or inside a model, where gradients flow or not."""

from __future__ import annotations

import ast

from outlayer_lint.interpret import conditions
from outlayer_lint.lattice import Emission, Tensor
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import Place, last, managers
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.transfer import Application
    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.scopes import Scope

PRODUCTS = frozenset(("matmul", "bmm", "baddbmm", "einsum"))
MAX_SPINE = 6
NO_GRADIENT = frozenset(("no_grad", "inference_mode"))


def on_an_output(node: ast.Call) -> bool:
    """Whether a function or a method is applied: an activation that a model holds is a part of it."""
    at: ast.expr = node.func
    while isinstance(at, ast.Attribute):
        at = at.value
    return not (isinstance(at, ast.Name) and at.id in ("self", "cls"))


def on_products(seed: Seed, node: ast.Call) -> bool:
    """Whether an activation is put on products of two tensors, as far as its block shows: on attention, no output."""
    block, before = seed.place.block, seed.place.index
    at: ast.expr | None = node.args[0] if node.args else getattr(node.func, "value", None)
    for _ in range(MAX_SPINE):
        if isinstance(at, ast.Name):
            before, at = _assigned(block, at.id, before)
        elif isinstance(at, ast.BinOp):
            if isinstance(at.op, ast.MatMult):
                return True
            at = at.right if isinstance(at.left, ast.Constant) else at.left
        elif isinstance(at, ast.Call):
            if last(at.func) in PRODUCTS:
                return True
            at = at.func.value if isinstance(at.func, ast.Attribute) else None
        else:
            return False
    return False


def _assigned(block: Block, name: str, before: int) -> tuple[int, ast.expr | None]:
    """The last assignment of a name in a block before a statement; what branches in between add to it is passed by."""
    for index in reversed(block.names.get(name, ())):
        for key, definition in block.writes.get(index, ()) if index < before else ():
            if key == name and definition.kind == "assign" and not definition.path:
                return index, definition.value
    return before, None


def outside_models(seed: Seed) -> bool:
    """Whether a call stands in no method of a class with a `forward`, unless it is put on the model's own output."""
    scope: Scope | None = seed.place.block.scope
    while scope is not None:
        if scope.owner is not None and "forward" in scope.owner.block.names:
            inner = seed.node.args[0] if seed.node.args else getattr(seed.node.func, "value", None)
            return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "self"
        scope = scope.parent
    return True


def told_apart(application: Application) -> bool:
    """Whether an open test tells one unit from several: the other branch takes the sigmoid of what is decided here.

    What runs here then is not what has one unit, whichever values the test is about.
    """
    it, (node, place, frame) = application.it, application.site
    known: object = place  # what was seen as it ran stands in no block, and has no other branch
    if not isinstance(known, Place):
        return False
    block = place.block
    if block.parent is None or block.condition is None or block.kind not in ("then", "else"):
        return False
    at = Place(block.parent, block.index)
    if not conditions.decide(it, *block.condition, at, frame.inside(block.parent)):
        return False
    names = {part.id for part in walk(node) if isinstance(part, ast.Name)}
    return any(
        isinstance(thing, Tensor) and thing.emission is Emission.UNIT
        for other in block.parent.subs.get(block.index, ())
        if other is not block
        for index, statement in enumerate(other.statements)
        for call in walk(statement)
        if isinstance(call, ast.Call) and any(isinstance(a, ast.Name) and a.id in names for a in call.args)
        for thing, _ in it.ev(call, Place(other, index), frame)
    )


def names_dim(node: ast.Call) -> bool:
    """Whether a softmax is certain to be told its dim, called as a function or as a method; a sigmoid needs none."""
    if "softm" not in last(node.func).lower():
        return True
    return len(node.args) > 1 or any(k.arg in ("dim", "axis") for k in node.keywords)


def gives_dim(node: ast.Call) -> bool:
    """Whether a softmax says over which dim, as far as its form shows; a sigmoid has none to give."""
    if not last(node.func).lower().startswith("softm") and "softmax" not in last(node.func).lower():
        return True
    return bool(node.args or node.keywords)


def within_no_grad(block: Block) -> bool:
    """Whether a block lies in a `with torch.no_grad()` or a function so decorated."""
    return not NO_GRADIENT.isdisjoint(managers(block)) or block.scope.has_decorator(*NO_GRADIENT)
