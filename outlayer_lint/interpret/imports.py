"""Imports as things: modules of the project, names of libraries, Python's own functions."""

from __future__ import annotations

import ast
import builtins
import os

from outlayer_lint import knowledge
from outlayer_lint.interpret.answers import only, unknown
from outlayer_lint.interpret.things import Answer, Const, Dictionary, Library, Module, Unknown
from outlayer_lint.records import TYPE_CHECKING, Any
from outlayer_lint.resolve.blocks import Definition, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.frames import Frame
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.resolve.sourcefile import SourceFile

ALWAYS_LIBRARY = frozenset(
    "torch keras tensorflow tf_keras numpy sklearn math functools collections copy itertools typing random".split()
)
BUILTINS = frozenset(dir(builtins))
MAX_HOPS = 12


def builtin(name: str) -> Answer:
    """A name that nothing in the file binds. A module is judged as the script that it is, or may be."""
    if name == "__name__":
        return only(Const("__main__"))
    return only(Library(f"builtins.{name}")) if name in BUILTINS else unknown("undefined name", ("name", name))


def imported(it: Interpreter, definition: Definition, frame: Frame) -> Answer:
    """What an import statement binds to one of its names."""
    statement = definition.block.statements[definition.index]
    alias: Any = definition.node
    file = frame.scope.file
    if isinstance(statement, ast.Import):
        name = alias.name if alias.asname else alias.name.partition(".")[0]
        found = module_named(it, name, file)
        if isinstance(found, Library) and name != alias.name and it.project.module(alias.name, file) is not None:
            return only(_folder(it, name, definition.block.statements, file))
        return only(found)
    assert isinstance(statement, ast.ImportFrom)
    return imported_from(it, statement.module or "", statement.level, alias.name, file)


def _folder(it: Interpreter, first: str, statements: list[ast.stmt], file: SourceFile) -> Dictionary:
    """A folder that is no package: `import folder.a` and `import folder.b` bind its name, with these modules in it."""
    items: dict[str, Answer] = {}
    for statement in statements:
        for alias in statement.names if isinstance(statement, ast.Import) else ():
            folder, _, rest = alias.name.partition(".")
            module = it.project.module(alias.name, file) if folder == first and rest and "." not in rest else None
            if module is not None and alias.asname is None:
                items[rest] = only(Module(module))
    return Dictionary(items, open=True, kind="folder")


def module_named(it: Interpreter, name: str, file: SourceFile) -> Any:
    """The module an `import name` in a file means."""
    if name.partition(".")[0] not in ALWAYS_LIBRARY:
        found = it.project.module(name, file)
        if found is not None and found is not file:
            return Module(found)
    return Library(name)


def imported_from(it: Interpreter, module: str, level: int, name: str, file: SourceFile) -> Answer:
    """What `from module import name` in a file means."""
    if not level and module.partition(".")[0] in ALWAYS_LIBRARY:
        return only(Library(f"{module}.{name}"))
    target = it.project.module(module, file, level)
    if target is not None and target is not file:
        answer = exported(it, target, name)
        if answer is not None:
            return answer
    full = f"{module}.{name}" if module else name
    inner = it.project.module(full, file, level)
    if inner is not None:
        return only(Module(inner))
    if target is not None and not level:
        for other in _further(it, module, file):
            if other not in (target, file) and (answer := exported(it, other, name)) is not None:
                return answer
    if target is not None:  # a file that happens to be named like a library has nothing of that name
        known = not level and knowledge.find(full) is not None
        return only(Library(full)) if known else unknown("import not resolved")
    if level or it.project.is_package(module, file):
        return unknown("import not resolved")
    return only(Library(full))


def _further(it: Interpreter, module: str, file: SourceFile) -> Iterator[SourceFile]:
    """Modules of the same name in the folders above: tests stand in folders named like the packages they test."""
    at = os.path.dirname(file.path)
    while at.startswith(it.project.root):
        if found := it.project._at(at, module):  # noqa: SLF001 - the same look-up, folder by folder
            yield found
        if os.path.dirname(at) == at:
            return
        at = os.path.dirname(at)


def exported(it: Interpreter, file: SourceFile, name: str) -> Answer | None:
    """A name of a module of the project as others see it, `None` where it has no such name."""
    if it.nesting > MAX_HOPS * 8:
        return unknown("import cycle")
    frame = it.module_frame(file)
    if frame is None:
        return unknown("file cannot be parsed")
    block = frame.scope.block
    if name in block.names:
        mark = (id(block), -1, name)
        if mark in it.importing:
            return None
        it.importing.add(mark)
        try:
            return it.defined(name, Place(block, len(block.statements)), frame)
        finally:
            it.importing.discard(mark)
    return wildcard(it, name, frame)


def wildcard(it: Interpreter, name: str, frame: Frame) -> Answer | None:
    """A name that comes into a module by `from x import *`."""
    file = frame.scope.file
    if not file.stars:
        return None
    if len(it.importing) > MAX_HOPS:
        return None
    libraries: list[str] = []
    for dots in file.stars:
        module = dots.lstrip(".")
        level = len(dots) - len(module)
        target = it.project.module(module, file, level)
        if target is None or target is file:
            if not level:
                libraries.append(module)
            continue
        mark = (id(target), -2, name)
        if mark in it.importing:
            continue
        it.importing.add(mark)
        try:
            answer = exported(it, target, name)
        finally:
            it.importing.discard(mark)
        if answer is not None:
            return answer
    for module in libraries:
        if knowledge.find(f"{module}.{name}") is not None:
            return only(Library(f"{module}.{name}"))
    if libraries and name not in BUILTINS:
        return unknown("wildcard import")
    return None


def attribute_of_module(it: Interpreter, thing: Module | Library, name: str) -> Answer:
    """`module.name`; `__dict__` of a module of the project stands for the module."""
    if isinstance(thing, Module):
        if name == "__dict__":
            return only(thing)
        answer = exported(it, thing.file, name)
        if answer is not None:
            return answer
        folder = thing.file.path.rpartition("/")[0]
        if thing.file.path.endswith("__init__.py"):
            inner = it.project._at(folder, name)  # noqa: SLF001 - a submodule read as an attribute
            if inner is not None:
                return only(Module(inner))
        return ((Unknown("import not resolved"), frozenset()),)
    full = f"{thing.name}.{name}"
    return only(Library(full))
