"""Layers that give the same for every input, wherever they end up: a softmax handed to a single unit."""

from __future__ import annotations

import ast

from outlayer_lint.facts import Decision
from outlayer_lint.interpret.frames import World
from outlayer_lint.interpret.keras import models as keras_models
from outlayer_lint.interpret.questions import applications
from outlayer_lint.interpret.questions.seeds import calls_at
from outlayer_lint.interpret.things import Built
from outlayer_lint.interpret.transfer import as_value
from outlayer_lint.lattice import Emission
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.resolve.sourcefile import SourceFile

FUEL = 100  # a layer is written out in one call


def constant(driver: Driver, file: SourceFile) -> Iterator[Decision]:
    """`Dense(1, activation="softmax")`: whether anything trains it or not, there is nothing to normalise."""
    it = driver.it
    layers = {word.decode(errors="replace") for word in file.tokens if word[:1].isupper()}
    for seed in calls_at(file, file.lines_with("softmax", ("softmax",)), layers):
        if not any(map(_is_softmax, (*seed.node.args, *(k.value for k in seed.node.keywords)))):
            continue
        it.refuel(FUEL)
        for thing, _ in it.ev(seed.node, seed.place, driver.frame(seed, World())):
            if not isinstance(thing, Built) or thing.row.kind != "layer" or not keras_models.is_model(it, thing):
                continue
            value = as_value(keras_models.output(it, thing))
            if value.all(lambda way: way.emission is Emission.SIMPLEX and way.units == 1) is not None:
                shown = applications.text_of(seed.node, seed.place)
                words = applications.words_of(value, operand=shown, kind="layer", constant="")
                yield Decision(it.span(seed.node, seed.place), "layer", value, words=words)


def _is_softmax(node: ast.expr) -> bool:
    """Whether an argument looks like a softmax: what it is shows when the layer is called."""
    if isinstance(node, ast.Constant):
        return node.value == "softmax"
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == "softmax"
