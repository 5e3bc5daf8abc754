"""Activations, logarithms and divisions as `Applied` facts: where they stand, what they apply to, what reads them."""

from __future__ import annotations

import ast

from outlayer_lint import knowledge
from outlayer_lint.facts import Applied
from outlayer_lint.interpret import classes
from outlayer_lint.interpret.choices import compatible
from outlayer_lint.interpret.frames import World
from outlayer_lint.interpret.operators import Divided
from outlayer_lint.interpret.questions import standing
from outlayer_lint.interpret.things import Answer, Library
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.interpret.transfers import arrays
from outlayer_lint.interpret.transfers.coupling import Step
from outlayer_lint.interpret.transfers.mixtures import bare
from outlayer_lint.lattice import Emission, Tensor, Value
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Place
from outlayer_lint.resolve.walking import reads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.interpret.transfer import Application
    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

ACTIVATED = (Emission.SIMPLEX, Emission.LOGP, Emission.UNIT, Emission.LOGUNIT, Emission.SYM1, Emission.NONNEG)
PROBABLE = (Emission.SIMPLEX, Emission.LOGP, Emission.UNIT, Emission.LOGUNIT)
MAX_CHAIN = 6
OUTPUT_FUEL = 150


def text_of(node: ast.AST, place: Place) -> str:
    """Source of an expression, shortened."""
    return place.block.scope.file.document.segment(node)


def words_of(value: Value, **more: Any) -> dict[str, Any]:
    """What messages may quote of a value."""
    first = value.ways[0] if value.ways else None
    return {
        "activation": first.by.rpartition(".")[2] if first else "",
        **more,
    }


def programs(answer: Answer) -> Iterator[Answer]:
    """The answer in each program: where whole models are chosen, those of one choice are judged together."""
    forks = dict.fromkeys(frozenset(choice for choice in own if choice.fork) for _, own in answer)
    for fork in forks:
        if fork or len(forks) == 1:
            yield tuple(
                (t, own) for t, own in answer if compatible(frozenset(c for c in own if c.fork), fork) is not None
            )


# -- on the way to a consumer -----------------------------------------------------------------------------------------


def chain(things: Sequence[Any], shown: str, reaches: str, related: Any) -> Iterator[Applied]:
    """Activations in a row, and divided distributions, on every way to a consumer; each where the later one stands."""
    divided = [thing for thing in things if isinstance(thing, Divided)]
    if divided and len(divided) == len(things):
        yield from _divided(divided[0].operand, divided[0].at, None, reaches, shown, related)
    if not things or not all(isinstance(thing, Tensor) for thing in things):
        return
    seen: set[object] = set()
    for thing in things:
        for way in passed(thing):
            key = (way.origin.applied, way.by)
            if key in seen:
                continue
            seen.add(key)
            operand = way.inner
            if isinstance(way.origin, Step):
                constant = way.origin.detail
                yield from _divided(operand.ways[0], way.origin.at, constant, reaches, shown, related)
                continue
            row = knowledge.find(way.by)
            if row is None or way.origin.applied is None or operand.every(*ACTIVATED) is None:
                continue
            yield Applied(
                way.origin.applied, row[0], operand, axis=way.axis, reaches=frozenset((reaches,)),
                words=words_of(operand, operation=row[0].shown, operand=shown), related=related,
            )  # fmt: skip


def passed(way: Tensor) -> Iterator[Tensor]:
    """The activations and divisions that a value went through since its last layer, the last one first."""
    for _ in range(MAX_CHAIN):
        divides = way.by == "div" and isinstance(way.origin, Step)
        row = None if divides or not way.by else knowledge.find(way.by)
        activates = row is not None and row[0].kind == "activation" and way.emission in (*ACTIVATED, Emission.BND)
        passes = row is not None and row[0].transfer in ("interval", "decides", "reduces")
        if divides or (activates and not _again(way)):
            yield way
        elif not passes and not activates:
            return
        if len(way.inner.ways) != 1:
            return
        way = way.inner.ways[0]


def _again(way: Tensor) -> bool:
    """Whether a value is what an activation gave, with its sign turned: no activation of its own."""
    before = way.inner.ways[0] if len(way.inner.ways) == 1 else None
    return before is not None and before.by == way.by and before.origin.applied == way.origin.applied


def _divided(operand: Tensor, at: Span, constant: Any, reaches: str, shown: str, related: Any) -> Iterator[Applied]:
    row = knowledge.find("torch.div")
    if row is not None:
        value = Value((operand,))
        yield Applied(
            at, row[0], value, constant=constant, parameter=constant is None, reaches=frozenset((reaches,)),
            words=words_of(value, operation="div", operand=shown), related=related,
        )  # fmt: skip


# -- what a model returns ---------------------------------------------------------------------------------------------


def returned(driver: Driver, scope: Scope) -> Iterator[Applied]:
    """Activations in a row in what a model's `forward` returns."""
    for place, node, answer in outputs(driver, scope):
        yield from chain([thing for thing, _ in answer], text_of(node, place), "output", ())


def outputs(driver: Driver, scope: Scope) -> Iterator[tuple[Place, ast.expr, Answer]]:
    """What a model's `forward` returns, seen alone; what is built into another model is no output."""
    it = driver.it
    owner = scope.owner
    if owner is None or not classes.is_torch_module(it, it.class_of(owner, World())) or _inside_another(driver, owner):
        return
    world = World()
    frame = it.root(scope, world)
    for place, node in _returns(scope.block):
        it.refuel(OUTPUT_FUEL)
        yield place, node, it.ev(node, place, frame.inside(place.block))


def _returns(block: Block) -> Iterator[tuple[Place, ast.expr]]:
    for index, node in enumerate(block.statements):
        if isinstance(node, ast.Return) and node.value is not None:
            yield Place(block, index), node.value
        for sub in block.subs.get(index, ()):
            yield from _returns(sub)


def _inside_another(driver: Driver, owner: Scope) -> bool:
    """Whether objects of a class are parts of other objects: built, or named, in a constructor, or derived from."""
    if driver.subclasses(owner):
        return True
    for file in driver.project.importers(owner.file, owner.name):
        for line in file.lines_calling(owner.name):
            place = file.locate(line)
            scope = None if place is None else place.block.scope
            while scope is not None:
                if scope.owner is not None and scope.owner is not owner:
                    return True
                scope = scope.parent
    return False


def activated(driver: Driver, seed: Seed, application: Application, related: Any) -> Iterator[Applied]:
    """A softmax or sigmoid put on what a model returned, where that already went through one."""
    entry, row = application.input_entry(), application.row
    if entry is None or row.emits not in PROBABLE or not standing.outside_models(seed):
        return
    shown = getattr(entry, "node", None)
    span = seed.place.block.scope.file.document.span(seed.node)
    for answer in programs(driver.it.force(entry)):
        value = as_value(answer)
        if value.every(*PROBABLE) is None or not all(way.learned for way in value):
            continue
        words = words_of(value, operation=row.shown, operand=text_of(shown, seed.place) if shown is not None else "")
        yield Applied(
            span,
            row,
            value,
            axis=application.spec(row.axis),
            reaches=frozenset(("output",)),
            words=words,
            related=related,
        )
        return  # said once, however many programs make this mistake


# -- where they stand -------------------------------------------------------------------------------------------------


def logarithm(application: Application, span: Span, shown: str, related: Any) -> Iterator[Applied]:
    """`log(softmax(x))`, `log(1 - sigmoid(x))`, `log(p + eps)`."""
    value = as_value(application.input())
    form, constant = "", None
    if value.all(lambda way: way.by == "one-minus" and way.low == 0):
        form, value = "one-minus", Value(tuple(w for way in value for w in way.inner))
    elif value.all(lambda way: way.by == "epsilon"):
        constant, value = 1e-8, Value(tuple(w for way in value for w in way.inner))
    if value.known:
        if all(_is_fixed(way, bound=bool(related)) for way in value):
            value = value.map(lambda way: way.replace(gradient=False))
        words = words_of(value, operation="log", operand=shown)
        yield Applied(span, application.row, value, constant=constant, form=form, words=words, related=related)


def _is_fixed(way: Tensor, *, bound: bool) -> bool:
    """Whether what was normalised are data alone, or NumPy computed it: nothing is trained through it.

    Where a caller in sight gives the data (`bound`), it may be the trial run of a loss that others train with.
    """
    if way.by.startswith(("numpy.", "scipy.")):
        return True
    return not bound and way.inner.known and all(map(arrays.is_data, way.inner))


def built_without_dim(driver: Driver, seed: Seed) -> Iterator[Applied]:
    """`nn.Softmax()`."""
    driver.it.refuel(400)
    for thing, _ in driver.it.ev(seed.node.func, seed.place, driver.frame(seed, World())):
        found = knowledge.find(thing.name) if isinstance(thing, Library) else None
        if (
            found is not None
            and found[1] == "module"
            and isinstance(found[0].axis, tuple)
            and found[0].axis[2] == "implicit"
            and not _never_read(driver, seed)
        ):
            document = seed.place.block.scope.file.document
            words = {"operation": thing.name.rpartition(".")[2], "operand": "", "activation": ""}
            yield Applied(
                document.span(seed.node), found[0], Value(reason="not called here"), axis="implicit", words=words
            )
        return


def _never_read(driver: Driver, seed: Seed) -> bool:
    """Whether what is built becomes an attribute that no file which names the class ever names again."""
    scope = seed.place.block.scope
    statement = seed.place.block.statements[seed.place.index]
    if scope.owner is None or not isinstance(statement, ast.Assign) or statement.value is not seed.node:
        return False
    names = {target.attr for target in statement.targets if isinstance(target, ast.Attribute)}
    if len(names) < len(statement.targets) or scope.file.scope is None:
        return False
    others = [other for other in driver.project.importers(scope.file, scope.owner.name) if other is not scope.file]
    if any(other.has_word(name) and _is_read(driver, other, name) for other in others for name in names):
        return False
    return all(is_of_a_stranger(driver, node, scope) for node in reads(scope.file.scope.node, names, ast.Attribute))


def _is_read(driver: Driver, file: SourceFile, name: str) -> bool:
    """Whether a file reads an attribute of that name of something else than a library, `torch.softmax`."""
    return not all(_is_library(driver, file, m[1]) for m in file.matches(rf"(\w*)\.{name}\b", name))


def _is_library(driver: Driver, file: SourceFile, name: str) -> bool:
    """Whether a module knows a library, or a part of one, by a name."""
    frame = driver.it.module_frame(file)
    if frame is None or name not in frame.scope.block.names:
        return False
    end = Place(frame.scope.block, len(frame.scope.block.statements))
    return all(isinstance(thing, Library) for thing, _ in driver.it.lookup(name, end, frame))


def is_of_a_stranger(driver: Driver, read: ast.AST, scope: Scope) -> bool:
    """Whether `self.name` stands in a class that has nothing to do with the one whose method `scope` is.

    Or is no attribute of an object at all: `torch.softmax`.
    """
    if not isinstance(read, ast.Attribute) or not isinstance(read.value, ast.Name):
        return False
    if read.value.id != "self":
        return _is_library(driver, scope.file, read.value.id)
    place = scope.file.locate(read.lineno)
    at = None if place is None else place.block.scope.method
    if at is None or at.owner is None or scope.owner is None:
        return False
    return not driver.are_related(at.owner, scope.owner)


def exponent_over_its_sum(seed: Seed, node: ast.BinOp) -> ast.expr | None:
    """The `x` of `exp(x) / exp(x).sum(...)`, also through one name."""
    left = _definition(seed, node.left)
    argument = _argument_of(left, "exp")
    summed = None if argument is None else _argument_of(bare(_definition(seed, node.right)), "sum")
    inner = None if summed is None else _argument_of(_definition(seed, summed), "exp")
    return argument if argument is not None and inner is not None and ast.dump(inner) == ast.dump(argument) else None


def _argument_of(node: ast.expr, name: str) -> ast.expr | None:
    """The tensor of `x.name(...)` or `torch.name(x, ...)`."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr == name:
        if isinstance(function.value, ast.Name) and function.value.id in ("torch", "np", "numpy", "F", "math"):
            return node.args[0] if node.args else None
        return function.value
    if isinstance(function, ast.Name) and function.id == name and node.args:
        return node.args[0]
    return None


def _definition(seed: Seed, node: ast.expr) -> ast.expr:
    """The expression a name was assigned, where there is one in the same block before."""
    if isinstance(node, ast.Name):
        block = seed.place.block
        for index in reversed([i for i in block.names.get(node.id, ()) if i < seed.place.index]):
            for key, definition in block.writes.get(index, ()):
                if (
                    key == node.id
                    and definition.kind == "assign"
                    and definition.value is not None
                    and not definition.path
                ):
                    return definition.value
            break
    return node
