"""What a command line gives: unknown, but for what it is where nothing is given.

A default decides no condition, for the next run may ask for something else. Where a text names a module, a class or a
function there is nothing to follow without it, and the run that gives nothing is one that the author meant.
"""

from __future__ import annotations

import re

from outlayer_lint.interpret.answers import only
from outlayer_lint.interpret.things import Answer, Const, Deferred, Foreign, Lazy, Method, Sequence, Site, Unknown
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlayer_lint.interpret.interpreter import Interpreter
    from outlayer_lint.interpret.things import Entry
    from outlayer_lint.resolve.sourcefile import SourceFile

PARSERS = frozenset(("argparse.ArgumentParser", "configargparse.ArgumentParser", "configargparse.ArgParser"))
PARSE = {"parse_args": "all", "parse_known_args": "known"}  # what is parsed into a namespace, or into it and the rest


class Option(Unknown):
    """A parser's method, all that is given, or one value of it; `preset` works out a value that is left out."""

    __slots__ = ("_preset", "file", "step")

    def __init__(
        self, reason: str, key: object, step: str, file: SourceFile | None = None,
        preset: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        """`step`: the method of a parser (`all`, `known`), `namespace`, `both`, or `value`."""
        super().__init__(reason, key)
        self.step = step
        self.file = file
        self._preset: Any = preset

    @property
    def preset(self) -> Any:
        """The value where nothing is given, `...` where that is not known."""
        if callable(self._preset):
            self._preset = self._preset()
        return ... if self._preset is None else self._preset


def parsing(thing: Foreign, name: str, site: Site) -> Answer | None:
    """`parser.parse_args`."""
    if name not in PARSE or thing.name not in PARSERS:
        return None
    return only(Option("third-party object", (thing.key, name), PARSE[name], site.place.block.scope.file))


def called(option: Option, key: object) -> Answer:
    """`parser.parse_args()`."""
    step = {"all": "namespace", "known": "both"}.get(option.step, "")
    return only(Option(option.reason, key, step, option.file) if step else Unknown(option.reason, key))


def part(option: Option, step: object, key: object) -> Answer:
    """`args, rest = parser.parse_known_args()`."""
    if option.step == "both" and step == 0:
        return only(Option(option.reason, key, "namespace", option.file))
    return only(Unknown(option.reason, key))


def attribute(option: Option, name: str, methods: frozenset[str]) -> Answer | None:
    """`args.name`, and a text's own methods."""
    file = option.file
    if option.step == "namespace" and file is not None:
        return only(Option(option.reason, (option.key, name), "value", preset=lambda: written(file, name)))
    return only(Method(option, name)) if name in methods and isinstance(option.preset, str) else None


def written(file: SourceFile, name: str) -> str | None:
    """The one text that a file's parsers give an option where it is left out."""
    flag = re.escape(name).replace("_", "[-_]")
    asked = rf"""add_argument\(\s*(?:["'][-\w]+["']\s*,\s*)*["']-*{flag}["']\s*,([^()]*(?:\([^()]*\)[^()]*)*)\)"""
    found = [re.search(r"""\bdefault\s*=\s*["']([^"'\n]+)["']""", rest) for rest in re.findall(asked, file.text)]
    texts = {each and each[1] for each in found}
    return texts.pop() if len(texts) == 1 else None


def made(of: Unknown, make: Callable[[], Any]) -> Option:
    """A value that is made of others, as unknown as it was."""
    return Option(of.reason, of.key, "value", preset=make)


def split(answer: Answer) -> Answer:
    """What a method makes of a preset: a text, or a list of texts."""
    return tuple((_split(thing), own) for thing, own in answer)


def _split(thing: Any) -> Any:
    if isinstance(thing, Const):
        return made(Unknown("text built at run time"), lambda: thing.value)
    if isinstance(thing, Sequence):
        parts = [split(entry) for entry in thing.items if not isinstance(entry, (Lazy, Deferred))]
        return Sequence(tuple(parts), kind=thing.kind)
    return thing


def named(it: Interpreter, entry: Entry | None) -> Any:
    """The constant that an argument is, or is where nothing is given; `...` where it is not known."""
    value = it.constant(entry)
    return value if value is not ... else of_answer(it.force(entry))


def of_answer(answer: Answer) -> Any:
    """The constant that the only alternative is, given or preset."""
    thing = answer[0][0] if len(answer) == 1 else None
    return thing.value if isinstance(thing, Const) else thing.preset if isinstance(thing, Option) else ...


def joined(parts: list[Any]) -> Const | Option:
    """A text of constants and options: `f"models.{args.model}"`."""
    if not any(isinstance(part, Option) for part in parts):
        return Const("".join(map(str, parts)))

    def whole() -> Any:
        known = [part.preset if isinstance(part, Option) else part for part in parts]
        return None if ... in known else "".join(map(str, known))

    return Option("text built at run time", None, "value", preset=whole)


def reckoned(found: Answer, a: Any, b: Any, fold: Callable[[Any, Any], Answer]) -> Answer:
    """`"models." + args.model`, as unknown as `found`."""
    if not (isinstance(a, (Const, Option)) and isinstance(b, (Const, Option))):
        return found

    def whole() -> Any:
        left, right = (each.preset if isinstance(each, Option) else each.value for each in (a, b))
        return None if ... in (left, right) else of_answer(fold(left, right))

    return only(made(found[0][0], whole))
