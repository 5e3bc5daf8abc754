"""Decides rules/metric-label-format.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.forms import CLASSES, LABEL_ROWS, labels_as
from outlayer_lint.lattice import Emission

BINARY, PAIR = "binaryaccuracy", 2


def check(use: Consumed) -> Iterator[Finding]:
    """A metric reads labels in another form than the loss beside it."""
    consumer, value = use.consumer, use.prediction
    yield from apart(use)
    reads = {*consumer.target}
    if consumer.kind != "metric" or consumer.class_axis is None or not use.trained or not value.known:
        return  # only metrics over classes have two forms
    given = {labels_as(call.loss, call.target, value.units) for call in use.trained}
    sparse, rows = reads == {Emission.INDEX}, bool(reads & LABEL_ROWS) and Emission.INDEX not in reads
    if sparse and value.units == 1:
        grade, message = "single", "use `BinaryAccuracy`, or one unit for each class"
    elif (sparse and given == {"rows"}) or (rows and given == {"indices"}):
        grade, message = ("sparse", "leave out `Sparse`") if sparse else ("categorical", "use the `Sparse` form")
    else:
        return
    yield Finding(use.span, grade, places(value.ways[0]), Fix("advise", message, "safe"), certainty=value.certainty)


def apart(use: Consumed) -> Iterator[Finding]:
    """A binary accuracy beside a loss over one class of several; over two both come to the same."""
    units, families = use.prediction.units, [call.loss.family for call in use.trained]
    if use.consumer.shown.lower().replace("_", "") != BINARY or not families or (units or 0) <= PAIR:
        return
    if all(family in CLASSES for family in families):
        fix = Fix("advise", 'use `"accuracy"`, which compares the largest output with the label', "safe")
        yield Finding(
            use.span, "binary", places(use.prediction.ways[0]), fix, {"units": units}, use.prediction.certainty
        )
