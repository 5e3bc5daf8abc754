"""The first guess of an input: which layer each argument of `forward` meets first, what its name says, its annotation."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

from torch import nn

from outlayer_lint.tracer.child.slots import BATCH, SIDE, TIME, Slot, State, tensor, value

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH = 6  # of modules whose own `forward` is read
RNN = (nn.RNN, nn.LSTM, nn.GRU)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
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
LENGTHS = re.compile(r"len(s|gths?)?$")
MASK = re.compile(r"mask")
HIDDEN = re.compile(
    r"^(h|c|hx|cx|h0|c0|h_0|hc|hidden\w*|states?|prev_\w+|memory_state|init_\w*|h_prev|last_\w+|\w*_hidden|rnn_\w*|cell\w*)$"
)
STEP = re.compile(r"^(t|ts|time|times|timesteps?|time_?steps?|step|steps|noise_level|sigmas?)$")
LABEL = re.compile(r"^(y|c|labels?|classes|class_\w+|target\w*|cond\w*|cls|category)$")
NOISE = re.compile(r"^(z|noise|latent\w*|code)$")
MAKES_NUMBER = {"float": 0.5, "int": 1, "bool": False, "str": ""}


def first_states(model: nn.Module, *, classes: int | None = None) -> tuple[list[State], frozenset[str]]:
    """States to begin with, the likeliest first, and the parameters that can only be given by position."""
    parameters = parameters_of(model)
    required = [p for p in parameters if p.default is p.empty and p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    positional = frozenset(p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.VAR_POSITIONAL})
    if not required:
        required = _primary(model, parameters)
    state: State = ()
    for number, parameter in enumerate(required):
        state = (*state, (parameter.name, slot_for(model, parameter, number, state, classes)))
    states = [state]
    if state and state[0][1].kind == "tensor":
        states += [(((state[0][0], other)), *state[1:]) for other in _also(model, required[0].name, state[0][1])]
    return list(dict.fromkeys(states)), positional


def parameters_of(model: nn.Module) -> list[inspect.Parameter]:
    """Parameters of `forward` (of `call` for Keras), `self` left out."""
    forward = getattr(model, "call", None) if _is_keras(model) else None
    forward = forward if callable(forward) else model.forward
    try:
        found = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("input", inspect.Parameter.POSITIONAL_ONLY)]
    return found[1:] if found and found[0].name == "self" else found  # a scripted method shows its `self`


def _is_keras(model: nn.Module) -> bool:
    return any(cls.__module__.startswith("keras.") for cls in type(model).__mro__)


def _primary(model: nn.Module, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Where all is optional: what the model calls its main input, else the first parameter that is no flag."""
    named = getattr(model, "main_input_name", None)
    chosen = [p for p in parameters if p.name == named]
    chosen = chosen or [p for p in parameters if not FLAG.search(p.name) and p.kind is not p.VAR_KEYWORD]
    return chosen[:1]


def slot_for(model: nn.Module, parameter: inspect.Parameter, number: int, state: State, classes: int | None) -> Slot:
    """What to put into a parameter of `forward`, the `number`th; earlier ones stand in `state`."""
    name, low = parameter.name, parameter.name.lower()
    annotation = (
        parameter.annotation if isinstance(parameter.annotation, str) else getattr(parameter.annotation, "__name__", "")
    )
    main = state[0][1] if state else None
    if number:
        if annotation in MAKES_NUMBER:
            return value(_number(low, MAKES_NUMBER[annotation]))
        if FLAG.search(low):
            return value(False)  # noqa: FBT003 - a flag
        if (extra := _extra(low, main, classes)) is not None:
            return extra
        if NUMBER.search(low):
            return value(0.5)
        if INTEGER.search(low) and entry(model, name, strict=True) is None:
            return value(1)
    if HIDDEN.search(low) and (number or len(parameters_of(model)) > 1) and _first(model, (nn.RNNBase, nn.RNNCellBase)):
        return hidden(model, low)
    leaf = entry(model, name, strict=bool(number))
    if isinstance(leaf, nn.Embedding) and LABEL.search(low):
        return tensor(BATCH, dtype="i64", high=leaf.num_embeddings)
    if leaf is not None:
        return of_layer(model, leaf)
    if HIDDEN.search(low) and number:
        return hidden(model, low)
    if TOKENS.search(low) and (embedding := _first(model, nn.Embedding)) is not None:
        return of_layer(model, embedding)
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


def _extra(low: str, main: Slot | None, classes: int | None) -> Slot | None:
    """Arguments beside the first whose names say what they are."""
    steps = main.shape[1] if main is not None and len(main.shape) > 1 else TIME
    if LENGTHS.search(low):
        return tensor(BATCH, dtype="i64", high=steps + 1, fill="lengths")
    if MASK.search(low):
        return tensor(BATCH, steps, dtype="bool", fill="ones")
    if STEP.search(low):
        return tensor(BATCH, dtype="i64", high=10)
    if low in {"edge_index", "edges"}:
        return tensor(2, 6, dtype="i64", high=BATCH, batch=None)
    if low in {"adj", "adjacency", "a", "graph"} and main is not None and len(main.shape) > 1:
        return tensor(main.shape[-2], main.shape[-2], fill="eye", batch=None)
    if low in {"edge_attr", "edge_weight"}:
        return value(None)
    if low == "batch":
        return tensor(BATCH, dtype="i64", high=1)
    del classes
    return None


def hidden(model: nn.Module, low: str) -> Slot:
    """A state of the first recurrent layer, or none at all."""
    rnn = next((m for m in model.modules() if isinstance(m, RNN)), None)
    if rnn is None:
        cell = next((m for m in model.modules() if isinstance(m, nn.RNNCellBase)), None)
        if cell is None:
            return value(None)
        one = tensor(BATCH, cell.hidden_size)
        return _pair(one) if isinstance(cell, nn.LSTMCell) and not _single(low) else one
    layers = rnn.num_layers * (2 if rnn.bidirectional else 1)
    one = tensor(layers, BATCH, rnn.hidden_size, batch=1)
    return _pair(one) if isinstance(rnn, nn.LSTM) and not _single(low) else one


def _pair(slot: Slot) -> Slot:
    return Slot("tuple", batch=None, parts=(("0", slot), ("1", slot)))


def _single(low: str) -> bool:
    return low in {"h", "c", "hx", "cx", "h0", "c0", "h_0", "c_0", "cell", "cell_state", "hidden_state"}


def of_layer(model: nn.Module, leaf: nn.Module) -> Slot:
    """What a layer accepts when nothing stands before it."""
    match leaf:
        case nn.Conv1d() | nn.ConvTranspose1d():
            return tensor(BATCH, leaf.in_channels, 128, free=(2,))
        case nn.ConvTranspose2d():
            return (
                tensor(BATCH, leaf.in_channels, 1, 1, free=(2, 3)) if leaf.in_channels > 4 else image(leaf.in_channels)
            )  # noqa: PLR2004 - colours
        case nn.Conv2d():
            return image(leaf.in_channels, _side(model))
        case nn.Conv3d() | nn.ConvTranspose3d():
            return tensor(BATCH, leaf.in_channels, 16, 32, 32, free=(2, 3, 4))
        case nn.Embedding() | nn.EmbeddingBag():
            return tensor(BATCH, TIME, dtype="i64", high=leaf.num_embeddings, free=(1,))
        case nn.RNN() | nn.LSTM() | nn.GRU():
            if leaf.batch_first:
                return tensor(BATCH, TIME, leaf.input_size, free=(1,))
            return tensor(TIME, BATCH, leaf.input_size, batch=1, free=(0,))
        case nn.RNNCellBase():
            return tensor(BATCH, leaf.input_size)
        case nn.MultiheadAttention():
            first = leaf.batch_first
            shape = (BATCH, TIME, leaf.embed_dim) if first else (TIME, BATCH, leaf.embed_dim)
            return tensor(*shape, batch=0 if first else 1, free=(1 if first else 0,))
        case nn.Linear():
            return tensor(BATCH, leaf.in_features)
        case nn.Bilinear():
            return tensor(BATCH, leaf.in1_features)
        case nn.BatchNorm1d():
            return tensor(BATCH, leaf.num_features)
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            return image(leaf.num_features)
        case nn.GroupNorm():
            return image(leaf.num_channels)
        case nn.LayerNorm():
            return (
                tensor(BATCH, *leaf.normalized_shape)
                if len(leaf.normalized_shape) > 1
                else tensor(BATCH, TIME, *leaf.normalized_shape, free=(1,))
            )
    return tensor(BATCH, 16)


def image(channels: int, side: int = SIDE) -> Slot:
    """A batch of square images."""
    return tensor(BATCH, channels, side, side, free=(2, 3))


def _side(model: nn.Module) -> int:
    """The size that the model says of itself (`img_size`), as vision transformers do."""
    for module in model.modules():
        for name in ("img_size", "image_size", "input_resolution", "img_dim", "input_size"):
            found = module.__dict__.get(name)
            found = found[-1] if isinstance(found, (tuple, list)) and found else found
            if isinstance(found, int) and not isinstance(found, bool) and 8 <= found <= 1024:  # noqa: PLR2004 - of an image
                return found
    return SIDE


LEAVES = (
    nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.Embedding, nn.EmbeddingBag, nn.RNNBase, nn.RNNCellBase,  # noqa: SLF001
    nn.MultiheadAttention, nn.LayerNorm, nn.GroupNorm, *NORMS,
)  # fmt: skip


def entry(
    model: nn.Module, name: str, *, strict: bool, depth: int = DEPTH, method: str = "forward"
) -> nn.Module | None:
    """The layer that an argument meets first, read from the source of `forward`; unless `strict`, else the first of all."""
    if isinstance(model, LEAVES):
        return model
    if isinstance(model, (nn.Sequential, nn.ModuleList)):
        for inner in model:
            found = entry(inner, "input", strict=False, depth=depth - 1)
            if found is not None:
                return found
    if depth:
        for path, position in _met(model, name, method):
            found = _entry_of(model, path, position, depth)
            if found is not None:
                return found
    return None if strict else next((m for m in model.modules() if isinstance(m, LEAVES)), None)


def _entry_of(model: nn.Module, path: str, position: int, depth: int) -> nn.Module | None:
    """The layer that an argument of `self.path(...)` meets: of a part of the model, or inside another method."""
    inner = _at(model, path)
    if isinstance(inner, nn.Module) and inner is not model:
        parameters = parameters_of(inner)
        argument = parameters[position].name if position < len(parameters) else "input"
        return entry(inner, argument, strict=False, depth=depth - 1)
    if inspect.ismethod(inner) and inner.__self__ is model and inspect.isfunction(vars(type(model)).get(path)):
        names = [parameter.name for parameter in inspect.signature(inner).parameters.values()]
        if position < len(names):
            return entry(model, names[position], strict=True, depth=depth - 1, method=path)
    return None


def _met(model: nn.Module, name: str, method: str) -> Iterator[tuple[str, int]]:
    """`self.path(name, ...)` in order of appearance: the path and the position of the argument.

    Names that are made from it without a layer in between count as it (`x = torch.cat((name, y), 1)`).
    """
    derived = {name}
    for node in _steps(type(model), method):
        if isinstance(node, ast.Call):
            for position, argument in enumerate(node.args):
                if derived & _words(argument):
                    yield _path(node.func), position
                    break
        elif derived & _words(node.value):
            derived |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif not isinstance(node.value, ast.Constant):
            derived -= {target.id for target in node.targets if isinstance(target, ast.Name)} - {name}


def _words(expression: ast.expr) -> set[str]:
    """Names in an expression that go through no layer inside it, and are read for more than their shape."""
    match expression:
        case ast.Name(id=name):
            return {name}
        case ast.Call(func=func) if _path(func):
            return set()
        case ast.Attribute(attr="shape" | "device" | "dtype"):
            return set()
        case ast.Call(func=ast.Attribute(attr="size" | "dim" | "new_zeros")):
            return set()
    return {
        word
        for child in ast.iter_child_nodes(expression)
        if isinstance(child, ast.expr | ast.keyword)
        for word in (_words(child.value) if isinstance(child, ast.keyword) else _words(child))
    }


def _steps(cls: type, method: str) -> list[ast.Call | ast.Assign]:
    """Calls of own attributes and assignments in a method, in the order in which they are done."""
    if (cls, method) not in _CACHE:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(cls, method))))
        except (OSError, TypeError, SyntaxError, AttributeError, IndexError):
            tree = ast.Module([], [])
        steps = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) or (isinstance(n, ast.Call) and _path(n.func))]
        _CACHE[cls, method] = sorted(
            steps, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0, isinstance(node, ast.Assign))
        )
    return _CACHE[cls, method]


_CACHE: dict[tuple[type, str], list[ast.Call | ast.Assign]] = {}


def _path(place: ast.expr) -> str:
    """`encoder.embed` of `self.encoder.embed`, "" for anything else; `self.layers[0]` is `layers.0`."""
    match place:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return attr
        case ast.Attribute(value=inner, attr=attr) if _path(inner):
            return f"{_path(inner)}.{attr}"
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))) if _path(inner):
            return f"{_path(inner)}.{index}"
    return ""


def _at(model: nn.Module, path: str) -> Any:
    thing: Any = model
    for part in path.split("."):
        if isinstance(thing, (nn.ModuleList, nn.Sequential)) and part.isdigit():
            thing = thing[int(part)] if int(part) < len(thing) else None
        else:
            thing = getattr(thing, part, None)
    return thing


def _first(model: nn.Module, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> nn.Module | None:
    return next((m for m in model.modules() if isinstance(m, kind)), None)


def _also(model: nn.Module, name: str, first: Slot) -> Iterator[Slot]:
    """Other ranks for the first argument, where the layer takes several."""
    leaf = entry(model, name, strict=False)
    if isinstance(leaf, nn.Linear):
        yield tensor(BATCH, TIME, leaf.in_features, free=(1,))
    elif isinstance(leaf, (nn.Embedding, nn.EmbeddingBag)):
        yield tensor(BATCH, dtype="i64", high=leaf.num_embeddings)
    elif isinstance(leaf, nn.Conv2d):
        yield tensor(BATCH, SIDE, SIDE, free=(1, 2))
        yield tensor(BATCH, TIME, leaf.in_channels, SIDE, SIDE, free=(3, 4))
    elif isinstance(leaf, nn.Conv1d):
        yield tensor(BATCH, 128, leaf.in_channels, free=(1,))
    elif leaf is None and first.shape == (BATCH, 16):
        yield image(3)
