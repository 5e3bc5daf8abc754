"""What a failed run of a script teaches about the data that were made up for it: sizes, columns, folders, options."""

from __future__ import annotations

import linecache
import re
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.search.inputs import Found, search
from outlayer_lint.tracer.child.surroundings.known import ROWS
from outlayer_lint.tracer.child.surroundings.made_up import LABEL
from outlayer_lint.tracer.target import Target

if TYPE_CHECKING:
    from outlayer_lint.tracer.child.losses.guard import Guard
    from outlayer_lint.tracer.child.surroundings.made_up import MadeUp

SEARCH_S, TRIES = 3.0, 30
MOST_CHOICES, MOST_HEADER = 40, 64
SMALL_BATCH = 2
LARGE = re.compile(r"^TooLong|^MemoryError|can't allocate memory")
STEPS, MOST_DIMS = 16, 3
IDEAS = ("exist", "fill", "deep", "deep")  # see `MadeUp`; folders in folders are tried as well
RANK = re.compile(
    r"too many indices|axis \d+ is out of bounds|Dimension out of range|tuple index out of range|axes don't match"
)
COUNT = re.compile(r"of size (\d+)")
SHAPE = re.compile(r"shape '?[\[(]([-\d, ]+)[\])]")
RESHAPED = re.compile(r"cannot reshape array of size (\d+) into shape \(([-\d, ]+)\)")
PUT = re.compile(r"could not broadcast input array from shape .* into shape \(([\d, ]+)\)")
NEGATIVE = re.compile(r"Class values must be|only integer tensors|must be of integer type|expected .*(Long|Int) but")
MISSED = re.compile(r"^KeyError: (.*)|^AttributeError: 'DataFrame' object has no attribute ('\w+')", re.DOTALL)
RANK_OF_PICTURES = 4


def learned(made: MadeUp, guard: Guard, why: str, line: int = 0) -> bool:
    """Whether another run with other ideas may come further than one that failed, in this line, for that reason.

    An idea that makes the script fail earlier than without it is given up.
    """
    if made.idea and line < made.idea[2]:
        setattr(made, *made.idea[:2])
    made.idea = ()
    if LARGE.search(why) and not made.batch:
        made.batch = SMALL_BATCH
        return True
    if _other_option(made, guard.error):
        return True
    return bool(made.names and _sizes(made, guard, why, linecache.getline(made.path, line))) or _otherwise(made, line)


def _other_option(made: MadeUp, error: BaseException | None) -> bool:
    """Whether a guessed option was looked up in vain in a table, whose first key is chosen then."""
    key = error.args[0] if isinstance(error, KeyError) and error.args else None
    name = next((name for name, value in made.guessed.items() if value == key and isinstance(key, str)), None)
    step = error.__traceback__ if error is not None else None
    while name is not None and step is not None:
        frame, step = step.tb_frame, step.tb_next
        for table in (*frame.f_locals.values(), *frame.f_globals.values()) if step is None else ():
            keys = list(table) if isinstance(table, dict) else []
            if 1 < len(keys) <= MOST_CHOICES and all(isinstance(each, str) and each.isidentifier() for each in keys):
                made.chosen[name] = keys[0]
                return True
    return False


def _sizes(made: MadeUp, guard: Guard, why: str, line: str) -> bool:
    failed = guard.calls[-1] if guard.calls and guard.calls[-1].failure else None
    if failed is not None and failed.input is not None:
        return _other_labels(made, failed.input.shape)
    if (missed := MISSED.search(why)) is not None and _more_columns(made, missed[1] or missed[2]):
        return True
    if NEGATIVE.search(why) and not made.high:
        made.high = 2
        return True
    if RANK.search(why):
        return _more_dims(made, labels=LABEL.search(line) is not None)
    if (put := PUT.search(why)) is not None:
        was, made.shape = made.shape, tuple(int(each) for each in re.findall(r"\d+", put[1]))
        return was != made.shape and bool(made.shape)
    if (fit := RESHAPED.search(why)) is not None:
        wanted = [int(each) for each in re.findall(r"-?\d+", fit[2])]
        path, size = made.read
        if path and 0 <= (header := size - int(fit[1])) <= MOST_HEADER and min(wanted) > 0:
            made.sizes[path] = header + prod(wanted)
            return True
        sample = prod(abs(each) for each in (wanted if int(fit[1]) == prod(made.shape) else wanted[1:]))
        was, made.shape = made.shape, (sample,)
        return was != made.shape
    if (shape := SHAPE.search(why)) and (count := COUNT.search(why)):
        wanted = [int(each) for each in re.findall(r"-?\d+", shape[1])]
        if _by_reshape(made, wanted, int(count[1])):
            return True
    return guard.recorder.outermost is not None and _by_model(made, *guard.recorder.outermost)


def _more_columns(made: MadeUp, text: str) -> bool:
    """Columns that a table turned out to lack."""
    names = [name for name in re.findall(r"'([^']+)'", text) if name not in made.columns]
    names = [name for name in names if name not in ("str", "object")]
    made.columns += names
    return bool(names) and made.tables > 0


def _more_dims(made: MadeUp, *, labels: bool) -> bool:
    """One more dim of what has too few."""
    if labels:
        was, made.labels = made.labels, ((1,), made.labels[1])
        return was != made.labels
    if len(made.shape) < MOST_DIMS:
        made.shape = (STEPS, *made.shape)
        return True
    return False


def _otherwise(made: MadeUp, line: int) -> bool:
    """Another idea of what there is: what was asked for exists, options have values, files lie in folders."""
    possible = {"exist": made.asked, "fill": made.unset, "deep": made.listed}
    name = next((name for name in IDEAS if possible[name] and made.had.count(name) < IDEAS.count(name)), "")
    if name:
        made.idea = (name, getattr(made, name), line)
        made.had.append(name)
        setattr(made, name, made.had.count(name))
    return bool(name)


def _other_labels(made: MadeUp, out: tuple[int, ...]) -> bool:
    """Labels as a loss may want them that is given such an output."""
    units = out[1] if len(out) > 1 else 1
    kinds: list[tuple[tuple[int, ...], int]] = [(out[2:], units)] if units > 1 else []
    kinds += [(out[1:], 0), (out[1:-1], 0), (out[1:], max(units, 2))]
    made.tried += 1
    if made.tried > len(kinds):
        return False
    made.labels = kinds[made.tried - 1]
    return True


def _by_reshape(made: MadeUp, wanted: list[int], size: int) -> bool:
    before = prod(wanted[:-1])
    if len(made.shape) > 1 and before > 0 and wanted[-1] > 0 and size == before * made.shape[-1]:
        made.shape = (*made.shape[:-1], wanted[-1])
        return True
    sample = 1
    for each in wanted[1:] if len(wanted) > 2 else wanted:
        sample *= max(each, 1)
    return _wider(made, sample - size // ROWS) if size % ROWS == 0 else False


def _wider(made: MadeUp, by: int) -> bool:
    if not by or made.more + by < 0:
        return False
    made.more += by
    if len(made.shape) == 1:
        made.shape = (max(made.shape[0] + by, 1),)
    return True


def _by_model(made: MadeUp, model: Any, given: Any) -> bool:
    """The sizes that the model accepts that the script called last."""
    found = search(model, Target(made.path), budget_s=SEARCH_S, max_tries=TRIES, log=lambda _: None)
    if not isinstance(found, Found) or not found.hypotheses[0].specs:
        return False
    spec = found.hypotheses[0].specs[0]
    shape = tuple(getattr(given, "shape", ()))
    if made.drawn and len(shape) == RANK_OF_PICTURES:
        flat = len(spec.shape) == len(("samples", "features"))
        side = isqrt(spec.shape[1] // max(shape[1], 1)) if flat else spec.shape[-1]
        was_side, made.side = made.side, side
        return was_side != side
    wanted, was = tuple(spec.shape[1:]), tuple(getattr(given, "shape", ()))[1:]
    if len(wanted) == 1 == len(was):
        return _wider(made, wanted[0] - was[0])
    if (wanted, spec.high or 0) == (made.shape, made.high) or not wanted:
        return False
    made.shape, made.high = wanted, spec.high or 0
    return True
