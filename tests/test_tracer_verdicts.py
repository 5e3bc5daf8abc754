"""What evidence makes of a finding. Nothing is run here: the evidence is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commandline import MODEL, TRAIN, written
from hypothesis import given, settings
from hypothesis import strategies as st

from outlayer_lint.claims import Trial
from outlayer_lint.config import Config
from outlayer_lint.diagnostic import Diagnostic, Related, Span
from outlayer_lint.engine import check
from outlayer_lint.lattice import Emission
from outlayer_lint.tracer.ends import End
from outlayer_lint.tracer.reach import Reach
from outlayer_lint.tracer.verdicts import (
    SILENT,
    Evidence,
    Output,
    Seen,
    contradict,
    suffices,
    value_of,
    verdict,
    words,
)  # fmt: skip

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Evidence((), (), (), {})
WORDS = st.sampled_from([str(emission) for emission in Emission])
RAW = MODEL.replace("self.softmax(self.head(x))", "self.head(x)")
BINARY = TRAIN.replace("CrossEntropyLoss", "BCELoss").replace("torch.tensor([0, 1])", "torch.rand(2, 3)")
TRAINED = RAW.replace("self.head(x)\n", "self.head(x) if self.training else self.softmax(self.head(x))\n")


@pytest.mark.parametrize(
    ("emits", "wanted"),
    [
        ("simplex(1), 10 units", {"simplex"}),
        ("logit | unit, 1 unit", {"logit", "unit"}),
        ("bnd(0, 6)", {"bnd"}),
        ("unknown: budget", set()),
        ("hid", set()),
        ("", set()),
    ],
)
def test_the_words_of_a_value(emits: str, wanted: set[str]) -> None:
    assert words(emits) == wanted


@settings(deadline=None)
@given(st.lists(WORDS), st.lists(WORDS))
def test_what_shares_a_word_or_says_nothing_is_no_contradiction(some: list[str], others: list[str]) -> None:
    assert not contradict(some, some)
    assert not contradict([*some, *others], others)
    assert contradict(some, others) == contradict(others, some)
    assert not contradict(some, [])
    if set(some) & SILENT:
        assert not contradict(some, others)


def test_a_case_of_something_wider_is_no_contradiction() -> None:
    assert contradict(["logit"], ["unit"])
    assert contradict(["simplex"], ["logit"])
    assert contradict(["logp"], ["simplex"])
    assert not contradict(["simplex"], ["unit"])
    assert not contradict(["nonneg"], ["simplex"])
    assert not contradict(["logit", "unit"], ["unit"])


def finding_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Diagnostic:
    """The one finding of a project, with its claim."""
    monkeypatch.chdir(written(folder, **files))
    (found,) = check(["."], Config(), claims=True).diagnostics
    assert found.claim is not None
    return found


def seen_at(finding: Diagnostic, emits: str, *, through: bool = True) -> Seen:
    """A value that arrived at the finding's place, the way that it describes or another."""
    assert finding.claim is not None
    places = {(span.path, span.line, span.column) for span in finding.claim.places}
    came = frozenset(places if through else {("other.py", 1, 1)})
    return Seen(finding.span, words(emits), came, "told", 4, "train.py", loss=True)


def output_of(finding: Diagnostic, emits: str, *, through: bool = True) -> Output:
    """An output of the model behind the finding."""
    seen = seen_at(finding, emits, through=through)
    return Output("model.py:Net", "out", seen.emits, emits, seen.through, value_of(emits, [2, 3], 3), as_it_is=False)


def test_a_loss_that_was_seen_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(tmp_path, monkeypatch, model=MODEL, train=TRAIN)
    reach = Reach(str(tmp_path))

    def said(*seen: Seen) -> str:
        return verdict(finding, NOTHING._replace(seen=seen), reach).verdict

    assert said(seen_at(finding, "logit, 3 units")) == "refuted"
    assert said(seen_at(finding, "simplex(1), 3 units")) == "inconclusive"  # the check itself did not speak
    assert said(seen_at(finding, "unit, 3 units")) == "inconclusive"
    assert said(seen_at(finding, "unknown: budget")) == "inconclusive"
    assert said(seen_at(finding, "logit"), seen_at(finding, "simplex(1)")) == "inconclusive"
    assert said(seen_at(finding, "logit", through=False)) == "inconclusive"
    assert said(seen_at(finding, "logit")._replace(loss=False)) == "not-run"
    elsewhere = finding.span._replace(line=1, end_line=1)
    assert said(seen_at(finding, "logit")._replace(span=elsewhere)) == "not-run"


def test_the_same_check_at_the_same_place_confirms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(tmp_path, monkeypatch, model=MODEL, train=TRAIN)
    reach = Reach(str(tmp_path))

    def said(found: Diagnostic, *seen: Seen) -> str:
        return verdict(finding, NOTHING._replace(found=((found, "train.py"),), seen=seen), reach).verdict

    assert said(finding) == "confirmed"
    assert said(finding, seen_at(finding, "logit")) == "confirmed"  # one of several that were seen there
    assert said(finding._replace(code="OLL999")) == "not-run"
    other = Related(Span("other.py", 3, 1, 3, 9), "softmax applied here")
    assert said(finding._replace(related=(other,))) == "not-run"
    assert said(finding._replace(span=finding.span._replace(line=1, end_line=1))) == "not-run"


def test_a_model_decides_where_its_output_is_all_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(tmp_path / "a", monkeypatch, model=MODEL, train=TRAIN)
    reach = Reach(str(tmp_path / "a"))

    def said(*outputs: Output) -> Trial:
        return verdict(finding, NOTHING._replace(outputs=outputs), reach)

    assert said(output_of(finding, "simplex(1), 3 units")).verdict == "confirmed"
    assert said(output_of(finding, "logit, 3 units")).verdict == "refuted"
    assert said(output_of(finding, "logit"), output_of(finding, "simplex(1)")).verdict == "inconclusive"
    assert said(output_of(finding, "")).verdict == "inconclusive"
    assert said(output_of(finding, "logit", through=False)).verdict == "not-run"
    changed = output_of(finding, "logit, 3 units")._replace(as_it_is=True)
    assert said(output_of(finding, "simplex(1), 3 units"), changed).verdict == "refuted"


def test_a_model_that_does_otherwise_in_training_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = finding_of(tmp_path, monkeypatch, model=TRAINED, train=BINARY)
    output = output_of(finding, "simplex(1), 3 units")
    assert verdict(finding, NOTHING._replace(outputs=(output,)), Reach(str(tmp_path))).verdict == "inconclusive"


def test_an_emission_confirms_where_the_rule_asks_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = finding_of(tmp_path, monkeypatch, model=MODEL, train=TRAIN)
    assert finding.claim is not None
    assert suffices(finding, finding.claim, value_of("simplex(1), 3 units", [2, 3], 3))
    assert not suffices(finding, finding.claim, value_of("logit, 3 units", [2, 3], 3))
    assert not suffices(finding, finding.claim, value_of("", [2, 3], 3))
    assert not suffices(finding, finding.claim._replace(about="Decision"), value_of("simplex(1)", [2, 3], 3))


def test_why_nothing_was_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(tmp_path, monkeypatch, model=MODEL, train=TRAIN)
    reach = Reach(str(tmp_path))
    assert verdict(finding, NOTHING, reach) == Trial("not-run", "no script or model leads there")
    failed = End("script", "environment", "no data", {})
    assert verdict(finding, NOTHING._replace(failures={"train.py": failed}), reach) == Trial(
        "not-run", "environment: train.py: no data"
    )


def test_what_is_made_inside_of_the_expression_is_not_what_the_finding_speaks_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = MODEL.replace(
        "return self.softmax(self.head(x))", "a = self.head(x)\n        return a.exp() / a.exp().sum(-1, keepdim=True)"
    )
    finding = finding_of(tmp_path, monkeypatch, model=twice)
    seen = seen_at(finding, "pos")._replace(loss=False)
    inside = (finding.span.path, finding.span.line, finding.span.column)
    within = seen._replace(through=seen.through | {inside})
    reach = Reach(str(tmp_path))
    assert verdict(finding, NOTHING._replace(seen=(within,)), reach).verdict == "inconclusive"
    assert verdict(finding, NOTHING._replace(seen=(seen,)), reach).verdict == "refuted"
