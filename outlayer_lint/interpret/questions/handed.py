"""Functions that are passed, not called: `evaluate(model, accuracy)`, `metrics = {"f1": f1}`, `fit(callbacks=[plot])`.

Under which other names such a function may be called: parameters it is passed for, names it is stored under, and what
loops draw from those. Objects are handed over in the same ways, and by the functions that make them. Whether a call of
that name means it is seen by evaluating the callee.
"""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import classes
from outlayer_lint.interpret.questions.seeds import Seed
from outlayer_lint.interpret.things import Class, Function, Partial
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.blocks import dotted
from outlayer_lint.resolve.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

MAX_NAMES = 8
MAX_MENTIONS = 12
LAMBDA = "<lambda>"
MOVES = ("to", "cuda", "cpu", "eval", "train", "requires_grad_")
COMMON = frozenset(("f", "fn", "func", "function", "key", "self", "_", "x", "i"))  # too many calls bear these names


def names(driver: Driver, scope: Scope, files: list[SourceFile]) -> list[str]:
    """The names under which a function is called, if it is passed around."""
    found: dict[str, None] = {}
    asked = 0
    for file in files:
        for line in file.lines_at(_passed(file.text, scope.name, method=scope.owner is not None)):
            asked += 1
            place = file.locate(line) if asked <= MAX_MENTIONS else None
            if place is not None:
                found.update(dict.fromkeys(_given(driver, place, scope.name)))
    return _and_entries(driver, found, scope)


def _and_entries(driver: Driver, found: dict[str, None], scope: Scope) -> list[str]:
    """Names, and those that entries of what bears them are given: `for f in metrics`, `loss = LOSSES["mine"]`."""
    for name in list(found)[:MAX_NAMES]:
        for file in driver.project.mentions(name)[:MAX_MENTIONS]:
            for match in file.matches(rf"{DRAWN}[^\n]*\b{name}\b", name):
                found.update(dict.fromkeys(filter(None, match.groups())))
            if f"{name}[" in file.text or f"{name}.get(" in file.text:
                found.update(dict.fromkeys(file.bound_to(name, ENTRY)))
    return [name for name in found if name and name not in COMMON and name != scope.name][:MAX_NAMES]


def of_lambda(driver: Driver, scope: Scope) -> list[str]:
    """The names under which a lambda is called: what it is assigned to, what it is passed for, what a maker's is."""
    place = scope.file.locate(scope.node.lineno)  # type: ignore[attr-defined]
    return [] if place is None else _and_entries(driver, dict.fromkeys(_given(driver, place, LAMBDA)), scope)


def _given(driver: Driver, place: Place, name: str) -> Iterator[str]:
    """The names that a statement gives a function, and those that what a function makes of it is given."""
    yield from _taken(driver, place, name)
    statement, around = place.block.statements[place.index], place.block.scope
    if type(statement) is ast.Return and statement.value is not None and _holds(statement.value, name):
        for other in driver.project.mentions(around.name)[:MAX_MENTIONS]:
            yield from other.bound_to(around.name, CALLED)


def objects(driver: Driver, cls: str, files: list[SourceFile]) -> dict[str, Scope | None]:
    """The names under which an object of a class may be called that is not assigned where it is built.

    Where a method makes it, with the class whose method it is.
    """
    held: dict[str, None] = {}
    makers: dict[str, Scope | None] = {}
    asked = 0
    for file in files:
        for line in file.lines_at(at for at in file.standing(cls) if file.text[at - 6 : at] != "class "):
            asked += 1
            place = file.locate(line) if asked <= MAX_MENTIONS else None
            if place is None:
                continue
            names = list(_holders(driver, place, cls))
            held.update(dict.fromkeys(names))
            if _gives_back(place, cls, names):
                makers.setdefault(place.block.scope.name, place.block.scope.owner)
            for scope in _looking_up(file, names) if place.block.scope.kind == "module" else ():
                makers.setdefault(scope.name, scope.owner)
    found: dict[str, Scope | None] = dict.fromkeys(name for name in held if name and name not in COMMON)
    for name, after in [*((name, PLAIN) for name in list(found)[:MAX_NAMES]), *((name, CALLED) for name in makers)]:
        for file in driver.project.mentions(name)[:MAX_MENTIONS]:
            for bound in file.bound_to(name, after):
                found.setdefault(bound, makers.get(name) if after is CALLED else None)
    if not found:
        for name in makers:
            files = driver.project.mentions(name)[:MAX_MENTIONS]
            found = dict.fromkeys(given for file in files for given in _made_in_place(driver, file, name))
    return {name: found[name] for name in list(found)[:MAX_NAMES] if name and name not in COMMON}


def receivers(driver: Driver, cls: str, held: list[tuple[SourceFile, str]]) -> Iterator[tuple[SourceFile, str]]:
    """Where an object of a class is received that bears these names in these files: `Trainer(net, loss)`, `fit(loss)`.

    Gives the file of the function or class that it is handed to, and its name there; and so on from there.
    """
    queue = [(file, name, False) for file, name in held] + [(file, cls, True) for file in {file for file, _ in held}]
    seen, asked = {(file, name) for file, name, _ in queue}, 0
    for file, name, made in queue:  # which grows
        spots = file.standing(name) if made else _passed(file.text, name, method=False)
        for line in file.lines_at(spots):
            asked += 1
            place = file.locate(line) if asked <= MAX_MENTIONS else None
            for home, parameter in () if place is None else _received(driver, place, name, made=made):
                for called in dict.fromkeys((parameter, *home.bound_to(parameter, PLAIN))):
                    if (home, called) not in seen:
                        seen.add((home, called))
                        queue.append((home, called, False))
                        yield home, called


def _received(driver: Driver, place: Place, name: str, *, made: bool) -> Iterator[tuple[SourceFile, str]]:
    """The parameters of the project's own functions and classes that a statement hands something over to."""
    statement = place.block.statements[place.index]
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for node in walk(statement):
        if not isinstance(node, ast.Call):
            continue
        at: int | str | None = next((i for i, a in enumerate(node.args) if _holds(a, name, made=made)), None)
        if at is None:
            at = next((k.arg for k in node.keywords if k.arg and _holds(k.value, name, made=made)), None)
        if at is not None:
            yield from _homes(driver, Seed(node, place, ()), at)


def _homes(driver: Driver, seed: Seed, at: int | str) -> Iterator[tuple[SourceFile, str]]:
    for scope, ordered, taker in _taking(driver, seed):
        if isinstance(at, str) or at < len(ordered):
            for file in dict.fromkeys((scope.file, taker.file)):  # where a base takes it and the class itself uses it
                yield file, at if isinstance(at, str) else ordered[at]


def _made_in_place(driver: Driver, file: SourceFile, maker: str) -> Iterator[str]:
    """The parameters that `train(net, maker())` gives what is made to."""
    spots = [at for at in file.standing(maker) if file.text[at + len(maker) : at + len(maker) + 1] == "("]
    passed = [at for at in spots if BEFORE.search(file.text, max(0, at - NEAR), at)]
    for place in map(file.locate, file.lines_at(passed)[:MAX_MENTIONS]):
        if place is not None:
            yield from _taken(driver, place, maker, made=True)


PLAIN = r"[ \t]*(?:$|[\n#\[]|\.get\(|if\b|or\b)"  # the object itself, or an entry of what holds it
CALLED = r"[ \t]*\("


def _holders(driver: Driver, place: Place, cls: str) -> Iterator[str]:
    """Names that a statement gives to an object of a class, or declares to be one."""
    statement = place.block.statements[place.index]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        a = statement.args
        yield from (p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs) if _declares(p.annotation, cls))
    elif isinstance(statement, ast.AnnAssign) and _declares(statement.annotation, cls):
        yield dotted(statement.target).rpartition(".")[2]
    else:
        yield from _taken(driver, place, cls, made=True)


def _gives_back(place: Place, cls: str, names: list[str]) -> bool:
    """Whether the function around a statement returns what it makes, directly or by one of these names."""
    statement, scope = place.block.statements[place.index], place.block.scope
    if isinstance(statement, ast.Return):
        return statement.value is not None and _holds(statement.value, cls, made=True)
    if scope.kind != "function" or not isinstance(statement, ast.Assign):
        return False
    returned = [n.value for n in walk(scope.node) if isinstance(n, ast.Return)]
    return any(value is not None and _holds(value, name, made=True) for name in names for value in returned)


def _looking_up(file: SourceFile, names: list[str]) -> Iterator[Scope]:
    """The functions of a file that return what an entry of a table makes: `return LOSSES[name](**options)`."""
    for name in names:
        for match in file.matches(rf"\breturn\s+{re.escape(name)}\s*(?:\[|\.get\()", name):
            place = file.locate(file.lines_at([match.start()])[0])
            if place is not None and place.block.scope.kind == "function":
                yield place.block.scope


def _declares(annotation: ast.expr | None, cls: str) -> bool:
    """Whether an annotation names a class: `Focal`, `losses.Focal`, `"Focal"`, `Focal | None`."""
    if isinstance(annotation, ast.Constant):
        return isinstance(annotation.value, str) and cls in re.findall(r"\w+", annotation.value)
    parts = [] if annotation is None else [annotation]
    while len(parts) > 0 and isinstance(parts[-1], ast.BinOp):
        last = parts.pop()
        parts += [last.left, last.right]  # type: ignore[attr-defined]
    return any(dotted(part).rpartition(".")[2] == cls for part in parts)


BEFORE = re.compile(r"[=(,\[{:]\s*(?:\w+\.)*\Z")
AFTER = re.compile(r"[ \t]*[,)\]}\n]")
DRAWN = r"\bfor\s+(?:\w+\s*,\s*)?\(?(\w+)\)?(?:\s*,\s*\(?(\w+)\)?)?\s+in\b"
ENTRY = r"[ \t]*(?:\[|\.get\()"
NEAR = 80  # characters before a name in which what it is passed to shows


def _passed(text: str, name: str, *, method: bool) -> Iterator[int]:
    """Where a name stands as an argument, an element or a value by itself; not where it is imported."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        owned = text[at - 1 : at] == "."
        if owned >= method and AFTER.match(text, end) and BEFORE.search(text[max(0, at - NEAR) : at]):
            opened = text.rfind("(", 0, at)
            if not text[max(0, opened - NEAR) : opened].rstrip().endswith("import"):
                yield at
        at = text.find(name, end)


def _taken(driver: Driver, place: Place, name: str, *, made: bool = False) -> Iterator[str]:
    """The names that a statement gives to what `name` means (or makes): a target, a keyword, a key, a parameter."""
    statement = place.block.statements[place.index]
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    if (
        isinstance(statement, (ast.Assign, ast.AnnAssign))
        and statement.value
        and _holds(statement.value, name, made=made)
    ):
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            yield from filter(None, (dotted(holder).rpartition(".")[2] for holder in _targets(target)))
    elif isinstance(statement, ast.For) and _holds(statement.iter, name, made=made):
        yield from filter(None, (dotted(holder).rpartition(".")[2] for holder in _targets(statement.target)))
    for node in walk(statement):
        if isinstance(node, ast.keyword) and node.arg and _holds(node.value, name, made=made):
            yield node.arg
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and _holds(value, name, made=made):
                    yield key.value
        elif isinstance(node, ast.Call):
            at = next((i for i, a in enumerate(node.args) if _holds(a, name, made=made)), None)
            if at is not None:
                yield from _parameters(driver, Seed(node, place, ()), at)


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment gives a value to; of an element, what holds it."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _targets(element)
    else:
        yield target.value if isinstance(target, ast.Subscript) else target


def _holds(node: ast.expr, name: str, *, made: bool = False) -> bool:
    """Whether an expression is the function, or a list or dict of functions with it, or a `partial` of it.

    With `made` it may also be what a call of it makes.
    """
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(_holds(element, name, made=made) for element in node.elts)
    if isinstance(node, ast.Dict):
        return any(_holds(value, name, made=made) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _holds(node.body, name, made=made) or _holds(node.orelse, name, made=made)
    if isinstance(node, ast.Call):
        method = node.func if isinstance(node.func, ast.Attribute) else None
        called = method.attr if method is not None else getattr(node.func, "id", "")
        moved = method is not None and called in MOVES and _holds(method.value, name, made=made)
        if made and (called == name or moved):
            return True
        return called == "partial" and bool(node.args) and _holds(node.args[0], name)
    if isinstance(node, ast.Lambda):
        return name == LAMBDA
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def _parameters(driver: Driver, seed: Seed, at: int) -> Iterator[str]:
    """The parameter that takes a positional argument of a call of the project's own function or class."""
    return (ordered[at] for _, ordered, _ in _taking(driver, seed) if at < len(ordered))


def _taking(driver: Driver, seed: Seed) -> Iterator[tuple[Scope, list[str], Scope]]:
    """The project's own functions, or constructors, that a call means, with the parameters it fills in order.

    And the function or class that was called.
    """
    for _, things in driver.callee(seed):
        for thing in things:
            inner = thing.function if isinstance(thing, Partial) else thing
            if isinstance(inner, Class):
                found = classes.method_of(driver.it, inner, "__init__")
                if found is not None:
                    yield found[1], found[1].parameter_names[1:], inner.scope
            elif isinstance(inner, Function):
                yield inner.scope, inner.scope.parameter_names[1 if inner.bound is not None else 0 :], inner.scope
        break
