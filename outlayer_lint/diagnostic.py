"""Where something was found and how it is told: spans, findings, diagnostics.

Lines and columns count from 1 in Unicode code points, ends are exclusive. In a notebook `cell` is the index in the
file's list of cells, from 0, and lines count inside the cell.
"""

from __future__ import annotations

from enum import StrEnum

from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from outlayer_lint.claims import Claim, Trial


class Severity(StrEnum):
    """How sure and how harmful; `ERROR` is proved on every path, `INFO` is shown only on request."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 2 for error."""
        return ("info", "warning", "error").index(self.value)


class Span(NamedTuple):
    """A stretch of source: from (`line`, `column`) up to but excluding (`end_line`, `end_column`)."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


AGAIN = "the same output is used here"  # a related place of the same mistake, which is reported once


class Related(NamedTuple):
    """Another place that belongs to a finding, with its own words ("softmax applied here")."""

    span: Span
    message: str


class Fix(NamedTuple):
    """What would repair a finding: an intention, not an edit.

    `kind` is one of `unwrap` (replace the call at `span` by its first argument), `rename` (call `text` instead),
    `set-keyword` (give keyword `name` the value `text`), `drop-keyword`, `swap` (exchange the first two arguments) or
    `advise` (no edit can be derived). `message` says it in words, present tense, no period.
    """

    kind: str
    message: str
    safety: str = "unsafe"
    span: Span | None = None
    name: str = ""
    text: str = ""


class Finding(NamedTuple):
    """What a check yields: where, which grade of its page, because of which places, and what would repair it."""

    span: Span
    grade: str
    because: tuple[Related, ...] = ()
    fix: Fix | None = None
    words: dict[str, Any] = {}  # noqa: RUF012 - never mutated; placeholders of the page's message
    certainty: str = "proved"


class Diagnostic(NamedTuple):
    """A finding dressed by its rule, ready to show; `trace` once its `claim` was put to trial."""

    code: str
    rule: str
    severity: Severity
    certainty: str
    message: str
    span: Span
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    trace: Trial | None = None
    claim: Claim | None = None


class Unread(NamedTuple):
    """A file, or a line of one, that could not be analysed."""

    path: str
    line: int
    message: str


class Pair(NamedTuple):
    """One consumer call and one output that reaches it.

    `verdict` is `consistent`, `contradicted` or `unresolved`; `reason` is a word of the fixed vocabulary of reasons
    where it is `unresolved`; `head` is where the layer that made the output was built. `output` is the tensor of the
    lattice, described when somebody asks: how many units it has may take longer to find out than all else.
    """

    span: Span
    consumer: str
    verdict: str
    output: Any = None
    head: Span | None = None
    code: str = ""
    reason: str = ""

    @property
    def emits(self) -> str:
        """What the output means, as `# emits:` has it, "" where it is unknown."""
        return "" if self.output is None else repr(self.output)

    @property
    def units(self) -> int | None:
        """Size of the output's class dim, `None` where it is unknown."""
        return None if self.output is None else self.output.units


class Use(NamedTuple):
    """One link of the drawing: an output of a model and who takes it.

    `kind` is what takes it: `loss`, `metric`, `distribution`, `sampler`, `decision`, or "" where nobody was found, and
    then `verdict` is `unused`. `model` and `where` name what the head and the consumer stand in; `expects` are the
    emissions that the consumer is made for.
    """

    span: Span
    kind: str
    consumer: str
    verdict: str
    emits: str = ""
    units: int | None = None
    head: Span | None = None
    model: str = ""
    where: str = ""
    expects: tuple[str, ...] = ()
    code: str = ""
    reason: str = ""


class Report(NamedTuple):
    """What a run found. `files` were looked at, `analysed` had something to analyse."""

    diagnostics: tuple[Diagnostic, ...] = ()
    errors: tuple[Unread, ...] = ()
    files: int = 0
    analysed: int = 0
    pairs: tuple[Pair, ...] = ()
    broken: tuple[str, ...] = ()  # our own bugs, a sentence each: exit code 2
    accepted: int = 0  # findings that the baseline accepts, which are not among the diagnostics
    uses: tuple[Use, ...] = ()  # where they were asked for
