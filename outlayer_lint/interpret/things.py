"""What an expression may be, beside a tensor: objects, functions, classes, containers, constants.

An `Answer` is a tuple of alternatives; each is a thing and the choices under which it is meant. Things are compared by
identity, but constants by value.
"""

from __future__ import annotations

from itertools import count

from outlayer_lint.interpret.choices import Choices
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Mapping

    from outlayer_lint.interpret.effects import Effect
    from outlayer_lint.interpret.frames import Arguments, Frame
    from outlayer_lint.knowledge import Row
    from outlayer_lint.resolve.blocks import Place
    from outlayer_lint.resolve.scopes import Scope
    from outlayer_lint.resolve.sourcefile import SourceFile

_SERIAL = count()  # identities that are never used twice, as those of freed objects are
LITERAL = "literal"  # the source of a tensor whose numbers stand in the program
WITH_TENSOR = "with a tensor"  # a step of a trail: an operation of what is open with a tensor


class Unknown:
    """Not known, with the root reason; `key` identifies the value, so that conditions on it can be recognised."""

    __slots__ = ("key", "reason")

    def __init__(self, reason: str, key: object = None) -> None:
        """`reason` is a word of the fixed vocabulary (docs of `pairs`)."""
        self.reason = reason
        self.key = key

    def __repr__(self) -> str:
        return f"<unknown: {self.reason}>"


class Written(Unknown):
    """Something not known whose attributes a program sets itself: `args.net = Net` and what else was parsed."""

    __slots__ = ("overrides", "thing")

    def __init__(self, thing: Unknown, overrides: tuple[Override, ...]) -> None:
        """`thing` is what it was before."""
        super().__init__(thing.reason, thing.key)
        self.thing = thing
        self.overrides = overrides


class Unbound:
    """Marks a path on which an attribute was not written (never leaves `attributes`)."""


class Parameter:
    """A parameter that no call binds yet. The driver finds callers and asks again."""

    __slots__ = ("name", "offset", "scope", "trail")

    def __init__(self, scope: Scope, name: str, trail: tuple[object, ...] = (), offset: int = 0) -> None:
        """`trail`: attributes and items taken from it; `offset`: an integer added to it."""
        self.scope = scope
        self.name = name
        self.trail = trail
        self.offset = offset

    @property
    def key(self) -> object:
        """Identifies the value."""
        return ("parameter", id(self.scope), self.name, self.trail)

    def __repr__(self) -> str:
        return f"<parameter {self.scope.name}.{self.name}>"


class Subclass:
    """A method that an abstract class leaves to its subclasses. The driver chooses one and asks again."""

    __slots__ = ("asked", "cls", "name")

    def __init__(self, cls: Scope, name: str, asked: Scope | None = None) -> None:
        """`cls` is the class asked about, `name` the missing method or attribute, `asked` where the question began."""
        self.cls = cls
        self.name = name
        self.asked = asked

    @property
    def key(self) -> object:
        """Identifies the value."""
        return ("subclass", id(self.cls), self.name)


class Const:
    """A constant of the program."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Any immutable Python value."""
        self.value = value

    def __repr__(self) -> str:
        return f"<{self.value!r}>"


class Symbol:
    """An integer known only in relation to another: `key + offset`; `last` of an iteration has the length's key."""

    __slots__ = ("key", "offset", "strict")

    def __init__(self, key: object, offset: int = 0, *, strict: bool = False) -> None:
        """`strict`: any value below `key + offset`, not this one (an index before the last)."""
        self.key = key
        self.offset = offset
        self.strict = strict


class Function:
    """A function or lambda of the project, with the frame it was defined in."""

    __slots__ = ("bound", "frame", "scope")

    def __init__(self, scope: Scope, frame: Frame, bound: object = None) -> None:
        """`bound` is the receiver of a bound method."""
        self.scope = scope
        self.frame = frame
        self.bound = bound

    def __repr__(self) -> str:
        return f"<function {self.scope.name}>"


class Class:
    """A class of the project."""

    __slots__ = ("_mro", "fields", "frame", "methods", "scope", "sets")

    def __init__(self, scope: Scope, frame: Frame) -> None:
        """`frame` is where the class statement stands; the rest holds what was asked of it before."""
        self.scope = scope
        self.frame = frame
        self._mro: list[object] | None = None
        self.fields: dict[str, ast.expr | None] | None = None
        self.methods: dict[tuple[str, Scope | None], tuple[Class, Scope] | None] = {}
        self.sets: dict[tuple[Scope, str | None, int], bool] = {}

    def __repr__(self) -> str:
        return f"<class {self.scope.name}>"


class Instance:
    """An object of a project class."""

    __slots__ = ("arguments", "cache", "cls", "effect", "made", "overrides", "root", "site")

    def __init__(
        self, cls: Class, site: Site | None, arguments: Arguments | None, overrides: tuple[Override, ...] = ()
    ) -> None:
        """`site` is where it was constructed, `None` for the receiver of a method asked about by itself."""
        self.cls = cls
        self.site = site
        self.arguments = arguments
        self.overrides = overrides
        self.root: Instance = self
        self.made: Instance = self
        self.effect: Effect | None = None
        self.cache: dict[object, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.cls.scope.name} object>"

    def then(self, overrides: tuple[Override, ...] = (), effect: Effect | None = None) -> Instance:
        """The same object later: with attributes written from outside, or as a method of its own leaves it.

        A replaced part makes another program (`made`), a method call does not.
        """
        later = Instance(self.cls, self.site, self.arguments, overrides)
        later.root = self.root
        later.effect = effect or self.effect
        if effect:
            later.made = self.made
        return later


class Override(NamedTuple):
    """An attribute (or path of attributes) written from outside."""

    path: tuple[object, ...]
    lazy: Lazy


class Built:
    """An object made by a library's constructor: a layer, a loss, a container, a data set."""

    __slots__ = ("arguments", "cache", "extras", "name", "overrides", "row", "site")

    def __init__(
        self, row: Row, name: str, arguments: Arguments, site: Site, extras: tuple[Any, ...] = (),
        overrides: tuple[Override, ...] = ()
    ) -> None:  # fmt: skip
        """`extras` are later mutations: (method, arguments) in order."""
        self.row = row
        self.name = name
        self.arguments = arguments
        self.site = site
        self.extras = extras
        self.overrides = overrides
        self.cache: dict[object, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Library:
    """A name of a library: a function, class or module that rows may know."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """The fully qualified name."""
        self.name = name

    def __repr__(self) -> str:
        return f"<library {self.name}>"


class Foreign:
    """An object of a library that no row describes; calls and attributes of it are unknown."""

    __slots__ = ("key", "name")

    def __init__(self, name: str, key: object = None) -> None:
        """`name` is the callable that made it."""
        self.name = name
        self.key = key


class Module:
    """A module of the project."""

    __slots__ = ("file",)

    def __init__(self, file: SourceFile) -> None:
        """The file."""
        self.file = file


class Sequence:
    """A list or tuple: `items`, then (if `open`) any number of unknown ones, then `tail`."""

    __slots__ = ("items", "key", "kind", "middle", "open", "tail")

    def __init__(
        self, items: tuple[Entry, ...], *, open: bool = False, tail: tuple[Entry, ...] = (),  # noqa: A002
        middle: Entry | None = None, kind: str = "list",
    ) -> None:  # fmt: skip
        """`middle` is what the open part's elements are, where known."""
        self.items = items
        self.open = open
        self.tail = tail
        self.middle = middle
        self.kind = kind
        self.key: object = next(_SERIAL)


class Dictionary:
    """A dict, keyword arguments, or an object known by its fields; `open` if more may be in it."""

    __slots__ = ("items", "kind", "open")

    def __init__(self, items: Mapping[Any, Entry], *, open: bool = False, kind: str = "dict") -> None:  # noqa: A002
        """In order of insertion."""
        self.items = dict(items)
        self.open = open
        self.kind = kind


class Method:
    """A method of a tensor or library object, not yet called."""

    __slots__ = ("name", "receiver", "row")

    def __init__(self, receiver: object, name: str, row: Row | None = None) -> None:
        """`row` is the contract of a tensor's method."""
        self.receiver, self.name, self.row = receiver, name, row


class Partial:
    """A callable with some arguments given."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: object, arguments: Arguments) -> None:
        """As `functools.partial`."""
        self.function, self.arguments = function, arguments


class Super:
    """`super()` inside a method: attributes are searched behind `after`."""

    __slots__ = ("after", "instance")

    def __init__(self, instance: object, after: Scope) -> None:
        """`after` is the class whose method says `super()`."""
        self.instance, self.after = instance, after


class Site(NamedTuple):
    """Where an expression stands and in which frame it is evaluated."""

    node: ast.expr
    place: Place
    frame: Frame


class Lazy(NamedTuple):
    """An expression to be evaluated when needed, and the part of its value that is meant."""

    node: ast.expr
    place: Place
    frame: Frame
    path: tuple[object, ...] = ()


class Deferred:
    """An answer worked out when first forced."""

    __slots__ = ("answer", "make", "node")

    def __init__(self, make: Callable[[], Answer] | None, node: ast.expr | None = None) -> None:
        """`make` is called at most once for a settled answer; `node` is what messages quote for it."""
        self.make, self.node = make, node
        self.answer: Answer | None = None


WHOLE = (Instance, Class, Module)
Alternative = tuple[Any, Choices]
Answer = tuple[Alternative, ...]
Entry = Lazy | Deferred | Answer
