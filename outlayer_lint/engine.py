"""The recipe: find the files, ask the questions, judge the facts, dress and suppress the findings."""

from __future__ import annotations

import gc
import os
import sys

from outlayer_lint import knowledge, suppress
from outlayer_lint.config import TABLE, Refused
from outlayer_lint.diagnostic import Diagnostic, Pair, Report, Span, Unread, Use
from outlayer_lint.judgement import Judgement, by_place, merge
from outlayer_lint.lattice import describe_value
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.outsiders import leading
from outlayer_lint.resolve.project import Project
from outlayer_lint.resolve.sourcefile import SourceFile
from outlayer_lint.source import discovery
from outlayer_lint.source.document import Unreadable

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from outlayer_lint.config import Config
    from outlayer_lint.facts import Fact
    from outlayer_lint.interpret.questions import inquiry
    from outlayer_lint.interpret.questions.inquiry import Inquiry

RECURSION = 20_000
PARSED_ANYWAY = 200_000  # bytes of a project's files up to which all are parsed, if only for their syntax errors


def check(  # noqa: PLR0913 - what the faces add to it
    paths: Sequence[str | Path],
    config: Config,
    *,
    stdin: tuple[str, bytes] | None = None,
    keep: list[object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    trees: Mapping[str, tuple[str, ast.Module]] | None = None,
    uses: bool = False,
    claims: bool = False,
) -> Report:
    """Lint files and folders; see `Report`.

    `trees` are those that somebody has parsed already (flake8): absolute path -> source and its tree.
    What was built on the way goes to `keep`, if given: a process that ends right after need not wait until it is freed,
    which takes as long as the analysis. `progress` is told now and then how many of how many steps are done. `uses`
    asks for `Report.uses` as well, `claims` for what each finding says of the program when it runs.
    """
    # Trees and frames live until the end: looking for garbage among them costs as much as the analysis.
    collecting = gc.isenabled()
    gc.disable()
    try:
        run = _Run(config, [] if keep is None else keep, {os.path.abspath(path) for path in paths}, progress)
        run.trees = trees or {}
        run.uses = [] if uses else None
        run.judgement.claims = claims
        return _check(run, paths, stdin)
    finally:
        if collecting:
            gc.enable()


def ready(config: Config) -> None:
    """Read what the configuration names, or refuse."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    for key, kind, exists in (("src", "folder", os.path.isdir), ("contracts", "file", os.path.isfile)):
        for path in getattr(config, key):
            if not exists(path):
                raise Refused(f"{config.path}: [{TABLE}] {key}: no such {kind}: {discovery.shown(path)}")
    if config.contracts:
        knowledge.extend(config.contracts)


def judge(project: Project, asked: Collection[str], config: Config) -> Generator[None, None, Report]:
    """Lint files (absolute paths) of a project that is kept in memory, a step for each of its files, once `ready`."""
    run = _Run(config, [], set(asked), None)
    yield from run.judge(project, {project.files[path] for path in asked})
    return run.report()


def _check(run: _Run, paths: Sequence[str | Path], stdin: tuple[str, bytes] | None) -> Report:
    config = run.config
    ready(config)
    if stdin is not None:
        name, data = stdin
        path = os.path.abspath(name)
        run.project_of([path], {path: data}, arguments=[name])
    else:
        asked, unread = discovery.asked_about(paths, config)
        run.errors.extend(unread)
        groups: dict[str, list[str]] = {}
        roots: dict[str, str] = {}
        tabled: dict[str, bool] = {}
        for found in asked:
            path = str(found)
            folder = os.path.dirname(path)
            if folder not in roots:
                roots[folder] = discovery.project_root(path, paths, tabled)
            groups.setdefault(roots[folder], []).append(path)
        for root in sorted(groups):
            run.project_of(groups[root], {}, root=root)
    return run.report()


class _Run:
    """One call of `check`: what was gathered so far."""

    def __init__(
        self, config: Config, keep: list[object], named: set[str], progress: Callable[[int, int], None] | None
    ) -> None:
        """`named` are the paths as given: a file among them is read whatever it holds."""
        self.config = config
        self.named = named
        self.progress = progress
        self.asked: set[str] = set()
        self.projects: list[Project] = []
        self.accepted = 0
        self.keep = keep
        self.judgement = Judgement()
        self.errors: list[Unread] = []
        self.diagnostics: list[Diagnostic] = []
        self.pairs: list[Pair] = []
        self.uses: list[Use] | None = None
        self.broken: list[str] = []
        self.files = 0
        self.read: set[str] = set()
        self.trees: Mapping[str, tuple[str, ast.Module]] = {}

    def project_of(
        self, asked: list[str], contents: dict[str, bytes], *, root: str = "", arguments: Sequence[str | Path] = ()
    ) -> None:
        """Lint the files asked about, with the rest of their project as context."""
        root = root or str(discovery.project_root(asked[0], arguments))
        project = _project(root, asked, self.config)
        for path, data in contents.items():
            project.files[path] = SourceFile(path, project.files[path].display, project, data)
        for path, (text, tree) in self.trees.items():
            if path in project.files and project.files[path].has_framework:
                project.files[path].adopt(text, tree)
        for _ in self.judge(project, {project.files[os.path.abspath(p)] for p in asked}):
            pass

    def judge(self, project: Project, wanted: set[SourceFile]) -> Iterator[None]:
        """Ask and judge, file by file; who drives this may do something else in between, or stop."""
        self.files += len(wanted)
        self.asked.update(file.path for file in wanted)
        self.projects.append(project)
        project.whole = self.named
        inquiry_ = prepare(project)
        self.keep.append((project, inquiry_))
        if inquiry_ is not None:
            steps = len(project.framework_files) * 2
            for round_, ask in enumerate((inquiry_.ask, inquiry_.ask_further)):
                for step, file in enumerate(project.framework_files, round_ * steps // 2):
                    self._file(ask, file, wanted)
                    if self.progress is not None:
                        self.progress(step + 1, steps)
                    yield
        self._errors(wanted)
        self._finish([] if inquiry_ is None else inquiry_.events, wanted)
        if inquiry_ is not None and self.uses is not None:
            from outlayer_lint.interpret.questions.usage import uses  # noqa: PLC0415 - for the drawing only

            self.uses.extend(uses(inquiry_, wanted))

    def _file(
        self, ask: Callable[[SourceFile], list[inquiry.Event]], file: SourceFile, wanted: set[SourceFile]
    ) -> None:
        try:
            asked = ask(file)
            if asked and file.holder in wanted:
                self.read.add(file.holder.path)
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
        files = {f.display: f for f in wanted}
        beside = {d.span.path for d in near} - shown  # files of the context, whose comments count as well
        files.update(
            (f.display, f.holder) for project in self.projects if beside for f in project if f.display in beside
        )
        self.diagnostics.extend(_suppressed(near, files, shown, rules, enabled, self.config))

    def _errors(self, wanted: set[SourceFile]) -> None:
        """What could not be read. Files of a big folder that no question leads into are decoded, not parsed."""
        parts = [file for project in self.projects for file in project if file.part and file.holder in wanted]
        files = sorted((*wanted, *parts), key=lambda f: f.path)
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

    def _accept(self) -> None:
        """Leave out what the baseline accepts; what it accepts in vain is a finding of its own."""
        from outlayer_lint import baseline  # noqa: PLC0415 - for projects that have one

        rules = {name: page.code for name, page in self.judgement.pages.items()}
        enabled = self.config.enabled(rules)
        path = self.config.baseline
        folder = os.path.dirname(os.path.abspath(path))
        ordered = sorted(self.diagnostics, key=lambda d: (by_place(d.span), d.code))
        files = {file.display: file for project in self.projects for file in project}

        def line_text(span: Span) -> str:
            try:
                return files[span.path].document.line_text(span) if span.path in files else ""
            except Unreadable:
                return ""

        new, left = baseline.apply(ordered, path, line_text, enabled)
        self.accepted = len(ordered) - len(new)
        if baseline.STALE in enabled and not self.broken:
            unread = {os.path.abspath(error.path) for error in self.errors}
            named = {place for place in self.named if os.path.isdir(place)}
            places = {entry.path: os.path.normpath(os.path.join(folder, entry.path)) for entry in left}
            left = [e for e in left if baseline.judged(places[e.path], self.asked - unread, named)]
            stale = baseline.stale(left, path, discovery.shown(os.path.abspath(path)))
            level = self.config.levels(rules).get(baseline.STALE)
            new.extend(d if level is None else d._replace(severity=level) for d in stale)
        self.diagnostics = new

    def report(self) -> Report:
        """Everything in order."""
        if self.config.baseline:
            self._accept()
        order = sorted(self.diagnostics, key=lambda d: (by_place(d.span), d.code))
        pairs = sorted(self.pairs, key=lambda p: (by_place(p.span), p.consumer))
        errors = sorted(dict.fromkeys(self.errors), key=lambda e: (e.path, e.line))
        return Report(
            tuple(order), tuple(errors), self.files, len(self.read), tuple(pairs), tuple(self.broken), self.accepted,
            tuple(self.uses or ()),
        )  # fmt: skip


def _suppressed(  # noqa: PLR0913, PLR0917 - what was found, where, and what the user decided
    diagnostics: list[Diagnostic],
    files: dict[str, SourceFile],
    asked: set[str],
    rules: dict[str, str],
    enabled: frozenset[str],
    config: Config,
) -> list[Diagnostic]:
    documents = {}
    names = {d.span.path for d in diagnostics}
    for name, file in files.items():
        said = file.data if file.holds_modules else file.words  # the pictures of a notebook are long
        if (name in names or suppress.concerns(said)) and file.broken is None:
            documents[name] = file.document
    return suppress.apply(
        diagnostics,
        documents,
        frozenset(rules.values()),
        enabled,
        asked=asked,
        per_file=config.per_file(rules),
        levels=config.levels(rules),
        noqa=config.noqa,
    )


def _project(root: str, asked: Sequence[str], config: Config) -> Project:
    """The files asked about, and the rest of their project as context."""
    paths = {os.path.abspath(path) for path in (*discovery.context(root, config), *asked)}
    return Project(root, sorted(paths), starts=config.src)


def prepare(project: Project) -> Inquiry | None:
    """Read every file once, keep those with a framework's word, and find where questions begin."""
    others = []
    project.framework_files = []  # a project that stays in memory is prepared for every round of questions
    for file in project:
        if file.has_framework:
            project.framework_files.append(file)
        elif file.broken is None:
            others.append(file)
    project.sparse = sum(len(file.data) for file in project.framework_files) > PARSED_ANYWAY
    for part in project.unfold():
        (project.framework_files if part.has_framework else others).append(part)
    if sum(len(file.data) for file in others) > PARSED_ANYWAY:
        for file in others:
            file.forget()
    else:
        project.framework_files.extend(leading(project.framework_files, others))
    if not project.framework_files:
        return None
    from outlayer_lint.interpret.questions.driver import Driver  # noqa: PLC0415 - most of a start-up, for projects with a framework
    from outlayer_lint.interpret.questions.inquiry import Inquiry  # noqa: PLC0415

    return Inquiry(Driver(project))


def reveal(path: str | Path, line: int, config: Config, cell: int | None = None) -> list[tuple[Span, str, str, str]]:
    """What each expression on a line emits, and how that is known."""
    ready(config)
    full = os.path.abspath(path)
    root = str(discovery.project_root(full, [path]))
    project = _project(root, [full], config)
    inquiry_ = prepare(project)
    if inquiry_ is None:
        return []
    return [
        (span, text, describe_value(value), how)
        for span, text, value, how in inquiry_.reveal(project.files[full], line, cell)
    ]
