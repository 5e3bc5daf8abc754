"""The first guess of an input: the layer that each argument of `forward` meets first, its name, its annotation."""

from __future__ import annotations

import ast
import inspect
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from outlayer_lint.tracer.child.search import lengths
from outlayer_lint.tracer.child.search.columns import with_columns
from outlayer_lint.tracer.child.search.entries import (
    counts_steps,
    entry,
    is_state,
    parameters_of,
    read,
    reshaped,
    rows,
    source,
    whole,
)
from outlayer_lint.tracer.child.search.layers import first_of, hidden, image, of_layer
from outlayer_lint.tracer.child.search.parts import in_parts
from outlayer_lint.tracer.child.search.shaped import as_noted
from outlayer_lint.tracer.child.search.slots import BATCH, SIDE, TIME, Slot, State, replaced, samples, tensor, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.tracer.child.search.noted import Note

TOKENS = re.compile(
    r"(^|_)(ids?|tokens?|src|trg|tgt|text|words?|sentences?|sent|seqs?|captions?|question|query_ids)(_|$)|_(inputs|ids)$"
)
FLAG = re.compile(
    r"^(return|output|use|is|with|do|need|only|keep|apply|training|train|verbose|debug|inference|test|predict|mask_flag|deterministic|pre_logits|augment|profile|visualize)(_|$)|_only$|^(training|causal)$"
)
NUMBER = re.compile(r"ratio|alpha|lambda|lamb|temperature|^temp$|^p$|prob$|scale|eps|gamma|tau|rate|threshold|weight$")
INTEGER = re.compile(
    r"^(k|n|step|epoch|level|index|idx|layer|num_\w+|n_\w+|batch_size|bs|max_len\w*|length_max|stage|i)$|_step$|size$"
)
LENGTHS = re.compile(r"len(s|gths?)?_?\d*$")
MASK = re.compile(r"mask")
TENSOR_MASK = re.compile(r"^(input|output|train|test|predict|keep)_masks?$")  # no flags, though they begin like some
BATCH_SIZE = re.compile(r"^(batch_?size|bs|bsz|n_?batch|batch_?len|curr?_?batch(_size)?)$")
HIDDEN = re.compile(
    r"^(h|c|hx|cx|h0|c0|h_0|hc|hidden\w*|states?|prev_\w+|memory_state|init_\w*|h_prev|last_\w+|\w*_hidden|rnn_\w*|cell\w*)$"
)
STEP = re.compile(r"^(t|ts|time|times|timesteps?|time_?steps?|step|steps|noise_level|sigmas?)$")
LABEL = re.compile(r"^(y|c|labels?|classes|class_\w+|target\w*|cond\w*|cls|category)$")
CLASS = re.compile(r"^(labels?|targets?|class(es)?|cls|category)$")  # a number where no layer says otherwise
NOISE = re.compile(r"^(z|noise|latent\w*|code)$")
EDGES = frozenset({"edge_index", "edges"})
NEIGHBOURS = 6  # edges of a graph
MAKES_NUMBER = {"float": 0.5, "int": 1, "bool": False, "str": ""}


class First(NamedTuple):
    """States to begin with, the likeliest first; `others` are worth a try before nothing is left.

    `positional` are the parameters that can only be given by position.
    """

    states: list[State]
    others: list[State]
    positional: frozenset[str]


def first_states(model: nn.Module, *, classes: int | None = None, known: dict[str, Note] | None = None) -> First:
    """What `forward` is likely to take; `known` is what is written of its arguments."""
    parameters = parameters_of(model)
    required = [p for p in parameters if p.default is p.empty and p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    positional = frozenset(p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.VAR_POSITIONAL})
    if not required:
        required = _primary(model, parameters)
    state: State = ()
    for number, parameter in enumerate(required):
        slot = with_columns(model, parameter.name, slot_for(model, parameter, number, state, classes))
        state = (*state, (parameter.name, slot))
    states = [state]
    if _is_looked_up(model, [name for name, _ in state]):
        states.insert(0, tuple((name, slot._replace(shape=slot.shape[:1], free=())) for name, slot in state))
    if (nodes := of_graph(state)) != state:
        states.insert(0, nodes)
    if (
        len(state) == 2 and state[1][0] == "offsets" and first_of(model, nn.EmbeddingBag)
    ):  # samples one behind the other
        ids = state[0][1]._replace(shape=(TIME,), batch=None, free=())
        offsets = tensor(BATCH, dtype="i64", high=TIME, fill="range")
        states.insert(0, ((state[0][0], ids), ("offsets", offsets)))
    steps = next((slot.shape[1] for _, slot in state if slot.free == (1,) and len(slot.shape) == 3), 0)
    if steps and len(state) > 2:  # one sequence among several arguments: the others may run along it
        states.append(
            tuple(
                (
                    name,
                    tensor(BATCH, steps, slot.shape[-1], free=(1,))
                    if len(slot.shape) == 2 and slot.dtype == "f32"
                    else slot,
                )
                for name, slot in state
            )
        )
    states = [*lengths.tied(state, model), *states, *lengths.alongside(state, model), *_otherwise(model, state)]
    states += [*_mixed(state), *_single(model, state)]
    if known:
        numbers = numbers_of_words(model)
        states = [*(as_noted(one, known, numbers) for one in states), *states]
    others = []
    if state and state[0][1].kind == "tensor":
        others = [(((state[0][0], other)), *state[1:]) for other in _also(model, required[0].name, state[0][1])]
    return First(list(dict.fromkeys(states)), others, positional)


def _otherwise(model: nn.Module, state: State) -> Iterator[State]:
    """States in which an argument is what its first layer says where its name said otherwise, and the other way."""
    together = state
    for number, (name, slot) in enumerate(state):
        met = entry(model, name, strict=True)
        other = of_layer(model, met.leaf) if met is not None else None
        if met is None and number and slot == state[0][1]:  # nothing is known of it: it was taken for its neighbour
            other = tensor(BATCH)
        if number and HIDDEN.search(name.lower()) and slot.kind == "tensor" and not is_state(model, name):
            other = hidden(model, name.lower())
        if other is None or other.kind == "value" or _is_alike(slot, other):
            continue
        together = replaced(together, name, other)
        yield replaced(state, name, other)
    yield together


def _is_alike(one: Slot, other: Slot) -> bool:
    return (one.kind, one.dtype, len(one.shape), one.batch) == (other.kind, other.dtype, len(other.shape), other.batch)


def _mixed(state: State) -> Iterator[State]:
    """Several ids: all one a sample, all in a row, one of them in a row, one of them single."""
    ids = [name for name, slot in state if slot.dtype == "i64" and slot.high and slot.fill == "normal" and _runs(slot)]
    if len(ids) < 2:
        return
    for rowed in ([], ids, *([name] for name in ids), *([other for other in ids if other != name] for name in ids)):
        yield tuple(
            (name, slot)
            if name not in ids
            else (name, slot._replace(shape=(BATCH, TIME), free=(1,)))
            if name in rowed
            else (name, slot._replace(shape=(BATCH,), free=()))
            for name, slot in state
        )


def _runs(slot: Slot) -> bool:
    """Whether it may have steps or not."""
    return slot.kind == "tensor" and slot.batch == 0 and len(slot.shape) in {1, 2}


STEPS_BATCH_FEATURES = 3
ONE = re.compile(r"\.view\(\(?1, ?(1, ?)?-1\)|\.(view|reshape)\(len\(\w+\), ?1, ?-1\)")


def _single(model: nn.Module, state: State) -> Iterator[State]:
    """One sample at a time, without an axis for samples, where the model makes such an axis itself."""
    made = ONE.search(ast.unparse(source(type(model), "forward")))
    if made is None:
        return
    alone: State = ()
    for name, slot in state:
        shape = tuple(1 if axis == slot.batch else size for axis, size in enumerate(slot.shape))
        if slot.dtype == "i64" and slot.kind == "tensor":
            shape = shape[:1]
        elif slot.batch == 1 and len(shape) == STEPS_BATCH_FEATURES and "len(" in made[0]:
            shape = (shape[0], shape[2])  # `.view(len(x), 1, -1)` gives it the axis
        alone = (*alone, (name, slot._replace(shape=shape, batch=None, free=())))
    yield alone


def numbers_of_words(model: nn.Module) -> dict[str, int]:
    """Whole numbers by name: what the constructor was told, its defaults, and what the model keeps."""
    known: dict[str, Any] = {}
    try:
        known |= {p.name: p.default for p in inspect.signature(type(model).__init__).parameters.values()}
    except (TypeError, ValueError):
        pass
    known |= vars(model) | vars(model).get("_traced_told", {})
    return {name.lower(): size for name, size in known.items() if type(size) is int and size > 0 and len(name) > 1}


def _is_looked_up(model: nn.Module, names: list[str]) -> bool:
    """Whether each argument is an id with a table of its own (users and items), not a sentence."""
    tables = [entry(model, name, strict=True) for name in names]
    found = {id(table.leaf) for table in tables if table is not None and isinstance(table.leaf, nn.Embedding)}
    words = any(TOKENS.search(name.lower()) for name in names)
    return len(names) > 1 and len(found) == len(names) and not words and not first_of(model, SEQUENTIAL)


SEQUENTIAL = (nn.RNNBase, nn.Transformer, nn.TransformerEncoderLayer, nn.MultiheadAttention, nn.modules.conv._ConvNd)


def of_graph(state: State) -> State:
    """Beside edges, ids are one for each node."""
    if not any(name in EDGES for name, _ in state):
        return state
    return tuple(
        (name, slot._replace(shape=slot.shape[:1], free=()) if slot.dtype == "i64" and slot.free == (1,) else slot)
        for name, slot in state
    )


def single_ids(model: nn.Module, name: str, parts: State) -> State:
    """Ids among the parts of an argument that each have a table of their own (of users, of items): one a sample."""
    ids = [key for key, slot in parts if slot.dtype == "i64" and slot.free == (1,)]
    tables = [entry(model, f"{name}.{key}", strict=True) for key in ids]
    found = {id(table.leaf) for table in tables if table is not None and isinstance(table.leaf, nn.Embedding)}
    if len(ids) < 2 or len(found) < len(ids) or first_of(model, SEQUENTIAL):
        return parts
    return tuple((key, slot._replace(shape=slot.shape[:1], free=()) if key in ids else slot) for key, slot in parts)


def _primary(model: nn.Module, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Where all is optional: what the model calls its main input, else the first parameter that is no flag."""
    named = getattr(model, "main_input_name", None)
    chosen = [p for p in parameters if p.name == named]
    chosen = chosen or [p for p in parameters if not FLAG.search(p.name) and p.kind is not p.VAR_KEYWORD]
    return chosen[:1]


def slot_for(
    model: nn.Module, parameter: inspect.Parameter, number: int, state: State, classes: int | None, inside: str = ""
) -> Slot:
    """What to put into a parameter of `forward`, the `number`th, or into a part of the one it is `inside`.

    What comes before it stands in `state`.
    """
    low = parameter.name.lower()
    name = f"{inside}.{parameter.name}" if inside else parameter.name
    annotation = (
        parameter.annotation if isinstance(parameter.annotation, str) else getattr(parameter.annotation, "__name__", "")
    )
    main = state[0][1] if state else None
    if number:
        if BATCH_SIZE.search(low) and entry(model, name, strict=True) is None:
            return samples()
        if annotation in MAKES_NUMBER:
            return value(_number(low, MAKES_NUMBER[annotation]))
        if FLAG.search(low) and not TENSOR_MASK.search(low) and entry(model, name, strict=True) is None:
            return value(False)  # noqa: FBT003 - a flag
        if (extra := _extra(model, name, main)) is not None:
            return extra
        if NUMBER.search(low):
            return value(0.5)
        if INTEGER.search(low) and entry(model, name, strict=True) is None:
            return value(1)
    if is_state(model, name):
        return hidden(model, low)
    if number and not inside and counts_steps(model, name):
        steps = (
            main.shape[1 - main.batch] if main is not None and len(main.shape) > 1 and main.batch in {0, 1} else TIME
        )
        return tensor(BATCH, dtype="i64", high=steps + 1, fill="lengths")
    if number and not inside and whole(model, name):
        table = entry(model, name, strict=True)
        if table is None or not isinstance(table.leaf, (nn.Embedding, nn.EmbeddingBag)):
            return tensor(BATCH, dtype="i64", high=2)
    if not inside and (not read(model, name) or (reshaped(model, name) == 1 and not LABEL.search(low))):
        return tensor(BATCH)
    met = entry(model, name, strict=True)
    recurrent = (number or len(parameters_of(model)) > 1) and first_of(model, (nn.RNNBase, nn.RNNCellBase))
    if HIDDEN.search(low) and recurrent and met is None:
        return hidden(model, low)
    if (parts := in_parts(model, name)) is not None:
        return parts
    if high := rows(model, name):
        return tensor(BATCH, dtype="i64", high=high)
    met = entry(model, name, strict=bool(number))
    if met is not None and isinstance(met.leaf, nn.Embedding) and LABEL.search(low):
        return tensor(BATCH, dtype="i64", high=met.leaf.num_embeddings)
    if met is not None:
        slot = of_layer(model, met.leaf)
        if main is not None and len(main.shape) == len(slot.shape) == 4 and main.dtype == slot.dtype == "f32":
            return slot._replace(shape=(*slot.shape[:2], *main.shape[2:]), free=main.free)  # maps beside maps
        if met.turned and isinstance(met.leaf, nn.Linear):  # features before steps
            return tensor(BATCH, met.leaf.in_features, TIME, free=(2,))
        turned = met.turned and len(slot.shape) == 3 and slot.batch == 0
        return (
            slot
            if not turned
            else slot._replace(shape=(slot.shape[0], slot.shape[2], slot.shape[1]), free=(3 - slot.free[0],))
        )
    if HIDDEN.search(low) and number:
        return hidden(model, low)
    if CLASS.search(low) and number:
        return tensor(BATCH, dtype="i64", high=2)
    if TOKENS.search(low) and (embedding := first_of(model, nn.Embedding)) is not None:
        return of_layer(model, embedding)
    if width := reshaped(model, parameter.name):
        return tensor(BATCH, width)
    if main is not None and main.kind == "tensor":
        return main
    return tensor(BATCH, 16)


def _number(low: str, otherwise: Any) -> Any:
    return (
        0.5
        if isinstance(otherwise, float)
        else otherwise
        if not isinstance(otherwise, int)
        else (False if otherwise is False else 1)
    )


def _extra(model: nn.Module, name: str, main: Slot | None) -> Slot | None:
    """Arguments beside the first whose names say what they are."""
    low = name.rpartition(".")[2].lower()
    steps = main.shape[1] if main is not None and len(main.shape) > 1 else TIME
    if LENGTHS.search(low):
        return tensor(BATCH, dtype="i64", high=steps + 1, fill="lengths")
    if low == "attention_mask":  # of a tokenizer
        return tensor(BATCH, steps, dtype="i64", high=2, fill="ones")
    if MASK.search(low):
        return tensor(BATCH, steps, dtype="bool", fill="ones")
    if STEP.search(low):
        return tensor(BATCH, dtype="i64", high=10)
    if low in EDGES:
        return tensor(2, NEIGHBOURS, dtype="i64", high=BATCH, batch=None)
    if low in {"adj", "adjacency", "graph"} and main is not None and len(main.shape) > 1:
        return tensor(main.shape[-2], main.shape[-2], fill="eye", batch=None)
    if low in {"edge_attr", "edge_weight"}:
        met = entry(model, name, strict=True)
        return value(None) if met is None else _of_edges(of_layer(model, met.leaf))
    if low == "batch":
        return tensor(BATCH, dtype="i64", high=1)
    return None


def _of_edges(slot: Slot) -> Slot:
    """What a layer accepts, for each edge of a graph."""
    shape = (NEIGHBOURS,) if slot.dtype == "i64" else (NEIGHBOURS, slot.shape[-1])
    return slot._replace(shape=shape, batch=None, free=())


def _also(model: nn.Module, name: str, first: Slot) -> Iterator[Slot]:
    """Other ranks for the first argument, where the layer takes several."""
    met = entry(model, name, strict=False)
    leaf = met.leaf if met is not None else None
    if isinstance(leaf, nn.Linear):
        yield tensor(BATCH, TIME, leaf.in_features, free=(1,))
    elif isinstance(leaf, (nn.Embedding, nn.EmbeddingBag)):
        yield tensor(BATCH, dtype="i64", high=leaf.num_embeddings)
    elif isinstance(leaf, nn.Conv2d):
        yield tensor(BATCH, SIDE, SIDE, free=(1, 2))
        yield tensor(BATCH, TIME, leaf.in_channels, SIDE, SIDE, free=(3, 4))
    elif isinstance(leaf, nn.Conv1d):
        yield tensor(BATCH, 128, leaf.in_channels, free=(1,))
        yield tensor(BATCH, leaf.in_channels, 128, free=(2,))
    elif leaf is None and first.shape == (BATCH, 16):
        yield image(3)


def stated_size(model: nn.Module, name: str) -> int | None:
    """The number that the constructor was given under a name such as `state_dim` for the argument `state`."""
    stem = name.lower().split(".")[-1].rstrip("s")
    known: dict[str, Any] = dict(vars(model).get("_traced_args", {}))
    try:
        signature = inspect.signature(type(model).__init__)
    except (TypeError, ValueError):
        return None
    for parameter in signature.parameters.values():
        known.setdefault(parameter.name, parameter.default)
    sizes = [value for key, value in known.items() if stem in key.lower() and type(value) is int and value > 0]
    return sizes[0] if len(sizes) == 1 else None
