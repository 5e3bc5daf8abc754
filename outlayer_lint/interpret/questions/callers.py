"""Who calls a function whose callers a question cannot see: candidates by name, confirmed by evaluating the callee."""

from __future__ import annotations

import ast
import re
from itertools import chain, islice

from outlayer_lint.interpret import classes, signatures, ways
from outlayer_lint.interpret.frames import Binding, World
from outlayer_lint.interpret.questions import handed, trainers
from outlayer_lint.interpret.questions.seeds import Seed, calls_at
from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

MAX_CANDIDATES = 24
MAX_CALLERS = 8
MANY_FILES = 40
HANDING = (b"Process", b"Thread", b"spawn", b"submit", b"launch")
TAKING = ("target", "fn", "func", "spawn")
HANDED = r"(?:(?:target|fn|func)\s*=|\bspawn\s*\()\s*(\w+)"
STARTING = re.compile(b"[Pp]rocess|[Tt]hread|spawn|submit|launch")


class Caller(NamedTuple):
    """A confirmed call, and what had to be assumed to confirm it."""

    binding: Binding
    world: World


def find(driver: Driver, scope: Scope, built: Scope | None = None) -> list[Caller]:
    """The calls of a scope in the project, at most `MAX_CALLERS`; a constructor's only where `built` is made."""
    if scope.kind == "lambda":
        return []
    if scope.kind == "class":  # whose constructor is a library's
        return _constructions(driver, scope, scope)
    if scope.owner is not None and scope.name == "__init__":
        return _constructions(driver, scope, built or scope.owner)
    if scope.owner is not None and scope.name in ways.CALLED_THROUGH_INSTANCE:
        return _instance_calls(driver, scope) or _compiled(driver, scope)
    found = _named(driver, scope, scope.name, method=scope.owner is not None)
    if not found and scope.owner is not None and scope.name in trainers.STEPS:
        return [Caller(*step) for step in trainers.find(driver, scope)]
    return found or _compiled(driver, scope)


def _compiled(driver: Driver, scope: Scope) -> list[Caller]:
    """The compile calls that a function is handed to as a loss or a metric."""
    if not driver.project.importers(scope.file, "compile"):
        return []
    from outlayer_lint.interpret.keras import callers as keras_callers  # noqa: PLC0415 - for projects that compile models

    found = keras_callers.handed_over(driver, scope)[:MAX_CALLERS]
    return [Caller(Binding(seed.node, seed.place, seed.overlay), world) for seed, world in found]


def _candidates(driver: Driver, files: list[SourceFile], name: str, near: SourceFile) -> Iterator[Seed]:
    """Calls by name, file by file: where enough are confirmed, the other files need not be parsed."""
    ordered = sorted(files, key=lambda f: (f is not near, f.path))
    return islice((seed for file in ordered for seed in _calling(driver, file, name)), MAX_CANDIDATES)


def _calling(driver: Driver, file: SourceFile, name: str) -> list[Seed]:
    """The calls of a name in a file; looked up once, however many classes have a method of that name."""
    key = file, name
    if key not in driver.calling:
        lines = file.lines_calling(name)
        if not lines and file.has_word("forward") and f"{name}.forward" in file.text:
            lines = file.lines_calling("forward")
        found = driver.calling[key] = calls_at(file, lines, (name,))
        if f"{name} as " in file.text:
            for other in dict.fromkeys(match[1] for match in file.matches(rf"\b{name} as (\w+)", name)):
                found.extend(calls_at(file, file.lines_calling(other), (other,)))
    return driver.calling[key]


def _confirmed(
    driver: Driver, seeds: Iterable[Seed], scope: Scope, *, unique: str = "", holder: Scope | None = None
) -> list[Caller]:
    callers: list[Caller] = []
    for seed in seeds:
        if len(callers) >= MAX_CALLERS:
            break
        if _within(seed, scope) or not signatures.fits(scope, seed.node) or _of_another_class(driver, seed, scope):
            continue
        for world, things in driver.callee(seed, _as_derived(driver, seed, holder)):
            verdict = max((ways.means(driver.it, t, scope) for t in things), default=0)
            if verdict == 2 or (verdict == 1 and unique and sum(driver.definitions(unique).values()) == 1):
                seen = len(things) if verdict == 2 else 0
                binding = Binding(seed.node, seed.place, seed.overlay, likely=verdict == 1, seen=seen)
                callers.append(Caller(binding, world))
                break
            if verdict == 1:
                driver.it.unfollowed.add(scope)
    return callers


def _of_another_class(driver: Driver, seed: Seed, scope: Scope) -> bool:
    """Whether a candidate is `self.name(...)` in a class that has nothing to do with the method's own."""
    function = seed.node.func
    if scope.owner is None or not (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"
    ):
        return False
    at = seed.place.block.scope.method
    if at is None or at.owner is None or scope.name in ways.CALLED_THROUGH_INSTANCE:
        return False
    return not driver.are_related(at.owner, scope.owner)


def _within(seed: Seed, scope: Scope) -> bool:
    at: Scope | None = seed.place.block.scope
    while at is not None:
        if at is scope:
            return True
        at = at.parent
    return False


def _named(driver: Driver, scope: Scope, name: str, *, method: bool) -> list[Caller]:
    if name.startswith("__") and name.endswith("__"):
        return []
    near = scope.file
    files = driver.project.users(near, name) if method else driver.project.importers(near, name)
    if not method:  # who defines a function of that name calls its own
        own = driver.definitions(name)
        files = [file for file in files if file is near or file not in own]
    holder, rest = scope.owner, files
    # A receiver that stays unknown is believed only where the project has one method of that name.
    unique = name if method and len(name) > 3 else ""
    found: list[Caller] = []
    if holder is not None and len(files) > 1:  # objects of many classes have a `step`: first where this one is known
        known = {near, *driver.project.mentions(holder.name)}
        files, rest = [f for f in files if f in known], [f for f in files if f not in known]
        found = _confirmed(driver, _candidates(driver, files, name, near), scope, unique=unique, holder=holder)
        if len(files) + len(rest) > MANY_FILES:
            rest = []
    if not found:
        seeds = chain(_handed_over(driver, scope, name, near), _candidates(driver, rest, name, near))
        found = _confirmed(driver, seeds, scope, unique=unique, holder=holder)
    found = found or _from_outside(driver, scope, name, holder or scope)
    return found or _passed_on(driver, scope, scope, [*files, *rest] if holder is not None else files)


def _passed_on(driver: Driver, scope: Scope, passed: Scope, files: list[SourceFile]) -> list[Caller]:
    """The calls of a function, or a class, that nobody calls by its name, yet it may be passed on."""
    found: list[Caller] = []
    near = scope.file
    for other in handed.names(driver, passed, files[:MAX_CANDIDATES]):
        where = driver.project.mentions(other)
        if len(where) > MANY_FILES:  # `labels`, `config`: where the file is known
            beside = driver.project.beside(near)
            where = [file for file in where if file in beside][:MANY_FILES]
        found += _confirmed(driver, islice(_candidates(driver, where, other, near), MAX_CALLERS), scope)
        if len(found) >= MAX_CALLERS:
            break
    return found[:MAX_CALLERS]


def _handed_over(driver: Driver, scope: Scope, name: str, near: SourceFile) -> list[Seed]:
    """`Process(target=f, args=(a, b))`, `spawn(f, args=(a,))`: calls made by somebody else, written out as calls."""
    if scope.owner is not None:
        return []
    found: list[Seed] = []
    for file in driver.project.importers(near, name):
        lines = _handing(driver, file).get(name)
        if not lines:
            continue
        starting = {word.decode(errors="replace") for word in file.tokens if STARTING.search(word)}
        for seed in calls_at(file, file.lines_at(sorted(lines)), starting):
            keywords = {k.arg: k.value for k in seed.node.keywords if k.arg}
            target = next(
                (keywords[k] for k in ("target", "fn", "func") if k in keywords),
                seed.node.args[0] if seed.node.args else None,
            )
            values = keywords.get("args")
            if target is None or not isinstance(values, (ast.Tuple, ast.List)):
                continue
            rank = [ast.copy_location(ast.Constant(0), seed.node)] if "target" not in keywords else []
            call = driver.written_out(seed.node, target, [*rank, *values.elts])
            found.append(Seed(call, seed.place, seed.overlay))
    return found


def _handing(driver: Driver, file: SourceFile) -> dict[str, list[int]]:
    """Where a file hands a function to something that calls it, by the function's name; looked up once."""
    if file not in driver.handing:
        places = driver.handing[file] = {}
        if any(word in file.words for word in HANDING):
            for match in (match for word in TAKING for match in file.matches(HANDED, word)):
                places.setdefault(match[1], []).append(match.start())
    return driver.handing[file]


def _constructions(driver: Driver, scope: Scope, cls: Scope) -> list[Caller]:
    files = driver.project.importers(cls.file, cls.name)
    callers = _confirmed(driver, _candidates(driver, files, cls.name, cls.file), scope)
    if callers:
        return callers
    for derived in driver.subclasses(cls):
        init = classes.method_in(derived, "__init__")
        if init is None:
            callers.extend(
                _confirmed(
                    driver,
                    _candidates(
                        driver, driver.project.mentions(derived.scope.name), derived.scope.name, derived.scope.file
                    ),
                    scope,
                )
            )
        if len(callers) >= MAX_CALLERS:
            break
    callers = callers[:MAX_CALLERS] or _from_outside(driver, scope, cls.name, cls)
    return callers or _passed_on(driver, scope, cls, files)


def _from_outside(driver: Driver, scope: Scope, name: str, holder: Scope) -> list[Caller]:
    """Calls in files that name no framework: `Solver(config).train()`; `holder` is the function or class imported."""
    files = driver.outsiders.importers(holder.file, holder.name, name)
    return _confirmed(driver, _candidates(driver, files, name, holder.file), scope) if files else []


def _instance_calls(driver: Driver, scope: Scope) -> list[Caller]:
    """Calls of objects of a class: by the names that something built from it is bound to."""
    assert scope.owner is not None
    names: dict[str, None] = {}
    owners = [scope.owner.name, *(c.scope.name for c in driver.subclasses(scope.owner))]
    files: dict[SourceFile, None] = {}
    for cls in owners[:MAX_CALLERS]:
        for file in driver.project.users(scope.owner.file, cls):
            files[file] = None
            for name in file.bound_to(cls):
                names[name] = None
    names.pop("", None)
    found = _calls_through(driver, scope, files, dict.fromkeys(list(names)[:MAX_CALLERS]))
    if found and (len(files) < 2 or not all(_tries_out(scope, caller) for caller in found)):
        return found
    # Made in one place and kept in another.
    indirect = handed.objects(driver, scope.owner.name, list(files))
    more = _calls_through(driver, scope, files, {n: maker for n, maker in indirect.items() if n not in names})
    return found + (more or _where_received(driver, scope, files, list(indirect)))


def _tries_out(scope: Scope, caller: Caller) -> bool:
    """Whether a call only shows how a class works: it stands below it, in no function, and others use the class."""
    block = caller.binding.place.block
    return block.scope.kind == "module" and block.scope.file is scope.file


def _where_received(driver: Driver, scope: Scope, files: dict[SourceFile, None], indirect: list[str]) -> list[Caller]:
    """Calls of an object by who it was handed to: `self.criterion(y, t)` in a file that does not know its class.

    `indirect`: names of what functions of the class's files give back.
    """
    assert scope.owner is not None
    cls = scope.owner.name
    held = [(file, name) for file in files for name in dict.fromkeys(file.bound_to(cls)) if name]
    if indirect:
        near = driver.project.beside(scope.file, *files)
        held += [(file, name) for name in indirect for file in driver.project.mentions(name) if file in near]
    callers: list[Caller] = []
    for file, name in handed.receivers(driver, cls, held):
        callers.extend(_confirmed(driver, _calling(driver, file, name)[:MAX_CALLERS], scope))
        if len(callers) >= MAX_CALLERS:
            break
    return callers[:MAX_CALLERS]


def _calls_through(
    driver: Driver, scope: Scope, files: dict[SourceFile, None], names: dict[str, Scope | None]
) -> list[Caller]:
    """The calls of objects under these names; a name may belong to objects of one class."""
    near: set[SourceFile] | None = None
    callers: list[Caller] = []
    seen: set[ast.Call] = set()
    for name, holder in names.items():
        where = list(files)
        if len(name) > 1:
            near = driver.project.beside(scope.file, *files) if near is None else near
            others = (f for f in driver.project.mentions(name) if f not in files and f in near)
            where = [f for f in files if f.has_word(name)] + list(islice(others, MAX_CALLERS))
        callers.extend(
            _confirmed(driver, _not_among(seen, _candidates(driver, where, name, scope.file)), scope, holder=holder)
        )
        if len(callers) >= MAX_CALLERS:
            break
    return callers[:MAX_CALLERS]


def _not_among(seen: set[ast.Call], seeds: Iterable[Seed]) -> Iterator[Seed]:
    for seed in seeds:
        if seed.node not in seen:
            seen.add(seed.node)
            yield seed


def _as_derived(driver: Driver, seed: Seed, holder: Scope | None) -> World | None:
    """A call in a method of a base class, in the world where the receiver is an object of a derived one."""
    at = seed.place.block.scope.method
    if holder is None or at is None or at.owner is None or at.owner is holder:
        return None
    derived = next((cls for cls in driver.subclasses(at.owner) if cls.scope is holder), None)
    return None if derived is None else World({}, {at.owner: derived})
