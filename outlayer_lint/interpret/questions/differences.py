"""A squared error that is written out: `tf.reduce_mean(tf.square(y - p))`, `K.mean(K.square(p - y), axis=-1)`."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.questions import targets
from outlayer_lint.interpret.things import Const, Lazy, Parameter, Sequence, Subclass, Unknown
from outlayer_lint.interpret.transfer import Application, as_value
from outlayer_lint.lattice import Value
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import last
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.things import Answer, Site
    from outlayer_lint.knowledge import Row

REDUCING = frozenset(("mean", "sum", "reduce_mean", "reduce_sum"))
# NumPy has no gradients: what it squares is measured, or a network written by hand.
LOSSES = {
    "keras": "keras.losses.mean_squared_error", "tensorflow": "keras.losses.mean_squared_error",
    "torch": "torch.nn.functional.mse_loss",
}  # fmt: skip


def squared(it: Interpreter, row: Row, seed: Seed, site: Site) -> Application | None:
    """The squared difference of an output and a target as the loss that it is; `None` for any other square.

    Of two outputs, or of an output and a number, nobody can say which is the target.
    """
    arguments = seed.node.args
    found = knowledge.find(LOSSES.get(row.name.partition(".")[0], ""))
    if found is None or len(arguments) != 1 or seed.node.keywords or not _is_reduced(seed):
        return None
    difference = arguments[0]
    if not isinstance(difference, ast.BinOp) or not isinstance(difference.op, ast.Sub):
        return None
    sides = [Lazy(node, site.place, site.frame) for node in (difference.left, difference.right)]
    answers = [it.force(side) for side in sides]
    if any(isinstance(thing, (Const, Sequence)) for answer in answers for thing, _ in answer):
        return None
    made = [_is_made(answer) for answer in answers]
    if all(made):
        return None
    ahead = made[1] or (not made[0] and _is_open(answers[1]) and not _is_open(answers[0]))
    output, target = reversed(sides) if ahead else sides
    loss = found[0].known_as(row.name)
    return Application(it, loss, "function", Arguments((), {loss.prediction: output, loss.target_parameter: target}),
                       site, None)  # fmt: skip


def _is_made(answer: Answer) -> bool:
    """Whether a network may have made it."""
    value = as_value(answer)
    return value.known and any(targets.from_network(Value((way,))) for way in value.ways)


def _is_open(answer: Answer) -> bool:
    """Whether whoever calls decides what it is."""
    return any(isinstance(thing, (Parameter, Subclass)) for thing, _ in answer) and not any(
        isinstance(thing, Unknown) for thing, _ in answer
    )


def _is_reduced(seed: Seed) -> bool:
    """Whether the statement sums or averages the squares: others are a step of some other formula."""
    statement = seed.place.block.statements[seed.place.index]
    return any(_reduces(node) and any(inner is seed.node for inner in walk(node)) for node in walk(statement))


def _reduces(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last(node.func) in REDUCING
