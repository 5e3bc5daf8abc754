"""The page that draws heads and consumers: its parts, and how it behaves in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from outlayer_lint.cli import main
from outlayer_lint.config import Config
from outlayer_lint.diagnostic import Diagnostic, Report, Severity, Span, Use
from outlayer_lint.engine import check
from outlayer_lint.lattice import Emission
from outlayer_lint.reporters.html import VERDICTS, render
from outlayer_lint.reporters.plain import WORDS, plainly

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
EMPTY = {"meta", "link", "input", "wbr", "path", "rect", "br"}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Page(HTMLParser):
    """What a page is made of; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: Counter[str] = Counter()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("src", "href", "action", "data"):
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project of its own, so that nothing else is read as context."""
    return str(shutil.copytree(ROOT / "fixtures" / "tour", tmp_path_factory.mktemp("tour") / "tour"))


def span(path: str, line: int) -> Span:
    return Span(path, line, 5, line, 20)


def many(heads: int) -> Report:
    """Every third head feeds two consumers, every fourth consumer is wrong, every tenth head is unused."""
    return Report(uses=tuple(use for n in range(heads) for use in links(n)), files=heads)


def links(n: int) -> Iterator[Use]:
    head = span(f"models/family{n // 4}/network.py", 10 + n)
    if n % 10 == 9:
        yield Use(head, "", "", "unused", "logit, 3 units", 3, head, f"Net{n}")
        return
    verdict = "contradicted" if n % 4 == 0 else "unresolved" if n % 7 == 0 else "consistent"
    for line in range(2 if n % 3 == 0 else 1):
        use = Use(span(f"train/run{n}.py", line), "loss", "cross_entropy", verdict, where="step()", expects=("logit",))
        if verdict == "unresolved":
            yield use._replace(reason="budget")
        else:
            code = "OLL101" if verdict == "contradicted" else ""
            yield use._replace(emits="simplex(1), 3 units", units=3, head=head, model=f"Net{n}", code=code)


def test_the_tour_is_drawn_with_everything_that_takes_an_output(tour: str) -> None:
    report = check([tour], Config(), uses=True)
    assert {use.kind for use in report.uses} == {"loss", "decision"}
    page = render(report)
    for words in ("SpeciesNet", "gives probabilities that add up to 1 (3 units)", "cross_entropy (loss)",
                  "is made for raw scores", "Error OLL101", "threshold 0.5 (decision)", "in main()"):  # fmt: skip
        assert words in page
    assert Page(page).count["article"] == 6
    assert re.search(r"6 model outputs in 4 files, 7 links", page)


def test_uses_are_worked_out_only_where_they_are_asked_for(tour: str) -> None:
    plain, wide = check([tour], Config()), check([tour], Config(), uses=True)
    assert plain.uses == ()
    assert wide._replace(uses=()) == plain


def test_metrics_and_unused_heads_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        "from torch import nn\n\n\nclass Lonely(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 7)\n\n    def forward(self, x):\n        return self.fc(x).sigmoid()\n",
        encoding="utf-8",
    )
    (tmp_path / "keras_one.py").write_text(
        "import keras\n\nnet = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation='sigmoid')])\n"
        "net.compile(loss='binary_crossentropy', metrics=[keras.metrics.BinaryAccuracy()])\nnet.fit(x, y)\n",
        encoding="utf-8",
    )
    uses = check([str(tmp_path)], Config(), uses=True).uses
    assert {(use.kind, use.verdict) for use in uses} == {
        ("loss", "consistent"), ("metric", "consistent"), ("", "unused"),
    }  # fmt: skip
    (lonely,) = (use for use in uses if not use.kind)
    assert (lonely.model, lonely.units, lonely.emits) == ("Lonely", 7, "unit, 7 units")


def test_the_page_is_whole_and_asks_for_nothing_from_outside() -> None:
    text = render(many(400))
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(address.startswith("#") for address in page.addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?:", text)


def test_what_the_code_says_cannot_become_part_of_the_page() -> None:
    evil = '<script>alert("1")</script>\x1b[31m<!--files-->'
    use = Use(span(evil, 3), "loss", evil, "contradicted", "logit", None, span(evil, 1), evil, evil, (), "OLL1")
    found = Diagnostic("OLL1", "rule", Severity.ERROR, "proved", evil, span(evil, 3))
    text = render(Report((found,), uses=(use,)))
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert Page(text).count["script"] == 1
    assert Page(text).count["article"] == 1


def test_nothing_to_draw_is_said() -> None:
    assert "No model whose output could be followed" in render(Report(files=1))


def test_every_emission_has_plain_words() -> None:
    assert set(WORDS) == set(map(str, Emission))
    assert plainly("bnd(0, 6), 3 units") == "values between 0 and 6"
    assert plainly("simplex(implicit), 1 unit") == WORDS["simplex"]
    assert plainly("something else") == "something else"


def test_the_command_writes_the_page(tour: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["pairs", tour, "--format", "html", "--output", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


# -- in a browser -----------------------------------------------------------------------------------------------------

PLAY = """
<script>
const told = () => document.getElementById("told").textContent;
const log = [told()];
const search = document.getElementById("search");
const type = text => { search.value = text; search.dispatchEvent(new Event("input")); };
type("net398 gives"); log.push(told());
type("family3/"); log.push(told());
log.push(String(document.querySelectorAll("details.file:not([hidden])").length));
type("");
document.querySelector("button.consistent").click();
document.querySelector("button.unused").click();
document.querySelector("button.unresolved").click();
log.push(told());
const svg = document.querySelector("article:not([hidden]) svg");
svg.querySelector("[data-node]").dispatchEvent(new Event("pointerenter"));
log.push(String(svg.classList.contains("lit")), String(svg.querySelectorAll(".near").length));
document.getElementById("open-none").click();
log.push(String(document.querySelectorAll("details[open]").length));
log.push(String(document.documentElement.scrollWidth <= window.innerWidth));
document.title = log.join("|");
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_page_works_in_a_browser_at_400_heads(tmp_path: Path) -> None:
    report = many(400)
    page = tmp_path / "page.html"
    page.write_text(render(report).replace("</body>", f"{PLAY}</body>"), encoding="utf-8")
    shown = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=1200,900", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    title = re.search("<title>(.*?)</title>", shown)
    assert title is not None
    first, one, family, files, wrong, lit, near, closed, fits = title[1].split("|")
    cards = render(report).count("<article")
    assert first == f"{cards} of {cards} shown"
    assert one.startswith("1 of ")
    assert family.startswith("3 of ")  # the fourth was not followed, and stands with its consumer
    assert files == "1"
    assert wrong.startswith(f"{sum(1 for n in range(400) if n % 4 == 0 and n % 10 != 9)} of ")
    assert (lit, near, closed, fits) == ("true", "5", "0", "true")
    assert set(VERDICTS) == {use.verdict for use in report.uses}
