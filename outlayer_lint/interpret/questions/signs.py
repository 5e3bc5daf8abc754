"""Evidence about targets whose values are not known: how they were made, what else is done with the output, names."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import classes, families
from outlayer_lint.interpret.questions import handwritten, tracing
from outlayer_lint.interpret.questions.menus import menu
from outlayer_lint.interpret.questions.standing import within_no_grad
from outlayer_lint.interpret.questions.targets import ancestors, feeds, heads
from outlayer_lint.interpret.things import Answer, Built, Instance, Lazy, Parameter, Unknown
from outlayer_lint.lattice import Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import managers
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.facts import LossCall
    from outlayer_lint.interpret.frames import World
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.questions.targets import Question
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.blocks import Place

MAX_PLACES = 24
DEPTH = 8
FUEL = 600


# -- how it was made --------------------------------------------------------------------------------------------------


class Evidence:
    """Answers by name, each worked out once."""

    __slots__ = ("fact", "found", "question")

    def __init__(self, question: Question, fact: LossCall) -> None:
        """See `LossCall.evidence` for the names."""
        self.question = question
        self.fact = fact
        self.found: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """Whether there is such evidence."""
        if name not in self.found:
            self.question.it.refuel(FUEL)
            self.found[name] = bool(KINDS[name](self))
        return self.found[name]

    @property
    def it(self) -> Interpreter:
        """The interpreter."""
        return self.question.it

    @property
    def sides(self) -> tuple[Entry | None, Entry | None]:
        """The arguments that are the prediction and the target, in their right places."""
        row = self.question.application.row
        pair = self.question.entry(row.prediction), self.question.entry(row.target_parameter)
        return (pair[1], pair[0]) if self.fact.swapped else pair

    @property
    def values(self) -> tuple[Value, Value]:
        """Prediction and target."""
        fact = self.fact
        return (fact.target, fact.prediction) if fact.swapped else (fact.prediction, fact.target)


def target_is_input(case: Evidence) -> bool:
    """The model was called with what is the target."""
    return feeds(case.it, *case.sides, case.values[1])


def same_activation(case: Evidence) -> bool:
    """Both sides went through the same activation."""
    prediction, target = case.values
    names = {way.by for way in prediction.ways}
    return target.known and len(names) == 1 and all(way.by in names and way.source is None for way in target.ways)


def bootstrapped(case: Evidence) -> bool:
    """A network has a part in the target: a teacher, a bootstrapped value, an output that was detached."""
    value = case.values[1]
    if any(way.learned and way.source is None for way in ancestors(value)):
        return True
    target = case.sides[1]
    if not isinstance(target, Lazy):
        return False
    for step in tracing.behind(case.it, target):
        node = step.node
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("detach", "detach_"):
                return True
            callee = case.it.ev(node.func, step.place, step.frame)
            if any(_is_network(case.it, thing) for thing, _ in callee):
                return True
            if within_no_grad(step.place.block) and any(isinstance(t, (Unknown, Parameter)) for t, _ in callee):
                return True
        elif isinstance(node, ast.Name) and re.search(DISCOUNT, node.id):
            return True
    return False


DISCOUNT = r"(?i)^(gamma|discount\w*)$"


def _is_network(it: Interpreter, thing: Any) -> bool:
    if isinstance(thing, Built):
        return thing.row.kind in ("layer", "model", "container", "wrapper")
    return isinstance(thing, Instance) and classes.is_torch_module(it, thing.cls)


def predicted(case: Evidence) -> bool:
    """Whether Keras' `predict` gives the output, outside of any tape: an array that a loss is measured on."""
    question, entry = case.question, case.sides[0]
    if not question.application.row.of_keras or not isinstance(entry, Lazy):
        return False
    around = [question.seed.place, *(call.place for call in question.world.bindings.values() if call is not None)]
    if any("GradientTape" in managers(place.block) for place in around):
        return False
    steps = tracing.behind(case.it, entry)
    return any(isinstance(step.node, ast.Call) and _last(step.node.func) in families.PREDICTING for step in steps)


def gan_label(case: Evidence) -> bool:
    """The target is a tensor filled with one number, or with noise around one."""
    value = case.values[1]
    if value.known:
        return all(any(t.low == t.high or _is_filled(t.source) for t in (way, *way.inner.ways)) for way in value.ways)
    target = case.sides[1]
    steps = tracing.behind(case.it, target) if isinstance(target, Lazy) else iter(())
    return any(isinstance(s.node, ast.Call) and re.search(FILLED, _last(s.node.func)) for s in steps)


FILLED = r"^(new_)?(ones|zeros|full|fill_|zero_)(_like)?$"


def _is_filled(source: object) -> bool:
    while isinstance(source, tuple) and source:
        if source[-1] == "fill":
            return True
        if len(source) > 1 and source[1] == "written":
            return False
        source = source[0]
    return False


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def convolution_last(case: Evidence) -> bool:
    """The last layer is a convolution, and its output keeps its dims."""
    prediction = case.values[0]
    if prediction.rank is not None and prediction.rank <= 2:  # rows
        return False
    return prediction.known and all(_convolved(way) for way in prediction.ways)


def _convolved(way: Tensor) -> bool:
    for _ in range(DEPTH):
        if way.learned and "conv" in way.learned.rpartition(".")[2].lower():
            return True
        normalises = "norm" in way.learned.lower()
        if (way.learned and not normalises) or len(way.inner.ways) != 1:
            return False
        way = way.inner.ways[0]
    return False


# -- what else is done with the output --------------------------------------------------------------------------------

CUT = (
    r"[<>]=?\s*[\w.(]*0?\.[2-8]|[<>]=?\s*[\w.]*thresh|\b(?:round|rint)_?\s*\(|\.g[te]\s*\(|roc_auc|_report|_matrix",
    ("<", ">", "round", "rint", ".gt", ".ge", "roc_auc", "classification_report", "confusion_matrix"),
)
CHOSEN = r"argmax|\bmax\s*\(|topk", ("max", "topk")
MEASURED = (
    r"(?i)(?:acc|correct)\w*\s*(?:\[[^\]]*\]\s*)?[+]?=(?!=)|accuracy\w*\s*\(|\bacc\s*\(|(?:f1|precision|recall)_score",
    ("acc", "Acc", "ACC", "correct", "Correct", "f1_score", "precision_score", "recall_score"),
)


def elsewhere(
    case: Evidence, seen_as: tuple[str, tuple[str, ...]], operands: Callable[[ast.AST], list[ast.expr]]
) -> bool:
    """Whether an expression of this file that looks so is about the same output."""
    own = heads(case.values[0])
    if not own:
        return False
    file = case.question.seed.place.block.scope.file
    seen: set[int] = set()
    places = 0
    for line in file.lines_with(*seen_as):
        place = file.locate(line)
        if place is None:
            continue
        for node in tracing.own_nodes(place):
            for operand in operands(node):
                if id(operand) in seen or places >= MAX_PLACES:
                    continue
                seen.add(id(operand))
                places += 1
                if own & heads_at(case, operand, place) and not _beside(case, operand, place, operands):
                    return True
    return False


def _beside(case: Evidence, operand: ast.expr, place: Place, operands: object) -> bool:
    """Whether an expression takes other columns of the output than the prediction does; a metric may of the whole."""
    entry, it = case.sides[0], case.it
    own = tracing.columns(it, entry) if isinstance(entry, Lazy) else None
    if not own:
        return False
    other = tracing.columns(it, Lazy(operand, place, it.root(place.block.scope, it.nowhere)))
    return not own & other if other else operands is counted


def heads_at(case: Evidence, node: ast.expr, place: Place) -> set[Any]:
    """The heads of what an expression is, in any context."""
    from outlayer_lint.interpret.questions.seeds import Seed  # noqa: PLC0415

    driver = case.question.driver
    seed = Seed(node, place, ())  # type: ignore[arg-type]

    def ask(world: World) -> list[Answer]:
        return [driver.it.ev(node, place, driver.frame(seed, world))]

    found: set[Any] = set()
    for _, answers in driver.worlds(ask, limit=4):
        tensors = [t for t, _ in answers[0] if isinstance(t, Tensor)]
        found |= heads(Value(tensors)) if tensors else set()
    return found


def cut(node: ast.AST) -> list[ast.expr]:
    """The operand of a threshold or a round."""
    if (
        isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE))
    ):
        return [node.left]
    if isinstance(node, ast.Call):
        name = _last(node.func)
        if name.rstrip("_") in ("round", "rint", "gt", "ge"):
            return [*node.args[:1], *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        if name in ("roc_auc_score", "classification_report", "confusion_matrix"):
            return list(node.args[1:2])
    return []


def picked(node: ast.AST) -> list[ast.expr]:
    """The operand of an argmax, also of `max(x, 1)`."""
    if not isinstance(node, ast.Call):
        return []
    name = _last(node.func)
    if (
        name == "argmax"
        or (name == "max" and len(node.args) + len(node.keywords) > (0 if _is_method(node) else 1))
        or name == "topk"
    ):
        return [node.func.value] if _is_method(node) and isinstance(node.func, ast.Attribute) else list(node.args[:1])
    return []


def _is_method(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "np", "numpy", "F", "jnp")
    )


def counted(node: ast.AST) -> list[ast.expr]:
    """What a metric is computed from, or a count of correct answers."""
    if isinstance(node, ast.Call):
        return [n for a in node.args for n in walk(a) if isinstance(n, (ast.Name, ast.Call))]
    if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq) for op in node.ops):
        return [n for n in walk(node) if isinstance(n, (ast.Name, ast.Call))]
    return []


# -- names ------------------------------------------------------------------------------------------------------------

SCORES = frozenset(
    "score scores rating ratings ratio ratios prob probs probability probabilities rank ranks perc percent percentage "
    "fraction fractions share shares iou similarity confidence".split()
)
COUNTS = frozenset(
    "price prices count counts area areas distance distances depth depths age ages sales demand cost costs amount "
    "quantity volume duration income salary revenue rent fare population".split()
)


def named(case: Evidence, words: frozenset[str]) -> bool:
    """Whether a name or column that the target goes by is such a word."""
    target = case.sides[1]
    texts: list[str] = []
    if isinstance(target, Lazy):
        called: set[int] = set()
        for step in tracing.behind(case.it, target, limit=12):
            node = step.node
            if isinstance(node, ast.Call):
                called.add(id(node.func))
            elif isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in called:
                texts.append(_last(node))
            elif isinstance(node, ast.Subscript):
                texts.extend(
                    n.value for n in walk(node.slice) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                )
    for way in case.values[1].ways:
        texts.extend(tracing.words_of(way.source))
    spelled = {word.lower() for text in texts for word in re.findall(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])", text)}
    return bool(spelled & words)


KINDS: dict[str, Callable[[Evidence], bool]] = {
    "target-is-input": target_is_input, "same-activation": same_activation, "bootstrapped": bootstrapped,
    "discounted": lambda case: handwritten.discounts(case.it, case.sides[1], DISCOUNT) and bootstrapped(case),
    "predicted": predicted, "gan-label": gan_label, "menu": menu, "convolution-last": convolution_last,
    "argmax": lambda case: elsewhere(case, CHOSEN, picked), "threshold": lambda case: elsewhere(case, CUT, cut),
    "accuracy": lambda case: elsewhere(case, MEASURED, counted),
    "score-name": lambda case: named(case, SCORES), "count-name": lambda case: named(case, COUNTS),
}  # fmt: skip
