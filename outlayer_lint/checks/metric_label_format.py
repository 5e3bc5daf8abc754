"""Decides rules/metric-label-format.md."""

from collections.abc import Iterator

from outlayer_lint.diagnostic import Finding, Fix
from outlayer_lint.facts import Consumed, places
from outlayer_lint.forms import multihot
from outlayer_lint.lattice import Emission, Value

ROWS = {Emission.ONEHOT, Emission.SIMPLEX}
BINARY, PAIR = "binaryaccuracy", 2
CATEGORICAL = ("categorical", "softmax-cross-entropy")


def check(use: Consumed) -> Iterator[Finding]:
    """A metric reads labels in another form than the loss beside it."""
    consumer, value = use.consumer, use.prediction
    yield from apart(use)
    reads = {*consumer.target}
    if consumer.kind != "metric" or consumer.class_axis is None or not use.trained or not value.known:
        return  # only metrics over classes have two forms
    given = {
        form for call in use.trained for form in forms(call.loss.family, {*call.loss.target}, call.target, value.units)
    }
    sparse, rows = reads == {Emission.INDEX}, bool(reads & ROWS) and Emission.INDEX not in reads
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
    if all(family in CATEGORICAL for family in families):
        fix = Fix("advise", 'use `"accuracy"`, which compares the largest output with the label', "safe")
        yield Finding(
            use.span, "binary", places(use.prediction.ways[0]), fix, {"units": units}, use.prediction.certainty
        )


def forms(family: str, wants: set[Emission], target: Value, units: int | None) -> Iterator[str]:
    """How the labels come, as far as the loss or the labels themselves tell: `rows`, `indices` or neither."""
    if family in CATEGORICAL:
        yield "rows" if wants & ROWS else "indices"
    elif target.every(Emission.ONEHOT, Emission.SIMPLEX) is not None:
        yield "rows"
    elif target.every(Emission.INDEX) is not None:
        drawn = any(multihot(way, units) for way in target.ways)  # zeros and ones in rows
        yield "" if drawn else "indices"
    else:
        yield ""
