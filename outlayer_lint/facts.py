"""What was understood about a program: the waist between the interpreter (or the tracer) and the checks.

Checks see these and nothing else: no syntax, no framework. One fact is one event in one context (one way of calling);
the engine merges the findings of several contexts.
"""

from __future__ import annotations

from outlayer_lint.diagnostic import Related
from outlayer_lint.lattice import NOTHING
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outlayer_lint.diagnostic import Span
    from outlayer_lint.knowledge import Row
    from outlayer_lint.lattice import Tensor, Value


class Fact:
    """What all facts have: where it happened and the words a message may quote."""

    __slots__ = ("related", "span", "words")

    def __init__(self, span: Span, words: Mapping[str, Any] | None = None, related: tuple[Related, ...] = ()) -> None:
        """`words` fill the placeholders of messages; `related` are places of the context (the bad caller)."""
        self.span = span
        self.words = dict(words or {})
        self.related = related


class LossCall(Fact):
    """A loss receives a prediction and a target.

    Attributes:
        loss: the contract row of the loss. `loss.family`, `loss.wants` (emissions), `loss.target` tell what it is.
        arguments: constants given to the loss (`reduction`, `log_target`, ...); absent where not given, `...`
            (Ellipsis) where given but not constant.
        prediction, target: abstract values. `prediction.known` is required before speaking.
        weight_length, pos_weight_length: number of class weights, `None` where unknown or not given.
        classes: number of classes proved by the data (`INDEX(k)`, a data set), or `None`.
        evidence: asks the interpreter for one piece of evidence by name, lazily:
            `target-is-input`: prediction is a reconstruction of the target;
            `same-activation`: the target is an output that went through the same activation;
            `bootstrapped`: the target is computed from a network's output (TD targets, teachers, GAN labels);
            `discounted`: the target is such a value times a discount, plus a reward;
            `gan-label`: the target is all ones or all zeros (or noise around them);
            `predicted`: the prediction was read off a Keras model by `predict`, where nothing records a gradient;
            `menu`: the loss is one of several chosen by configuration;
            `convolution-last`: the head is a convolution (dense output: images, masks);
            `argmax`, `threshold`, `accuracy`: the same output is decided so elsewhere, or its accuracy is computed;
            `score-name`: the target's name says score, ratio, probability, rank;
            `count-name`: the target's name says price, count, area, distance, depth, age.
        mode: `train` or `eval`.
        swapped: the value in the prediction's place is batch data and the one in the target's place a model's output.
    """

    __slots__ = (
        "arguments", "classes", "evidence", "loss", "mode", "pos_weight_length", "prediction", "swapped", "target",
        "weight_length",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, loss: Row, prediction: Value, target: Value = NOTHING, *,
        arguments: Mapping[str, Any] | None = None, weight_length: int | None = None,
        pos_weight_length: int | None = None, classes: int | None = None, evidence: Callable[[str], bool] | None = None,
        mode: str = "train", swapped: bool = False, words: Mapping[str, Any] | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.loss = loss
        self.prediction = prediction
        self.target = target
        self.arguments = dict(arguments or {})
        self.weight_length = weight_length
        self.pos_weight_length = pos_weight_length
        self.classes = classes
        self.evidence = evidence or (lambda _: False)
        self.mode = mode
        self.swapped = swapped

    @property
    def ranks(self) -> tuple[int | None, int | None]:
        """The number of dims of prediction and target, in the same run."""
        return self.prediction.rank, self.target.rank


class LossBuilt(Fact):
    """A loss object is constructed, or a functional loss is called: its arguments as written.

    Attributes:
        loss: the contract row. `loss.module_call` is true where this is the constructor of a loss module.
        positional: parameter name -> constant for arguments given by position (`...` where not constant).
        keywords: the same for keyword arguments.
        tensors: names of parameters that were given a model's output or a batch's data.
        scaled: the loss's value is multiplied or divided where it is computed.
    """

    __slots__ = ("keywords", "loss", "module_call", "positional", "scaled", "tensors")

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, loss: Row, *, positional: Mapping[str, Any] | None = None,
        keywords: Mapping[str, Any] | None = None, tensors: tuple[str, ...] = (), module_call: bool = True,
        scaled: bool = False, words: Mapping[str, Any] | None = None, related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.loss = loss
        self.scaled = scaled
        self.positional = dict(positional or {})
        self.keywords = dict(keywords or {})
        self.tensors = tensors
        self.module_call = module_call


class Applied(Fact):
    """An activation, a logarithm, a division or the like is applied to a value.

    Attributes:
        operation: the contract row; `operation.transfer` says what it does.
        operand: what it is applied to.
        axis: the dim as written, `None` where given but not constant, `"implicit"` where left out.
        constant: a scalar operand (temperature, epsilon), or `None`; `parameter` is true where it is not constant.
        form: "" or the recognised written-out form: `hand-softmax` (`exp(x) / exp(x).sum()`), `one-minus` (operand is
            `1 - x` and `operand` is the `x`), `hand-binary` (`y * log(x) + (1 - y) * log(1 - x)`), `hand-categorical`
            (`(y * log(x)).sum()` with rows of labels `y`).
        reaches: what consumes the result, a set of `loss`, `decision`, `distribution`, `output` (a model returns it).
    """

    __slots__ = ("axis", "constant", "form", "operand", "operation", "parameter", "reaches")

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, operation: Row, operand: Value, *, axis: int | str | None = None,
        constant: float | None = None, parameter: bool = False, form: str = "", reaches: frozenset[str] = frozenset(),
        words: Mapping[str, Any] | None = None, related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.operation = operation
        self.operand = operand
        self.axis = axis
        self.constant = constant
        self.parameter = parameter
        self.form = form
        self.reaches = reaches


class Decision(Fact):
    """A prediction is turned into a decision.

    Attributes:
        kind: `threshold`, `round` or `argmax`; `pick` where one entry of each row is taken by an index (`gather` along
            `dim`, `p[range(n), labels]`), as a loss written out does; `layer` where a layer leaves nothing to decide,
            whatever it is given.
        operand: the value decided upon.
        constant: the threshold, or `None`.
        dim: the dim of an argmax or a pick as written, `"implicit"` where left out, `None` where not constant.
        trained_with: rows of the losses that the same head is trained with, empty where none is connected.
        method: the method's name where it is referenced and not called (`.argmax` without parentheses), else "".
    """

    __slots__ = ("constant", "dim", "kind", "method", "operand", "trained_with")

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, kind: str, operand: Value, *, constant: float | None = None, dim: int | str | None = None,
        trained_with: tuple[Row, ...] = (), method: str = "", words: Mapping[str, Any] | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.kind = kind
        self.operand = operand
        self.constant = constant
        self.dim = dim
        self.trained_with = trained_with
        self.method = method


class Consumed(Fact):
    """A metric, a distribution or a sampler receives a prediction.

    Attributes:
        consumer: the contract row; `consumer.kind` is `metric`, `distribution` or `sampler`, `consumer.wants` what the
            parameter takes.
        parameter: the parameter that received it (`probs`, `logits`, `weights`, ...).
        prediction: the value.
        arguments: constants given to the consumer's constructor (`threshold`, `from_logits`, ...), as in `LossCall`.
        trained: the loss calls of the same head in the same `compile`, empty where the consumer stands by itself.
    """

    __slots__ = ("arguments", "consumer", "parameter", "prediction", "trained")

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, consumer: Row, parameter: str, prediction: Value, *,
        arguments: Mapping[str, Any] | None = None, trained: tuple[LossCall, ...] = (),
        words: Mapping[str, Any] | None = None, related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.consumer = consumer
        self.parameter = parameter
        self.prediction = prediction
        self.arguments = dict(arguments or {})
        self.trained = trained


class Compiled(Fact):
    """A Keras model and its losses are put together by `compile`. Each head's own `LossCall` is a fact beside it.

    Attributes:
        heads: the model's outputs in order, each a value; empty where their number is not known.
        names: the heads' names where they are known, else empty strings.
        losses: the loss rows as given, in the order they are written; `None` for an entry of `None`.
        form: `one` (a single loss), `list` or `dict`.
        keys: the keys of a dict of losses.
        weights: number of `loss_weights`, or `None` where not given or not known.
    """

    __slots__ = ("form", "heads", "keys", "losses", "names", "weights")

    def __init__(  # noqa: PLR0913 - a record
        self, span: Span, heads: tuple[Value, ...], losses: tuple[Row | None, ...], *, form: str = "one",
        names: tuple[str, ...] = (), keys: tuple[str, ...] = (), weights: int | None = None,
        words: Mapping[str, Any] | None = None, related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        """See the class."""
        super().__init__(span, words, related)
        self.heads = heads
        self.losses = losses
        self.form = form
        self.names = names
        self.keys = keys
        self.weights = weights


def places(tensor: Tensor) -> tuple[Related, ...]:
    """Where the tensor's emission was applied and where its layer was built, as related places of a finding."""
    maker = tensor
    while "." not in maker.by and maker.inner.ways and maker.inner.ways[0].origin.applied == tensor.origin.applied:
        maker = maker.inner.ways[0]  # arithmetic keeps the place of what it was done to
    name = maker.by.rpartition(".")[2] or str(maker.emission)
    origin = tensor.origin
    found = []
    if origin.applied is not None:
        found.append(Related(origin.applied, f"{name} applied here"))
    if origin.built is not None and origin.built != origin.applied:
        found.append(Related(origin.built, f"{name} built here"))
    return tuple(found)
