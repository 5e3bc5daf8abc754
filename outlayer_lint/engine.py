"""The recipe: find the files, ask the questions, judge the facts, dress and suppress the findings."""

from __future__ import annotations

import gc
import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from outlayer_lint import knowledge, suppress
from outlayer_lint.diagnostic import Diagnostic, Pair, Related, Report, Severity, Span, Unread
from outlayer_lint.lattice import describe
from outlayer_lint.resolve.project import Project, SourceFile
from outlayer_lint.source import discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Finding
    from outlayer_lint.facts import Fact
    from outlayer_lint.interpret import inquiry
    from outlayer_lint.interpret.inquiry import Inquiry

RECURSION = 20_000
PARSED_ANYWAY = 200_000  # bytes of a project's files up to which all are parsed, if only for their syntax errors


class Judgement:
    """Checks loaded by need, and what they said."""

    def __init__(self) -> None:
        """Which check wants which fact stands in the compiled table."""
        self.subscriptions = knowledge.subscriptions()
        self.pages = knowledge.pages()
        self.checks: dict[str, Callable[[Any], Iterator[Finding]]] = {}

    def of(self, fact: Fact) -> Iterator[tuple[str, Finding]]:
        """The findings about one fact, with the rule's name."""
        for cls in type(fact).__mro__:
            for rule in self.subscriptions.get(cls.__name__, ()):
                if rule not in self.checks:
                    self.checks[rule] = import_module(f"outlayer_lint.checks.{rule.replace('-', '_')}").check
                for finding in self.checks[rule](fact):
                    yield rule, finding

    def dress(self, rule: str, finding: Finding, fact: Fact, *, likely: bool) -> Diagnostic:
        """A finding with its rule's code, severity and message."""
        page = self.pages[rule]
        grade = page.grades[finding.grade]
        certainty = "likely" if likely or finding.certainty != "proved" else "proved"
        severity = Severity.WARNING if grade.severity is Severity.ERROR and certainty != "proved" else grade.severity
        words = {**fact.words, **finding.words}
        related = tuple(dict.fromkeys((*finding.because, *fact.related)))
        related = tuple(r for r in related if r.span != finding.span)
        return Diagnostic(
            page.code,
            rule,
            severity,
            certainty,
            grade.message.format_map(_Words(words)),
            finding.span,
            related,
            finding.fix,
        )


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def check(
    paths: Sequence[str | Path],
    config: Config,
    *,
    stdin: tuple[str, bytes] | None = None,
    keep: list[object] | None = None,
) -> Report:
    """Lint files and folders; see `Report`.

    What was built on the way goes to `keep`, if given: a process that ends right after need not wait until it is freed,
    which takes as long as the analysis.
    """
    # Trees and frames live until the end: looking for garbage among them costs as much as the analysis.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _check(paths, config, stdin, [] if keep is None else keep)
    finally:
        if collecting:
            gc.enable()


def _check(paths: Sequence[str | Path], config: Config, stdin: tuple[str, bytes] | None, keep: list[object]) -> Report:
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    if config.contracts:
        knowledge.extend(config.contracts)
    run = _Run(config, keep, {os.path.abspath(path) for path in paths})
    if stdin is not None:
        name, data = stdin
        path = os.path.abspath(name)
        run.project_of([path], {path: data}, arguments=[name])
    else:
        asked, unread = discovery.sources(paths, exclude=config.exclude, respect_gitignore=config.respect_gitignore)
        run.errors.extend(unread)
        groups: dict[str, list[str]] = {}
        roots: dict[str, str] = {}
        for found in asked:
            path = str(found)
            folder = os.path.dirname(path)
            if folder not in roots:
                roots[folder] = str(discovery.project_root(path, paths))
            groups.setdefault(roots[folder], []).append(path)
        for root in sorted(groups):
            run.project_of(groups[root], {}, root=root)
    return run.report()


class _Run:
    """One call of `check`: what was gathered so far."""

    def __init__(self, config: Config, keep: list[object], named: set[str]) -> None:
        """`named` are the paths as given: a file among them is read whatever it holds."""
        self.config = config
        self.named = named
        self.keep = keep
        self.judgement = Judgement()
        self.errors: list[Unread] = []
        self.diagnostics: list[Diagnostic] = []
        self.pairs: list[Pair] = []
        self.broken: list[str] = []
        self.files = 0
        self.read: set[str] = set()

    def project_of(
        self, asked: list[str], contents: dict[str, bytes], *, root: str = "", arguments: Sequence[str | Path] = ()
    ) -> None:
        """Lint the files asked about, with the rest of their project as context."""
        root = root or str(discovery.project_root(asked[0], arguments))
        context = discovery.walk(root)
        every = list(dict.fromkeys(os.path.abspath(p) for p in (*context, *asked)))
        project = Project(root, sorted(every))
        for path, data in contents.items():
            project.files[path] = SourceFile(path, project.files[path].display, project, data)
        self.files += len(asked)
        wanted = {project.files[os.path.abspath(p)] for p in asked}
        project.whole = self.named
        inquiry_ = prepare(project)
        self.keep.append((project, inquiry_))
        if inquiry_ is not None:
            for ask in (inquiry_.ask, inquiry_.ask_further):
                for file in project.framework_files:
                    self._file(ask, file, wanted)
        self._errors(wanted)
        self._finish([] if inquiry_ is None else inquiry_.events, wanted)

    def _file(
        self, ask: Callable[[SourceFile], list[inquiry.Event]], file: SourceFile, wanted: set[SourceFile]
    ) -> None:
        try:
            asked = ask(file)
            if asked and file in wanted:
                self.read.add(file.path)
            for event in asked:
                self._event(event)
        except Exception as error:
            if os.environ.get("OUTLAYER_LINT_RAISE"):
                raise
            self.broken.append(f"{file.display}: {type(error).__name__}: {error}")

    def _event(self, event: inquiry.Event) -> None:
        for fact, likely in event.facts:
            for rule, finding in self.judgement.of(fact):
                try:
                    diagnostic = self.judgement.dress(rule, finding, fact, likely=likely)
                except KeyError:
                    self.broken.append(f"{fact.span.path}: rule {rule} has no grade `{finding.grade}`")
                    continue
                event.found.append((diagnostic, fact))

    def _finish(self, events: list[inquiry.Event], wanted: set[SourceFile]) -> None:
        shown = {f.display for f in wanted}
        gathered: list[tuple[Diagnostic, Fact]] = []
        for event in events:
            gathered.extend(event.found)
            pair = event.pair(tuple(d for d, _ in event.found)) if event.span.path in shown else None
            if pair is not None:
                self.pairs.append(pair)
        merged = merge(gathered)
        near = [d for d in merged if any(s.path in shown for s in (d.span, *(r.span for r in d.related)))]
        rules = {name: page.code for name, page in self.judgement.pages.items()}
        enabled = self.config.enabled(rules)
        levels = self.config.levels(rules)
        near = [d._replace(severity=levels.get(d.code, d.severity)) for d in near]
        documents = {f.display: f for f in wanted}
        self.diagnostics.extend(_suppressed(near, documents, rules, enabled, self.config))

    def _errors(self, wanted: set[SourceFile]) -> None:
        """What could not be read. Files of a big folder that no question leads into are decoded, not parsed."""
        files = sorted(wanted, key=lambda f: f.path)
        parses = sum(len(file.data) for file in files if file.is_kept) <= PARSED_ANYWAY
        for file in files:
            if file.broken is None and not file.is_parsed and (parses or file.path in self.named):
                _ = file.scope
            elif file.broken is None and file.is_kept:
                _ = file.text
            if file.broken is not None:
                self.errors.append(Unread(file.display, file.broken.line, file.broken.message))
            elif file.is_parsed:
                self.errors.extend(file.document.unread)

    def report(self) -> Report:
        """Everything in order."""
        order = sorted(self.diagnostics, key=lambda d: (_order(d.span), d.code))
        pairs = sorted(self.pairs, key=lambda p: (_order(p.span), p.consumer))
        errors = sorted(dict.fromkeys(self.errors), key=lambda e: (e.path, e.line))
        return Report(tuple(order), tuple(errors), self.files, len(self.read), tuple(pairs), tuple(self.broken))


def _suppressed(
    diagnostics: list[Diagnostic],
    files: dict[str, SourceFile],
    rules: dict[str, str],
    enabled: frozenset[str],
    config: Config,
) -> list[Diagnostic]:
    documents = {}
    names = {d.span.path for d in diagnostics}
    for name, file in files.items():
        if (name in names or suppress.concerns(file.data)) and file.broken is None:
            documents[name] = file.document
    return suppress.apply(
        diagnostics,
        documents,
        frozenset(rules.values()),
        enabled,
        per_file=config.per_file(rules),
        levels=config.levels(rules),
    )


def _order(span: Span) -> tuple[object, ...]:
    return (span.path, -1 if span.cell is None else span.cell, *span[1:5])


def _leading(files: list[SourceFile], others: list[SourceFile]) -> list[SourceFile]:
    """Files that name no framework and import one that does: the script that only puts model and trainer together."""
    stems = {part for file in files for part in file.path.rpartition(".")[0].split(os.sep)[-2:]}
    found = []
    for file in others:
        imports = re.finditer(rb"(?m)^[ \t]*(?:from|import)[ \t]+([\w.]+)", file.data)
        if any(part in stems for match in imports for part in match[1].decode("utf-8", "replace").split(".")):
            found.append(file)
    return found


def prepare(project: Project) -> Inquiry | None:
    """Read every file once, keep those with a framework's word, and find where questions begin."""
    others = []
    for file in project:
        if file.has_framework:
            project.framework_files.append(file)
        elif file.broken is None:
            others.append(file)
    if sum(len(file.data) for file in others) > PARSED_ANYWAY:
        for file in others:
            file.forget()
    else:
        project.framework_files.extend(_leading(project.framework_files, others))
    if not project.framework_files:
        return None
    project.sparse = sum(len(file.data) for file in project.framework_files) > PARSED_ANYWAY
    from outlayer_lint.interpret.driver import Driver  # noqa: PLC0415 - most of a start-up, for projects with a framework
    from outlayer_lint.interpret.inquiry import Inquiry  # noqa: PLC0415

    return Inquiry(Driver(project))


def merge(gathered: list[tuple[Diagnostic, Fact]]) -> list[Diagnostic]:
    """One diagnostic for each rule, place of the output, and loss; other places of the same mistake become related."""
    groups: dict[object, list[tuple[Diagnostic, Fact]]] = {}
    for diagnostic, fact in gathered:
        because = tuple(r.span for r in diagnostic.related if r.message.endswith(("applied here", "built here")))
        key = (diagnostic.code, because or diagnostic.span, diagnostic.span.path, fact.words.get("loss", fact.span))
        groups.setdefault(key, []).append((diagnostic, fact))
    merged: list[Diagnostic] = []
    for group in groups.values():
        group.sort(
            key=lambda pair: (
                getattr(pair[1], "mode", "train") != "train",
                -pair[0].severity.rank,
                _order(pair[0].span),
            )
        )
        first = group[0][0]
        worst = max((d.severity for d, _ in group if d.span == first.span), key=lambda s: s.rank)
        first = next(d for d, _ in group if d.span == first.span and d.severity is worst)
        others = [Related(d.span, "the same output is used here") for d, _ in group if d.span != first.span]
        related = tuple(dict.fromkeys((*first.related, *others)))
        merged.append(first._replace(related=related))
    return merged


def reveal(path: str | Path, line: int, config: Config, cell: int | None = None) -> list[tuple[Span, str, str, str]]:
    """What each expression on a line emits, and how that is known."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    if config.contracts:
        knowledge.extend(config.contracts)
    full = os.path.abspath(path)
    root = str(discovery.project_root(full, [path]))
    project = Project(root, sorted({*map(os.path.abspath, discovery.walk(root)), full}))
    inquiry_ = prepare(project)
    if inquiry_ is None:
        return []
    return [
        (span, text, describe_value(value), how)
        for span, text, value, how in inquiry_.reveal(project.files[full], line, cell)
    ]


def describe_value(value: Any) -> str:
    """As `# emits:` has it."""
    if not value.known:
        return f"unknown: {value.reason}" if value.reason else "nothing"
    return " | ".join(sorted({describe(way) for way in value.ways}))
