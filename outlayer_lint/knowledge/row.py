"""One row of a contract: what a callable of a library takes, wants and gives."""

from __future__ import annotations

from outlayer_lint.lattice import Emission
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMPY_WORDS = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "x1"), "other": ("x2",)}
BLANK: dict[str, Any] = {
    "emits": "unknown", "returns": "unknown", "wants": (), "accepts": (), "target": (), "takes": {}, "applies": "",
    "family": "", "transfer": "", "how": "", "yields": "unknown",
}  # fmt: skip
CALL = ("input", "target", "other")  # what modules call their inputs where a row does not say otherwise

KERAS = ("keras.", "tensorflow.", "tf_keras.", "transformers.TF")


class Row:
    """One contract: what a library callable takes, does and emits. Frozen by convention.

    A *spec* is a literal, or `("argument", name, default)`: the constant given for that parameter, else the default
    (`None`: none). `("item", name, default, index)` is one element of such an argument.

    Attributes:
        name: canonical qualified name: the row's key, or the spelling where a row describes several callables.
        kind: `activation`, `layer`, `operation`, `loss`, `metric`, `distribution`, `sampler`, ...
        parameters: names in positional order, tensor inputs first. A method's receiver is the first of them.
        variadic: the parameter that takes all remaining positional arguments (`permute(*dims)`), or "".
        inputs: how many tensor inputs there are.
        call: names of the tensor inputs, which is what a module is called with.
        constructor: names of the others, which is what a module is constructed with.
        form: `function`, `module` (a class: its constructor takes the parameters, a call takes the inputs) or `method`.
        transfer, how: what it does to what is known of its input; `how` names the variant.
        emits: what the result means, `None` where `transfer` says it from the input.
        axis, units, low, high, rank: specs of what is emitted.
        dim: spec of the dim that a shape operation or a reduction works on.
        dtype: of the result, `None` where it is the input's.
        returns: for results of several parts: a tuple, or a dict in order, whose parts are emissions (with the row's
            axis, units and rank), `"emits"` (what the row itself emits), `"keeps"` (what the input was), `"unknown"`,
            tuples and dicts again, or leaves: dicts with `emits` or `kind` that stand for themselves. `None` for one
            tensor. Elements of a dict can be had by position and by attribute.
        training: the same in training mode, where it differs.
        attributes: name -> leaf, of a data set's object.
        heads: attribute paths of a ready-made model (`fc`, `classifier.6`) whose replacement replaces its output.
        family, wants, accepts, applies, class_axis, target, reduction: of losses; see `rules/contracts/torch.toml`.
        prediction, target_parameter: names of the parameters that take them.
        when: overrides of fields by constant arguments, in order; `under` applies them.
        takes: parameter name -> emissions that are right for it (distributions, metrics).
        trains: of trainers: the parameters that take the `model` and the `criterion`, the name of the `default` loss;
            families that it does `not` hand the output as it is; parameters (`unless`) and methods (`replaced-by`) that
            put something else in its place.
        yields: what iterating it gives, for data.
        maps: what it makes of each element, for transforms.
        methods: method name -> what calling it does, for objects that are not modules.
        activation: spec of the activation that a layer puts on its result: a string that `alias` knows, a function or a
            layer; `None` where the row applies none. A fourth element is a context manager that sets the default.
        threshold: spec of the value from which a metric counts a prediction as positive.
        by_shape: for names that stand for different rows by what they meet (`metrics=["accuracy"]`): the row where the
            prediction has `one-unit`, where the target is an index (`index-target`), and `otherwise`.
        synonyms: parameter -> other keywords for it, as older versions or sister libraries spell them.
        source: where the row was checked, "" where the library was run.
    """

    __slots__ = (
        "_fields", "accepts", "activation", "applies", "attributes", "axis", "by_shape", "call", "class_axis", "dim",
        "dtype", "emits", "family", "form", "heads", "high", "how", "inputs", "kind", "low", "maps", "methods", "name",
        "parameters", "prediction", "rank", "reduction", "returns", "source", "synonyms", "takes", "target",
        "target_parameter", "threshold", "training", "trains", "transfer", "units", "variadic", "wants", "when",
        "yields",
    )  # fmt: skip

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        """`fields` as the table has them: words are strings, specs are tuples."""
        get = fields.get
        self._fields = fields
        self.name = name
        self.kind: str = get("is", "operation")
        self.parameters: tuple[str, ...] = get("parameters", ())
        self.variadic: str = get("variadic", "")
        self.form: str = get("form", "function")
        call = get("call")
        self.inputs: int = get("inputs") or (2 if self.kind == "loss" else 1) if call is None else len(call)
        if call is None:
            call = CALL[: self.inputs] if self.form == "module" else self.parameters[: self.inputs]
        self.call: tuple[str, ...] = call
        self.transfer: str = get("transfer", "")
        self.how: str = get("how", "")
        emits = get("emits", "unknown")
        self.emits = None if emits == "unknown" else Emission(emits)
        self.axis: Any = get("axis")
        self.units: Any = get("units")
        self.low: Any = get("low")
        self.high: Any = get("high")
        self.rank: Any = get("rank")
        self.dim: Any = get("dim")
        self.dtype: str | None = get("dtype")
        self.returns = _emissions(get("returns"))
        self.training = _emissions(get("training"))
        self.attributes = _emissions(get("attributes"))
        self.heads: tuple[str, ...] = get("heads", ())
        self.family: str = get("family", "")
        self.wants = tuple(map(Emission, get("wants", ())))
        self.accepts = tuple(map(Emission, get("accepts", ())))
        self.applies: str = get("applies", "")
        self.class_axis: int | None = get("class-axis")
        self.target = tuple(map(Emission, get("target", ())))
        judged = self.kind in ("loss", "metric")
        self.reduction: Any = get("reduction")
        self.prediction: str = get("prediction") or (self.call[0] if judged and self.call else "")
        self.target_parameter: str = get("target-parameter", self.call[1] if judged and len(self.call) > 1 else "")
        self.when: tuple[dict[str, Any], ...] = get("when", ())
        self.takes = {name: tuple(map(Emission, words)) for name, words in get("takes", {}).items()}
        self.trains: dict[str, Any] = get("trains", {})
        self.yields = _emissions(get("yields"))
        self.maps = _emissions(get("maps"))
        self.methods: dict[str, str] = get("methods", {})
        self.activation: Any = get("activation")
        self.threshold: Any = get("threshold")
        self.by_shape: dict[str, str] = get("by-shape", {})
        self.synonyms: dict[str, tuple[str, ...]] = get("keywords", {})
        self.source: str = get("source", "")

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    @property
    def of_keras(self) -> bool:
        """Whether it describes something of Keras or TensorFlow, which cast, normalise and flag as torch does not."""
        return self.name.startswith(KERAS)

    @property
    def shown(self) -> str:
        """The last segment of the name, as a user would call it; a class where it is built by `from_pretrained`."""
        before, _, last = self.name.rpartition(".")
        owner = before.rpartition(".")[2]
        return owner if last.startswith("from_") and owner[:1].isupper() else last

    @property
    def constructor(self) -> tuple[str, ...]:
        """The parameters that a module is constructed with."""
        return self.parameters if self.form == "module" else self.parameters[self.inputs :]

    def keywords(self, parameter: str) -> tuple[str, ...]:
        """The keywords that stand for a parameter: torch takes NumPy's too (`x.sum(axis=1)`)."""
        words = NUMPY_WORDS if self.name.startswith("torch.") else self.synonyms
        return (parameter, *words.get(parameter, ()))

    @property
    def module_call(self) -> bool:
        """Whether the name is a class to be constructed before it is called."""
        return self.form == "module"

    def known_as(self, name: str) -> Row:
        """The same contract under the name of something else that is used as if it were this."""
        return Row(name, self._fields)

    def under(self, arguments: Mapping[str, Any]) -> Row:
        """The row as these constants make it.

        Arguments that are left out have their defaults, which is what the row itself describes. Where an argument is
        not constant (`...`), what hinges on it is blank: nothing is emitted, wanted or applied, and no check can speak.
        """
        changes: dict[str, Any] = {}
        for case in self.when:
            holds = _holds(case, arguments)
            if holds:
                changes.update(case["then"])
            elif holds is None:
                changes.update((key, BLANK.get(key)) for key in case["then"])
        return Row(self.name, {**self._fields, **changes}) if changes else self


def _holds(case: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool | None:
    """Whether the condition of an override is met, `None` where it cannot be known."""
    name = case["argument"]
    value = arguments.get(name)
    if "given" in case:
        return bool((name in arguments) is case["given"])
    if "set" in case:
        return bool((value is not None) is case["set"])
    if name not in arguments or value is ...:
        return None if value is ... else False
    if "kind" in case:
        return bool(type(value).__name__ == case["kind"])
    if "not" in case:
        return bool(value != case["not"])
    return bool(value == case["is"]) and isinstance(value, bool) is isinstance(case["is"], bool)


def _emissions(tree: Any) -> Any:
    """The same tree with the words that are emissions as `Emission`."""
    if isinstance(tree, str):
        return Emission(tree) if tree in Emission._value2member_map_ else tree
    if isinstance(tree, dict):
        leaf = "emits" in tree or "kind" in tree
        return {key: _emissions(value) if key == "emits" or not leaf else value for key, value in tree.items()}
    return tuple(map(_emissions, tree)) if isinstance(tree, tuple) else tree
