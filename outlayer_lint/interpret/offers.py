"""What a module of the project offers under names chosen at run time: `getattr(models, name)`, `models.__dict__[name]`.

Each is another program. A class or a builder that something names is a part of another, or is built there; what nobody
names is what is chosen by its name.
"""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret import classes, imports, texts
from outlayer_lint.interpret.answers import MAX_WAYS, join, only, unknown
from outlayer_lint.interpret.choices import OFFERED, Choice, restrict
from outlayer_lint.interpret.frames import Arguments
from outlayer_lint.interpret.things import Answer, Class, Function, Library, Parameter, Partial, Unknown
from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlayer_lint.interpret.choices import Choices
    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Module, Site
    from outlayer_lint.resolve.sourcefile import SourceFile

ZOOS = {"torchvision.models": "torchvision.models.get_model"}  # what builds a model by its name
MAX_DEPTH = 3  # of modules that hand on what another offers
IMPORTS = re.compile(rb"(?m)^[ \t]*from\b[^\n(]*\([^)]*\)|^[ \t]*(?:from|import)\b[^\n]*|^[ \t]*class\b[^\n]*|#[^\n]*")
SCRIPT = re.compile(rb"(?m)^if __name__\b")


def chosen(it: Interpreter, module: Module | Library, asked: Answer, site: Site) -> Answer:
    """What stands under a name that is not known, as it was asked for at a site."""
    if isinstance(module, Library):
        known = ZOOS.get(module.name.removesuffix(texts.NAMES))
        return only(Partial(Library(known), Arguments((asked,)))) if known else unknown("name chosen at run time")
    for thing, _ in asked:
        if isinstance(thing, Parameter):  # whoever calls the function may know
            return only(Parameter(thing.scope, thing.name, (*thing.trail, "()")))
    if module.file is site.place.block.scope.file:
        return unknown("name chosen at run time")
    key = next((t.key for t, _ in asked if isinstance(t, Unknown) and t.key), ("name", id(site.node)))
    offered: dict[type, dict[str, Answer]] = {Class: {}, Function: {}}
    for name in dict.fromkeys(_names(it, module.file, MAX_DEPTH)):
        answer = imports.exported(it, module.file, name)
        thing = answer[0][0] if answer is not None and len(answer) == 1 else None
        if (
            answer is not None
            and isinstance(thing, (Class, Function))
            and (isinstance(thing, Function) or _is_model(it, thing))
            and not _is_named(it, thing.scope.file, name)
        ):
            offered[type(thing)][name] = answer
    found = offered[Class] or offered[Function]
    if not 0 < len(found) <= MAX_WAYS:
        return unknown("name chosen at run time")
    return join([restrict(answer, _choice(key, name)) for name, answer in found.items()])


def _is_model(it: Interpreter, cls: Class) -> bool:
    return classes.is_torch_module(it, cls) and classes.method_of(it, cls, "forward") is not None


def _choice(key: object, name: str) -> Choices:
    """The program in which a name was given, and that what is asked of all of them stands or falls together."""
    return frozenset(Choice(mark, equal=True, value=name, fork=True) for mark in (key, (OFFERED, key)))


def _names(it: Interpreter, file: SourceFile, depth: int) -> Iterator[str]:
    """The public names of a module, or those it lists, its own and those it has from other modules of the project."""
    frame = it.module_frame(file)
    if frame is None or depth == 0:
        return
    for statement in frame.scope.block.statements:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            if not statement.name.startswith("_"):
                yield statement.name
        elif isinstance(statement, ast.ImportFrom):
            target = it.project.module(statement.module or "", file, statement.level)
            if target is None or target is file:
                continue
            for alias in statement.names:
                if alias.name == "*":
                    yield from _names(it, target, depth - 1)
                elif not (alias.asname or alias.name).startswith("_"):
                    yield alias.asname or alias.name


def _is_named(it: Interpreter, home: SourceFile, name: str) -> bool:
    """Whether anything in the project but imports, headers of classes and texts names it."""
    asked = re.compile(rb"""(?<![\w"'])(?<!def )(?<!super\()""" + name.encode() + rb"\b(?!['\"])")
    near = it.project.beside(home)
    for file in {home: None, **dict.fromkeys(file for file in it.project.mentions(name) if file in near)}:
        text = IMPORTS.sub(b"", file.words)
        script = SCRIPT.search(text) if file is home else None
        if asked.search(text, 0, script.start() if script else len(text)):
            return True
    return False
