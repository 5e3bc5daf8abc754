"""What an argument of a constructor is likely to be, by its name, its annotation or what the code compares it with.

A guess only has to give a model that runs; what it means for the findings is said in the report (`synthesised`).
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterator

CLASSES = re.compile(r"(^|_)n?(um)?_?(class(es)?|labels?|categories|cls)$|^(n_?class|nb_class)")
# First match wins; the values fit together: widths are multiples of heads and groups, sizes of patches.
TABLE: tuple[tuple[re.Pattern[str], Any], ...] = tuple(
    (re.compile(pattern), value)
    for pattern, value in (
        (
            r"^(pretrained|bidirect\w*|bias)$|^(use|is|has|with|return|output|do|enable|add|share|learn|train)_.*(?<!dim)$|^verbose|^debug",
            False,
        ),
        (r"(weights?|checkpoint|ckpt|pretrain\w*|path|file|dir|load_\w*)$", None),
        (r"^(pre_?trained_?)?(word_?|glove_?)?(embeddings|vectors|(emb|embeddings?)_?(matrix|weights?))$", None),
        (r"device", "cpu"),
        (
            r"vocab|ntokens?|n_?words|n_?tokens|num_tokens|num_embeddings|num_words|dict_size|voc_size|n_chars|charset",
            200,
        ),
        (r"pad(ding)?_?(idx|index|token|id)|(pad|sos|bos|eos|start|end)_(idx|token|id)", 0),
        (r"^(kernel_?(size)?|kernel|ksize|filter_size|k_size|ks)$", 3),
        (r"kernel_(sizes|list)|filter_sizes|^ks$|kernels", [3, 4, 5]),
        (
            r"^(stride|dilation|groups|padding|expansion|cardinality|reduction_?ratio|rate|order|scale|upscale_?\w*|scale_factor|factor)$",
            1,
        ),
        (r"drop|^p$|prob", 0.1),
        (r"momentum|decay|^eps$|epsilon", 0.01),
        (r"learning_rate|^lr|alpha|beta|gamma|lambda|weight_|temperature|^tau$|slope|ratio|std|sigma|^mean$", 0.5),
        (r"(img|image|input|in|data|obs|observation|state|x)_?shape|^shape$|^(img|image|input)_?dims$", (3, 64, 64)),
        (r"^(img|image|im|input_img)_?(size|sz|dim|res\w*|height|width|h|w)$|resolution|^height$|^width$", 64),
        (r"patch_?(size|len\w*)?$", 8),
        (r"batch", 2),
        (r"heads?$|num_head|nhead|^h$", 4),
        (r"n_?experts|num_experts|top_?k|^k$", 2),
        (r"stages|depths$|num_blocks$|layers_list|block_nums", [1, 1, 1, 1]),
        (r"layers?$|depth|blocks?$|^n_?layers?|num_layers|repeat|stacks?$|^n$|levels?$|hops|steps?$|times$", 2),
        (r"max_?len|seq|length|^time|window|lag|horizon|block_size|context|max_pos\w*|n_?ctx|pred_len|len$", 16),
        (r"latent|z_?dim|^nz$|noise|code_?(dim|size)|^z$|bottleneck", 16),
        (r"action|n_?act", 4),
        (r"state|obs(ervation)?", 8),
        (
            r"(img|image|input|in)_?(channels?|ch|chans?|c|nc|planes)$|^(nc|inchannels|in_ch|channels?_in|n_?channels|num_?channels|c_in|colou?r\w*|channels|input_channel\w*)$",
            3,
        ),
        (r"(out|output)_?(channels?|ch|chans?|c|nc|planes)$", 8),
        (r"_(sizes|widths)$", [32, 32]),
        (
            r"features?|dims?$|size$|hidden|units|width|embed|^d_|channels?|planes|filters|ngf|ndf|^nf$|^dim|^d$|neurons|^in|^out|rank$|n_|num_",
            32,
        ),
    )
)
OPTIONS = re.compile(
    r"^(?!n_|num_)(\w+_)?(args?|opts?|options?|config\w*|cfg|conf|hparams?|params?|flags|hyper\w*|hp|settings|kwargs)$"
    r"|^\w{0,2}(cfg|config)$"
)
OUTPUTS = re.compile(
    r"^(n_?|num_)?(out(puts?)?)_?(dims?|size|features|units|shape|n)?$|^(n_?out|targets?_?size|c_out|num_?outputs?)$"
)


def by_name(name: str, classes: int | None = None, tree: ast.AST | None = None) -> Any:
    """A value for an argument of that name; raises `KeyError` where the name says nothing.

    `tree` is the code that will read it: what it compares the attributes of options with is one of their values.
    """
    low = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
    if CLASSES.search(low) or OUTPUTS.search(low):
        return classes or 10
    if OPTIONS.search(low):
        return options(name, classes, tree)
    if re.search(r"norm_?(layer|func|fn)?$", low):
        return _layer("BatchNorm2d")
    if re.search(r"^(act(ivation)?|nonlinearity|non_linearity)(_?(layer|func|fn|class))?$", low):
        return _layer("ReLU")() if not re.search(r"layer|class", low) else _layer("ReLU")
    for pattern, value in TABLE:
        if pattern.search(low):
            return list(value) if isinstance(value, list) else value
    raise KeyError(name)


def options(
    name: str, classes: int | None = None, tree: ast.AST | None = None, known: dict[str, Any] | None = None
) -> Absent:
    """An object with attributes: those that are `known`, others by what the code compares them with, else by name."""

    def attribute(key: str) -> Any:
        if known is not None and key in known:
            return known[key]
        if tree is not None and _is_table(tree, key):
            widths = (by_name(word, classes) for word in _items(tree) if "emb" in word and word != key)
            return _table(next((width for width in widths if type(width) is int), WIDTH))
        compared = next(choices(tree, key), None) if tree is not None else None
        if compared is not None:
            return compared
        try:
            found = by_name(key, classes)
        except KeyError:
            found = None
        inner = found is None or (tree is not None and _holds_more(tree, key))
        return Absent(f"{name}.{key}", attribute) if inner else found  # `config.model.width`

    return Absent(name, attribute)


ROWS, WIDTH = 200, 300  # of a table of words: as many as they are counted above, as wide as those that are published


def _is_table(tree: ast.AST, key: str) -> bool:
    """Whether the code takes an option for a table of words: `nn.Embedding.from_pretrained(config.words)`."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "from_pretrained"
        and ast.unparse(node.func.value).endswith("Embedding") and bool(node.args) and _word(node.args[0]) == key
        for node in ast.walk(tree)
    )  # fmt: skip


def _items(tree: ast.AST) -> list[str]:
    """What is read of anything by a name."""
    return [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]


def _table(width: int) -> Any:
    import torch  # noqa: PLC0415 - this room is loaded before torch is

    return torch.rand(ROWS, width)


def _holds_more(tree: ast.AST, key: str) -> bool:
    """Whether the code reads an option by its name out of what it has by that key: `config["inputs"]["width"]`."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {
        node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, (ast.Attribute, ast.Subscript)) and _word(node.value) == key
    }  # `inner = config["inputs"]`
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())) if name in names:
                return True
            case ast.Attribute(value=(ast.Attribute() | ast.Subscript()) as inner) if id(node) not in called:
                pass
            case ast.Subscript(value=(ast.Attribute() | ast.Subscript()) as inner, slice=ast.Constant(value=str())):
                pass
            case _:
                continue
        if _word(inner) == key:
            return True
    return False


def of_parameter(parameter: inspect.Parameter, tree: ast.AST | None, classes: int | None = None) -> Any:
    """A value for one parameter: what the body compares it with, else by its annotation and its name."""
    compared = next(choices(tree, parameter.name), None) if tree is not None else None
    if compared is not None:
        return compared
    annotation = (
        parameter.annotation
        if isinstance(parameter.annotation, str)
        else getattr(parameter.annotation, "__name__", str(parameter.annotation))
    )
    try:
        value = by_name(parameter.name, classes, tree)
    except KeyError:
        return BY_TYPE.get(annotation, 16) if annotation in BY_TYPE else Absent(parameter.name, None)
    if annotation == "bool" and not isinstance(value, bool):
        return False
    if annotation in {"int", "float", "str"} and isinstance(value, (list, tuple)):
        return value[-1]
    if re.match(r"(list|tuple|Sequence|List|Tuple|Iterable)", annotation) and not isinstance(value, (list, tuple)):
        return [value] * 4
    return value


BY_TYPE: dict[str, Any] = {
    "int": 16,
    "float": 0.1,
    "bool": False,
    "str": "",
    "list": [16, 16],
    "tuple": (16, 16),
    "dict": {},
}


def numbers(tree: ast.AST, name: str) -> list[int]:
    """Whole numbers that the code compares a name with: `if dimensions == 2:`, `assert dimensions in (2, 3)`."""
    found: list[int] = []
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=ast.Name(id=other), ops=[ast.Eq() | ast.In()], comparators=[what]) if other == name:
                known = what.elts if isinstance(what, (ast.Tuple, ast.List, ast.Set)) else [what]
                found += [one.value for one in known if isinstance(one, ast.Constant) and type(one.value) is int]
            case _:
                pass
    return list(dict.fromkeys(found))


def choices(tree: ast.AST, name: str) -> Iterator[str]:
    """Strings that the code compares a name, or an attribute of that name, with, in order of appearance.

    What it asks a name to begin with, and the keys of a dict that is written where it is looked up, are such as well.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=owner, attr="startswith" | "endswith"), args=[ast.Constant(value=str(word))]
            ) if _word(owner) == name:
                yield word
            case ast.Subscript(value=ast.Dict(keys=keys), slice=key) if _word(key) == name:
                yield from (one.value for one in keys if isinstance(one, ast.Constant) and isinstance(one.value, str))
            case _:
                pass
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            continue
        left = node.left
        if isinstance(left, ast.Call) and isinstance(left.func, ast.Attribute) and not left.args:
            left = left.func.value  # `mode.lower() == "same"`
        if _word(left) != name or not isinstance(node.ops[0], (ast.Eq, ast.In, ast.NotIn)):
            continue
        for constant in ast.walk(node.comparators[0]):
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str) and constant.value:
                yield constant.value


def _word(node: ast.expr) -> str | None:
    """The last word of a name, of an attribute, or of an item that is asked for by a string."""
    match node:
        case ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return word
        case _:
            return getattr(node, "id", None)


def _layer(name: str) -> Any:
    from torch import nn  # noqa: PLC0415 - this room is loaded before torch is

    return getattr(nn, name)
