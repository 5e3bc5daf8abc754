"""Where questions begin: calls that look like consumers, found by words in the bytes and confirmed by evaluation."""

from __future__ import annotations

import ast

from outlayer_lint.interpret.questions import standing
from outlayer_lint.records import TYPE_CHECKING, NamedTuple
from outlayer_lint.resolve.blocks import Place, last
from outlayer_lint.resolve.searched import encoded, phrases
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from outlayer_lint.resolve.blocks import Block
    from outlayer_lint.resolve.sourcefile import SourceFile

# Names that people give to losses. Only which calls are looked at depends on them; what a name holds is evaluated.
# A class called `...Error` is an exception, if it is none of the losses that rows know.
LIKELY_LOSS = r"(?-i:(?![A-Z]\w*Error\b))\w*(?:loss|crit|objective|cost|entropy|bce|nll|mse|error|kl_?d)\w*"
LIKELY_PARTS = b"loss crit objective cost entropy bce nll mse error kld kl_d".split()
NORMALISERS = ("softmax", "softmin", "sigmoid", "expit")
BESIDES = ("keras", "tensorflow", "optax", "segmentation_models.", "skorch", "ignite", "fastai")
MEASURING = ("keras", "tensorflow")
DRAWING = ("distribution", "distribution class", "sampler", "sampler class")
NAMED = tuple(name.rstrip(".").encode() for name in BESIDES)
PICKING = frozenset(("gather", "take_along_dim"))
DECIDING = PICKING | {"argmax", "max", "round", "rint", "gt", "ge", "lt", "le", "log"}
SQUARING = "square"  # of a difference, it is a loss that is written out
HAND_WRITTEN = 8  # lines from an exponent to the division by its sum
BRIEF = PICKING | {"max"}  # asked only as far as little leads: more often than not no output is meant
BY_PATTERN = frozenset(("log", "max"))
UPDATING = ("update_state",)  # the methods by which an object that measures takes outputs
UNCALLED = frozenset(("item", "argmax", "tolist", "numpy"))
UNCALLED_WORDS = encoded(UNCALLED)
# Patterns for single lines, each with the words that bring a line to attention. Compiled when first searched for.
ONE_ARGUMENT = r"(?:[^\n(),=]|\([^\n(),=]*\))*+\)"  # of a call, to its end
NO_DIM = (
    rf"[Ss]oft[Mm](?:ax|in)\w*\s*\((?:{ONE_ARGUMENT}|(?![^\n]*(?:dim|axis|,)))",
    ("oftmax", "oftMax", "oftmin", "oftMin"),
)
THRESHOLD = r"[<>]=?\s*(?:0?\.\d|[\w.\[\"']*(?:[Tt]hr|THR)|[\w.]*\b(?:ones|full)(?:_like)?\()", ("<", ">")
NOT_CALLED = r"\.(?:item|argmax|tolist|numpy)\b(?!\s*[(.])", (".item", ".argmax", ".tolist", ".numpy")
LOGARITHM = r"\blog_?\s*\((?!\s*(?:[fr]?[\"']|[{]|\w+\s*=))", ("log(", "log_(")
DIVISION = r"[\w)\]]\s*/\s*[(\w]", ("/",)
LARGEST = r",\s*\w+\s*=(?!=)[^\n]*\.max\s*\(|\.max\s*\([^\n]*(?:\[1\]|\.indices)", (".max(", ".max (")
ONE_OF_EACH_ROW = r"[\w)\]]\[[\w.]*range\(", ("[range(", "arange(")
SERVES = phrases(b"load_state_dict", b".eval()", b"no_grad", b"torch.load", b"from_pretrained", b"__main__")
LOADS = phrases(
    b"load_state_dict(", b"load_weights(", b"torch.load(", b".eval()", b".backward(", b".zero_grad(", b".minimize(",
    b".apply_gradients(", b"GradientTape",
)  # fmt: skip
TRAINS = phrases(
    b"_step(", b".step(", b".fit(", b".fit_generator(", b"train_on_batch", b".compile(", b"Trainer(", b"__main__",
)  # fmt: skip
SAMPLES = phrases(b"Categorical", b"Bernoulli", b"multinomial", b"random.categorical")


class Seed(NamedTuple):
    """A call to be asked about; `overlay` are the comprehensions and lambdas around it, the outermost first."""

    node: ast.Call
    place: Place
    overlay: tuple[ast.AST, ...]


def names_another(file: SourceFile) -> bool:
    """Whether a file names a library beside torch whose words for losses and layers are short."""
    return any(name in file.digest for name in NAMED)


class Vocabulary:
    """The words of the rows that begin a question, by kind of consumer."""

    def __init__(self, spellings: list[tuple[str, str, str]]) -> None:
        """(spelling, form, kind) of all consumers."""
        self.others: dict[str, set[str]] = {}
        trainers: set[str] = set()
        functions: set[str] = set()
        classes: set[str] = set()
        own: set[bytes] = set()
        foreign: set[bytes] = set()
        measures: set[str] = set()
        self._measuring: dict[SourceFile, set[str]] = {}
        for spelling, form, kind in spellings:
            if kind in ("distribution", "sampler") and form == "method" and ".distributions." in spelling:
                continue  # what is asked of a distribution says nothing of how it was made
            if kind == "trainer":
                trainers.add(spelling.rpartition(".")[2])
                foreign.add(spelling.rpartition(".")[2].encode())
            elif kind != "loss":
                if kind == "metric" and form == "module" and spelling.startswith(MEASURING):
                    measures.add(spelling.rpartition(".")[2])
                self.others.setdefault(spelling.rpartition(".")[2], set()).add(
                    kind if form != "module" else f"{kind} class"
                )
            else:
                word = spelling.rpartition(".")[2]
                (classes if form == "module" else functions).add(word)
                if "oss" not in word:
                    (foreign if spelling.startswith(BESIDES) else own).add(word.encode())
        self.functions = functions | {SQUARING}
        self.trainers = encoded(trainers)
        self.measures = encoded(measures)
        self.classes = encoded(classes)
        self.words = (
            b"loss",
            b"Loss",
            b"LOSS",
            b"crit",
            b"Crit",
            b"ntropy",
            b"objective",
            *sorted(own),
        )
        self.foreign = (foreign - own) | {SQUARING.encode()}
        self.activations = {
            n for n, kinds in self.others.items() if "activation" in kinds and any(w in n.lower() for w in NORMALISERS)
        }
        self.activation_classes = {
            n
            for n, kinds in self.others.items()
            if "activation class" in kinds and any(w in n.lower() for w in NORMALISERS)
        }
        self.consumers = {
            n for n, kinds in self.others.items() if not all(k.startswith("activation") for k in kinds)
        } | DECIDING
        self.normalising = encoded(self.activations)
        self.applied = encoded(self.activations | self.activation_classes)
        drawn = {n for n, kinds in self.others.items() if not kinds.isdisjoint(DRAWING)}
        self.drawing = encoded(_with_in_place(drawn))
        self.cutting = encoded(_with_in_place(self.consumers - BY_PATTERN))

    def relevant(self, file: SourceFile) -> bool:
        """Whether a file may call a loss. Other libraries' short words (`mse`, `dice`) count where those are named."""
        digest = file.digest
        return any(word in digest for word in self.words) or (
            names_another(file) and not self.foreign.isdisjoint(file.tokens)
        )

    def deciding(self, file: SourceFile, *, serves: bool, alone: bool) -> list[int]:
        """Lines on which a decision may be taken, a sample drawn, a metric computed, or a softmax applied.

        Of a file that only defines models (`alone`), those that show a mistake by themselves: what is decided, measured
        or cut is seen where a model is put to use. Only a file that `serves` a model applies an activation to what one
        returns.
        """
        tokens = file.tokens
        lines = set(file.lines_calling(*file.among(self.drawing if alone else self.cutting)))
        if b"log" in tokens or b"log_" in tokens:
            lines.update(file.lines_with(*LOGARITHM))
        if b"oft" in file.digest:
            lines.update(file.lines_with(*NO_DIM))
        if b"exp" in tokens:
            near = {line + more for line in file.lines_calling("exp") for more in range(HAND_WRITTEN)}
            lines.update(near.intersection(file.lines_with(*DIVISION)))
        if file.among(UNCALLED_WORDS):
            lines.update(file.lines_with(*NOT_CALLED))
        if alone:
            return sorted(lines)
        if serves:
            lines.update(file.lines_calling(*file.among(self.normalising)))
        if measuring := self.measuring(file):
            lines.update(file.lines_calling(*UPDATING, *measuring))
        lines.update(file.lines_with(*THRESHOLD))
        if b"range" in tokens or b"arange" in tokens:
            lines.update(file.lines_with(*ONE_OF_EACH_ROW))
        if b"max" in tokens:
            lines.update(file.lines_with(*LARGEST))
        return sorted(lines)

    def asks(self, word: str) -> bool:
        """Whether a called word may be one of these."""
        return word.rstrip("_") in self.consumers or word in self.activations or word in self.activation_classes

    def question(self, node: ast.expr, seed: Seed) -> str:
        """What to ask of an expression, as far as its form tells; "" for nothing. Costs little, unlike the question."""
        if isinstance(node, ast.Call):
            name = last(node.func)
            if name in UPDATING or name in self.measuring(seed.place.block.scope.file):
                return "called"
            if name in self.activation_classes and not isinstance(node.func, ast.Call):
                return "" if standing.gives_dim(node) else "built"
            if name in self.activations and standing.gives_dim(node):
                inside = standing.on_products(seed, node) or not standing.outside_models(seed)
                if not standing.on_an_output(node) or (standing.names_dim(node) and inside):
                    return ""
            if not self.asks(name) or (name.rstrip("_") in DECIDING and not _decides(node, name.rstrip("_"))):
                return ""
            if name == "log" and node.args and not _of_a_module(node.func, seed.place.block.scope.file):
                return ""
            return "called"
        if isinstance(node, ast.Compare):
            return "compared" if _cuts(node) else ""
        if isinstance(node, ast.BinOp):
            return "divided"
        if isinstance(node, ast.Subscript):
            return "picked"
        return "uncalled" if isinstance(node, ast.Attribute) else ""

    def measuring(self, file: SourceFile) -> set[str]:
        """Names that a file binds to something built from a metric class of Keras."""
        if file not in self._measuring:
            made = file.among(self.measures) if names_another(file) else ()
            self._measuring[file] = {name for cls in made for name in file.bound_to(cls)}
        return self._measuring[file]

    def names_bound(self, file: SourceFile) -> set[str]:
        """Names that a file binds to something built from a loss class."""
        return {name for cls in file.among(self.classes) for name in file.bound_to(cls)}


def _with_in_place(words: set[str]) -> set[str]:
    return words | {f"{word}_" for word in words}


def statements_on(file: SourceFile, line: int) -> Iterator[Place]:
    """The innermost statement that covers a line, then the others on it: `a(); b()`, `if p > 0.5: c()`."""
    innermost = file.locate(line)
    if innermost is None:
        return
    block: Block | None = innermost.block
    last = innermost.index
    while block is not None:
        while last >= 0 and (block.statements[last].end_lineno or 0) >= line:
            yield Place(block, last)
            last -= 1
        if block.statement is None or block.statement.lineno != line:
            return
        last = block.index
        block = block.parent


def calls_at(file: SourceFile, lines: list[int], wanted: Container[str]) -> list[Seed]:
    """The calls on these lines whose last name is wanted, each once."""
    found: dict[int, Seed] = {}
    for line in lines:
        for place in statements_on(file, line):
            for node, overlay in _calls(place):
                if _name(node, wanted) and id(node) not in found:
                    found[id(node)] = Seed(node, place, overlay)
    return list(found.values())


def _name(node: ast.Call, wanted: Container[str]) -> bool:
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in ("forward", "__call__"):
            inner = function.value
            name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
            if name in wanted:
                return True
        return function.attr in wanted
    if isinstance(function, ast.Name):
        return function.id in wanted
    if isinstance(function, ast.Call):  # nn.CrossEntropyLoss()(x, y)
        return _name(function, wanted)
    if isinstance(function, ast.Subscript):  # losses["cls"](x, y)
        inner = function.value
        name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
        return name in wanted
    return False


def _calls(place: Place) -> Iterator[tuple[ast.Call, tuple[ast.AST, ...]]]:
    """All calls in a statement's own expressions, with what encloses them."""
    for node, overlay in _expressions(place):
        if isinstance(node, ast.Call):
            yield node, overlay


def expressions_at(file: SourceFile, lines: list[int]) -> list[tuple[Seed, ast.expr]]:
    """Calls, comparisons, divisions and uncalled decision methods that stand on these lines, each once."""
    wanted = set(lines)
    found: dict[int, tuple[Seed, ast.expr]] = {}
    for line in lines:
        called: set[int] = set()
        everything = [(place, *found) for place in statements_on(file, line) for found in _expressions(place)]
        for place, node, overlay in everything:
            if isinstance(node, ast.Call):
                called.add(id(node.func))
            interesting = (
                isinstance(node, (ast.Call, ast.Compare))
                or (isinstance(node, ast.Subscript) and _picks(node))
                or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
                or (isinstance(node, ast.Attribute) and node.attr in UNCALLED and id(node) not in called)
            )
            inside = any(n in wanted for n in range(node.lineno, (node.end_lineno or node.lineno) + 1))
            if interesting and inside and id(node) not in found:
                found[id(node)] = (Seed(node, place, overlay), node)  # type: ignore[arg-type]
    return list(found.values())


def _cuts(node: ast.Compare) -> bool:
    """Whether something that may be a tensor is compared with a number between 0 and 1, or with a threshold."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
        return False
    left, right = node.left, node.comparators[0]
    if (
        isinstance(left, ast.Call)
        and isinstance(left.func, ast.Name)
        and left.func.id in ("len", "int", "float", "abs", "random")
    ):
        return False
    if isinstance(right, ast.Constant):
        return _is_share(right) and not isinstance(left, ast.Constant)
    if isinstance(right, (ast.Call, ast.BinOp)):  # 0.5 * torch.ones_like(x)
        return not isinstance(left, ast.Constant) and any(map(_is_share, walk(right)))
    named = right.slice if isinstance(right, ast.Subscript) else right
    name = str(named.value) if isinstance(named, ast.Constant) else last(named)
    return "thr" in name.lower() and not isinstance(left, ast.Constant)


def _is_share(node: ast.AST) -> bool:
    """Whether it is a number between 0 and 1."""
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value < 1


def _picks(node: ast.Subscript) -> bool:
    """Whether one entry of each row is taken: `p[range(n), labels]`."""
    index = node.slice
    if not isinstance(index, ast.Tuple) or len(index.elts) != 2 or not isinstance(index.elts[0], ast.Call):
        return False
    return last(index.elts[0].func) in ("range", "arange") and not isinstance(index.elts[1], (ast.Slice, ast.Constant))


def _decides(node: ast.Call, name: str) -> bool:
    """Whether the call has the form of a decision: `round(x)` but not `round(x, 2)`, `x.gt(0.5)` but not `x.gt(y)`."""
    arguments = [*node.args, *(k.value for k in node.keywords)]
    if name in ("round", "rint"):
        method = isinstance(node.func, ast.Attribute) and not node.args
        return not node.keywords and (
            method or (len(node.args) == 1 and not isinstance(node.args[0], (ast.Constant, ast.BinOp)))
        )
    if name in ("gt", "ge", "lt", "le"):
        last = arguments[-1] if arguments else None
        return isinstance(last, (ast.Name, ast.Attribute)) or (
            isinstance(last, ast.Constant) and isinstance(last.value, float) and 0 < last.value < 1
        )
    if name in PICKING:
        return len(arguments) > 1
    if name == "max":  # with a dim: the place of the largest is a decision
        return isinstance(node.func, ast.Attribute) and 1 <= len(arguments) <= 3
    if name == "log":
        module = node.func.value if isinstance(node.func, ast.Attribute) else None
        return not (
            isinstance(module, ast.Name) and module.id in ("math", "logger", "wandb", "logging", "console")
        ) and not (node.args and isinstance(node.args[0], ast.Constant))
    return True


def _of_a_module(function: ast.expr, file: SourceFile) -> bool:
    """Whether what is called may come from an import: `logger.log(x)` and `self.log(x)` do not."""
    at = function
    while isinstance(at, ast.Attribute):
        at = at.value
    scope = file.scope
    if at is function or not isinstance(at, ast.Name) or scope is None:
        return at is function
    block = scope.block
    return at.id in block.names and any(
        name == at.id and definition.kind == "import"
        for index in block.names[at.id]
        for where in (block, *block.subs.get(index, ()))
        for name, definition in [pair for pairs in where.writes.values() for pair in pairs]
    )


def _expressions(place: Place) -> list[tuple[ast.expr, tuple[ast.AST, ...]]]:
    """Calls, comparisons, operations and attributes of a statement itself, with the lambdas and loops around them."""
    statement = place.block.statements[place.index]
    found: list[tuple[ast.expr, tuple[ast.AST, ...]]] = []
    for field in statement._fields:
        if field not in BODIES:
            _gather(getattr(statement, field, None), (), found)
    return found


BODIES = frozenset(("body", "orelse", "finalbody", "handlers", "cases"))
ASKED = frozenset((ast.Call, ast.Compare, ast.BinOp, ast.Attribute, ast.Subscript))
LEAVES = frozenset((ast.Name, ast.Constant))
AROUND = frozenset((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp, ast.Lambda))


def _gather(value: object, overlay: tuple[ast.AST, ...], found: list[tuple[ast.expr, tuple[ast.AST, ...]]]) -> None:
    kind = type(value)
    if kind is list:
        for item in value:  # type: ignore[attr-defined]
            if type(item) not in LEAVES:
                _gather(item, overlay, found)
    elif kind not in LEAVES and isinstance(value, ast.AST):
        if kind in ASKED:
            found.append((value, overlay))  # type: ignore[arg-type]
        elif kind in AROUND:
            overlay = (*overlay, value)
        for field in value._fields:
            _gather(getattr(value, field, None), overlay, found)
