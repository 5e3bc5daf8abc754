"""The vocabulary of contract rows, and the refusal of whatever is not in it. Cold path: used when compiling only.

`rules/contracts/torch.toml` explains the keys and words to those who write rows.
"""

from __future__ import annotations

from difflib import get_close_matches

from outlayer_lint.knowledge.table import KnowledgeError
from outlayer_lint.lattice import Emission
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn

EMISSIONS = tuple(str(word) for word in Emission)
KINDS = (
    "activation", "layer", "operation", "loss", "metric", "distribution", "sampler", "model", "container", "wrapper",
    "data", "maker", "optimizer", "trainer",
)  # fmt: skip
FORMS = ("function", "module", "method")
FAMILIES = (
    "softmax-cross-entropy", "nll", "binary", "binary-logits", "kl", "squared", "absolute", "ctc", "poisson",
    "gaussian", "margin", "embedding", "adaptive", "overlap", "categorical", "cosine", "relative",
)  # fmt: skip
ALIASED = ("activation", "loss", "metric")  # what a string may stand for
APPLIES = ("log-softmax", "softmax", "sigmoid", "")
CONDITIONS = ("is", "not", "given", "set", "kind")
CONSTANT_KINDS = ("int", "float", "bool", "str", "tuple", "list", "NoneType")

# Each transfer word and the variants that its `how` may name; "" where it may be left out.
TRANSFERS: dict[str, tuple[str, ...]] = {
    "keeps": ("", "detach", "cast", "noise", "mask", "fill", "shuffle", "repeat"),
    "normalises": ("", "min"),
    "bounds": ("", "halves", "cuts"),
    "learned": ("", "norm", "product"),
    "recurrent": ("", "cell", "bidirectional"),
    "reshapes": ("view", "flatten", "unflatten", "ravel", "mixed", "pattern", "samples"),
    "moves-axis": ("permute", "transpose", "movedim", "reverse", "swap-last", "samples"),
    "adds-axis": ("",),
    "drops-axis": ("",),
    "selects": ("gather", "index", "range", "mask", "take", "diagonal", "topk", "sort"),
    "splits": ("count", "size", "unbind", "train-test"),
    "reduces": (
        "mean", "sum", "max", "min", "norm", "logsumexp", "prod", "var", "std", "median", "quantile", "any", "all",
        "similarity", "distance", "count",
    ),
    "joins": ("cat", "stack", "columns", "padded"),
    "combines": (
        "add", "sub", "rsub", "mul", "div", "pow", "max", "min", "where", "lerp", "fused",
    ),
    "merges": ("add", "sub", "mul", "max", "min", "mean", "product"),
    "pools": ("mean", "max"),
    "scales": ("",),
    "interval": (
        "clamp", "abs", "square", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "neg", "sqrt", "rsqrt",
        "reciprocal", "logit", "cumsum", "cumprod", "cummax",
    ),
    "decides": (
        "argmax", "argmin", "round", "ceil", "floor", "trunc", "sign", "gt", "lt", "ge", "le", "eq", "ne", "argsort",
        "item", "numpy", "tolist", "long", "int", "bool", "test", "logic", "bucket", "unique", "nonzero",
    ),
    "makes": ("literal", "from-argument", "parameter", "input"),
    "wraps": ("", "prepare", "each", "both"),
    "contains": ("sequence", "list", "dict", "parameters", "graph"),
    "resizes": (
        "", "nearest", "linear", "cubic", "mean", "max", "sum", "pad", "replicate", "upsample", "unpool", "fold",
    ),
    "embeds": ("",),
    "attends": ("", "product"),
    "samples": ("values", "score"),
    "loads": ("weights", "object", "data"),
    "yields": ("", "batches", "zips", "passes", "splits", "pipeline"),
    "loses": ("",),
    "maps": ("", "tensor", "normalise", "onehot", "compose", "call", "keeps"),
    "scopes": ("no-grad", "eval", ""),
    "tabulates": ("made", "table", "column", "array", "popped", "mapped", "dummies", "joined", "renumbered", "values"),
    "asks": ("size", "rank", "length", "other"),
    "scatters": ("", "copies", "adds"),
    "calls": ("",),
}  # fmt: skip

LITERALS = (int, float, bool, str)
SPECS = ("axis", "units", "low", "high", "rank", "dim", "reduction", "activation", "threshold")
WORD_LISTS = ("wants", "accepts", "target")
PLAIN_WORDS: dict[str, tuple[str, ...]] = {
    "is": KINDS, "form": FORMS, "emits": (*EMISSIONS, "unknown"), "family": FAMILIES, "applies": APPLIES,
    "transfer": tuple(TRANSFERS),
    "dtype": ("float", "double", "half", "long", "int", "uint8", "bool", "complex", "argument"),
}  # fmt: skip
PAIRED = ("model", "criterion", "default", "not", "unless", "replaced-by")
SHAPES = ("one-unit", "index-target", "otherwise")
METHOD_WORDS = ("maps", "unmaps", "self", "unknown", "keeps")
TREES = ("returns", "training", "attributes", "yields", "maps")
PART_WORDS = ("keeps", "emits", "unknown")  # as the input is; as the row's own fields say; nothing is known
LEAF_MARKS = frozenset(("emits", "kind"))  # a table with one of these is a leaf, any other names the parts of a whole
LEAF_KEYS = ("emits", "kind", "units", "low", "high", "rank", "axis", "dtype", "from", "through")
LEAF_KINDS = ("image", "tensor", "text", "audio", "video", "table", "label", "mask", "boxes")


class Place:
    """Where in the TOML we are, for the message of a refusal."""

    def __init__(self, file: str, table: str) -> None:
        """`table` is the row's key; the names of its parameters and inputs are filled in once they are known."""
        self.file = file
        self.table = table
        self.parameters: tuple[str, ...] = ()
        self.call: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that an argument may have."""
        return (*self.call, *self.parameters)

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise with file, table and key."""
        raise KnowledgeError(f"{self.file}: [{self.table}] {key}: {why}")

    def word(self, key: str, value: object, known: Iterable[str]) -> None:
        """Refuse a word that is not one of `known`, and name the nearest."""
        words = tuple(known)
        if value not in words:
            near = get_close_matches(str(value), words, 1, 0.5)
            hint = f", did you mean `{near[0]}`" if near else f", known are {', '.join(f'`{w}`' for w in words if w)}"
            self.refuse(key, f"unknown word `{value}`{hint}")


def row(place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row as the table has them, or `KnowledgeError`."""
    for key in given:
        place.word(key, key, KEYS)
    starred = names(place, "parameters", given.get("parameters", []))
    parameters = tuple(name.removeprefix("*") for name in starred)
    if len(set(parameters)) != len(parameters):
        place.refuse("parameters", "a name stands twice")
    place.parameters = parameters
    place.call = names(place, "call", given.get("call", []))
    fields = fields_of(place, given)
    if "alias" in fields:
        place.word("alias", given.get("is"), ALIASED)
    variadic = [name[1:] for name in starred if name.startswith("*")]
    if variadic:
        fields["variadic"] = variadic[0]
    if "is" not in fields:
        place.refuse("is", "missing; it says what the callable is")
    if fields["is"] == "loss" and "family" not in fields and "by-shape" not in fields:
        place.refuse("family", "missing; a loss needs one")
    if fields["is"] == "loss":
        fields.setdefault("transfer", "loses")
    inputs = fields.get("inputs", 2 if fields["is"] == "loss" else 1)
    if fields.get("form") != "module" and parameters and inputs > len(parameters):
        place.refuse("inputs", f"{inputs} tensor inputs, yet only {len(parameters)} parameters")
    if "call" in fields and fields.get("form") != "module":
        place.refuse("call", 'is for rows with `form = "module"`; elsewhere the first parameters say it')
    return fields


def fields_of(place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check and convert each key; also used for the overrides of `when`."""
    fields = {key: READERS[key](place, key, value) for key, value in given.items() if key in READERS}
    if "how" in given:
        place.word("how", given["how"], TRANSFERS.get(given.get("transfer", ""), ()) or all_hows())
        fields["how"] = given["how"]
    return fields


def all_hows() -> tuple[str, ...]:
    """Every variant of every transfer word."""
    return tuple(how for hows in TRANSFERS.values() for how in hows)


def plain(place: Place, key: str, value: Any) -> str:
    """One word of the list of its key."""
    place.word(key, value, PLAIN_WORDS[key])
    return str(value)


def whole(place: Place, key: str, value: Any) -> int:
    """An integer."""
    if type(value) is not int:
        place.refuse(key, f"`{value}` is not an integer")
    return value


def one_name(place: Place, key: str, value: Any) -> str:
    """A parameter, or "" for none."""
    place.word(key, value, (*place.names, ""))
    return str(value)


def wishes(place: Place, key: str, value: Any) -> dict[str, tuple[str, ...]]:
    """Emissions by parameter."""
    for name in value:
        place.word(key, name, place.names)
    return {name: words(place, key, value[name]) for name in value}


def paired(place: Place, key: str, value: Any) -> dict[str, Any]:
    """Which parameters of a trainer take the model and the loss, and when it computes something else."""
    if not isinstance(value, dict):
        place.refuse(key, "a table is wanted here")
    for inner in value:
        place.word(key, inner, PAIRED)
    for inner in ("model", "criterion"):
        place.word(key, value.get(inner), place.names)
    for word in value.get("not", ()):
        place.word(key, word, FAMILIES)
    lists = {inner: names(place, key, value[inner]) for inner in ("not", "unless", "replaced-by") if inner in value}
    return {**value, **lists}


def texts(place: Place, key: str, value: Any) -> tuple[str, ...]:
    """A list of strings that stand for the row."""
    for text in array(place, key, value):
        if not isinstance(text, str) or not text:
            place.refuse(key, f"`{text}` is not a string")
    return tuple(value)


def spelled(place: Place, key: str, value: Any) -> dict[str, tuple[str, ...]]:
    """Other keywords by parameter."""
    if not isinstance(value, dict):
        place.refuse(key, "a table of lists is wanted here")
    found = {}
    for name, given in value.items():
        place.word(key, name, place.names)
        found[name] = names(place, key, given)
        taken = [word for word in found[name] if word in place.names]
        if taken:
            place.refuse(key, f"`{taken[0]}` is a parameter itself")
    return found


def by_shape(place: Place, key: str, value: Any) -> dict[str, str]:
    """What a name stands for, by what it meets."""
    if not isinstance(value, dict):
        place.refuse(key, "a table of names is wanted here")
    for name, meant in value.items():
        place.word(key, name, SHAPES)
        names(place, key, [meant])
    return dict(value)


def by_method(place: Place, key: str, value: Any) -> dict[str, str]:
    """What calling each method does."""
    for word in value.values():
        place.word(key, word, METHOD_WORDS)
    return dict(value)


def array(place: Place, key: str, value: Any) -> list[Any]:
    """Refuse what is not a list."""
    if not isinstance(value, list):
        place.refuse(key, "a list is wanted here")
    return value


def names(place: Place, key: str, value: Any) -> tuple[str, ...]:
    """A list of names."""
    for name in array(place, key, value):
        if not isinstance(name, str) or not name.replace(".", "_").replace("*", "_").isidentifier():
            place.refuse(key, f"`{name}` is not a name")
    return tuple(value)


def words(place: Place, key: str, value: Any) -> tuple[str, ...]:
    """A list of emissions."""
    for word in array(place, key, value):
        place.word(key, word, EMISSIONS)
    return tuple(value)


def spec(place: Place, key: str, value: Any) -> Any:
    """A literal, or a reference to an argument that must be one of the parameters."""
    if value == "unknown":  # what an override takes back
        return None
    if isinstance(value, LITERALS):
        return value
    if isinstance(value, list) and all(type(one) is int for one in value):
        return tuple(value)
    if not isinstance(value, dict) or "argument" not in value:
        place.refuse(key, 'a literal or `{ argument = "name", default = literal }` is wanted here')
    for inner in value:
        place.word(key, inner, ("argument", "default", "item", "unless"))
    if place.names:
        place.word(key, value["argument"], place.names)
    else:
        place.refuse(key, f"names the argument `{value['argument']}`, but the row has no `parameters`")
    default = value.get("default")
    if isinstance(default, list):
        default = tuple(default)
    if "item" in value:
        return ("item", value["argument"], default, value["item"])
    if "unless" in value:
        return ("argument", value["argument"], default, str(value["unless"]))
    return ("argument", value["argument"], default)


def tree(place: Place, key: str, value: Any) -> Any:
    """What something of several parts is made of: words, lists and tables of them, and leaves that say more."""
    if isinstance(value, str):
        place.word(key, value, (*EMISSIONS, *PART_WORDS))
        return value
    if isinstance(value, list):
        return tuple(tree(place, key, one) for one in value)
    if not isinstance(value, dict):
        place.refuse(key, f"`{value}` is not a word, a list or a table")
    if not LEAF_MARKS.intersection(value):
        return {name: tree(place, key, one) for name, one in value.items()}
    return leaf(place, key, value)


def leaf(place: Place, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """One element, described by more than a word."""
    fields: dict[str, Any] = {}
    for inner, given in value.items():
        place.word(key, inner, LEAF_KEYS)
        if inner == "emits":
            place.word(key, given, (*EMISSIONS, *PART_WORDS))
            fields[inner] = given
        elif inner in ("kind", "from"):
            place.word(key, given, LEAF_KINDS)
            fields[inner] = given
        elif inner == "dtype":
            place.word(key, given, PLAIN_WORDS["dtype"])
            fields[inner] = given
        elif inner == "through":
            place.word(key, given, place.parameters)
            fields[inner] = given
        else:
            fields[inner] = spec(place, key, given)
    return fields


def case(place: Place, given: Any) -> dict[str, Any]:
    """One override: which argument, what it must be, and the fields as they are then."""
    if not isinstance(given, dict) or "argument" not in given:
        place.refuse("when", "each entry is a table with `argument` and a condition")
    place.word("when", given["argument"], place.names)
    conditions = [word for word in CONDITIONS if word in given]
    if len(conditions) != 1:
        place.refuse("when", f"one condition of {', '.join(f'`{word}`' for word in CONDITIONS)} is wanted")
    condition = conditions[0]
    if condition == "kind":
        place.word("when", given["kind"], CONSTANT_KINDS)
    changes = {key: value for key, value in given.items() if key not in ("argument", condition)}
    for key in changes:
        place.word("when", key, OVERRIDABLE)
    return {"argument": given["argument"], condition: given[condition], "then": fields_of(place, changes)}


READERS: dict[str, Callable[[Place, str, Any], Any]] = {
    **dict.fromkeys(PLAIN_WORDS, plain),
    **dict.fromkeys(SPECS, spec),
    **dict.fromkeys(WORD_LISTS, words),
    **dict.fromkeys(TREES, tree),
    **dict.fromkeys(("also", "module", "call"), names),
    **dict.fromkeys(("inputs", "class-axis"), whole),
    **dict.fromkeys(("prediction", "target-parameter"), one_name),
    "parameters": lambda place, _key, _value: place.parameters,
    "heads": lambda place, key, value: tuple(map(str, array(place, key, value))),
    "when": lambda place, key, value: tuple(case(place, one) for one in array(place, key, value)),
    "takes": wishes,
    "trains": paired,
    "alias": texts,
    "keywords": spelled,
    "by-shape": by_shape,
    "methods": by_method,
    "source": lambda _place, _key, value: str(value),
}
KEYS = (*READERS, "how")
FIXED = frozenset(
    ("is", "form", "also", "module", "parameters", "call", "when", "methods", "alias", "keywords", "by-shape")
)
OVERRIDABLE = tuple(key for key in KEYS if key not in FIXED)
