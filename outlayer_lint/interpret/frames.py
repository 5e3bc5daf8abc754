"""Calling contexts: frames, the arguments they were entered with, and worlds of assumed callers."""

from __future__ import annotations

from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from outlayer_lint.interpret.things import Answer, Class, Entry
    from outlayer_lint.resolve.blocks import Block, Place
    from outlayer_lint.resolve.scopes import Scope

MAX_DEPTH = 24


class Arguments:
    """Arguments of a call, evaluated only when a parameter is read."""

    __slots__ = ("keywords", "more_keywords", "more_positional", "positional")

    def __init__(
        self, positional: tuple[Entry, ...] = (), keywords: dict[str, Entry] | None = None, *,
        more_positional: Any = False, more_keywords: Any = False,
    ) -> None:  # fmt: skip
        """`more_*`: a starred argument that could not be taken apart adds others; an open `*args` stands itself."""
        self.positional = positional
        self.keywords = keywords or {}
        self.more_positional = more_positional
        self.more_keywords = more_keywords

    def __len__(self) -> int:
        return len(self.positional) + len(self.keywords)

    def prepend(self, *first: Entry) -> Arguments:
        """The same arguments behind others."""
        return Arguments(
            (*first, *self.positional),
            self.keywords,
            more_positional=self.more_positional,
            more_keywords=self.more_keywords,
        )

    def without_first(self) -> Arguments:
        """The same arguments without the object that `Base.__init__(self, ...)` names."""
        return Arguments(
            self.positional[1:],
            self.keywords,
            more_positional=self.more_positional,
            more_keywords=self.more_keywords,
        )

    def over(self, given: Arguments) -> Arguments:
        """As `functools.partial`: these first, then `given`; its keywords win."""
        return Arguments(
            (*self.positional, *given.positional), {**self.keywords, **given.keywords},
            more_positional=self.more_positional or given.more_positional,
            more_keywords=self.more_keywords or given.more_keywords,
        )  # fmt: skip

    def pick(self, index: int | None, name: str) -> Entry | None:
        """The argument for a parameter by keyword, else by position."""
        if name in self.keywords:
            return self.keywords[name]
        if index is not None and index < len(self.positional):
            return self.positional[index]
        return None

    def positional_answers(self, force: Callable[[Entry], Answer], start: int) -> tuple[Answer, ...]:
        """What `*args` receives from position `start` on."""
        return tuple(force(entry) for entry in self.positional[max(0, start) :])

    def may_bind(self, index: int | None, name: str) -> Any:
        """What starred argument may supply the parameter: `True`, or the open `*args` or `**keywords` of a function."""
        if self.more_positional and index is not None and index >= len(self.positional):
            return self.more_positional
        return self.more_keywords if name not in self.keywords else False


class Binding(NamedTuple):
    """A caller assumed for a scope: the call, where it stands, in the root frame of its own scope."""

    call: ast.Call
    place: Place
    overlay: tuple[ast.AST, ...] = ()
    likely: bool = False
    passed: bool = False  # the function is passed at this place, not called: its parameters stay unknown
    seen: int = 0  # of how many things the callee is one, where it was evaluated and is the scope


class World:
    """One way of calling: which caller is assumed for which unbound scope. Frozen; `Driver.world` makes them."""

    __slots__ = ("bindings", "instances", "opened", "roots", "subclasses")

    def __init__(
        self, bindings: dict[Scope, Binding | None] | None = None, subclasses: dict[Scope, Class] | None = None
    ) -> None:
        """A binding of `None` means: nobody calls it; defaults and annotations hold."""
        self.bindings = bindings or {}
        self.subclasses = subclasses or {}
        self.roots: dict[Scope, Frame] = {}
        self.instances: dict[Scope, object] = {}
        self.opened: dict[Scope, dict[Scope, Class]] = {}  # constructors: the classes whose objects left them open

    @property
    def likely(self) -> bool:
        """Whether a receiver was guessed."""
        return any(binding is not None and binding.likely for binding in self.bindings.values())


class Frame:
    """One activation of a scope. Its memo lives and dies with it."""

    __slots__ = (
        "arguments", "base", "binds", "caller", "calls", "children", "depth", "insides", "loops", "memo", "parent",
        "place", "receiver", "scope", "variants", "world",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, world: World, parent: Frame | None, *, arguments: Arguments | None = None,
        receiver: object = None, caller: Frame | None = None, place: Place | None = None,
        binds: dict[str, Answer] | None = None,
    ) -> None:  # fmt: skip
        """`parent` is the frame of the lexically enclosing scope, `caller` and `place` where the call stands."""
        self.scope = scope
        self.world = world
        self.parent = parent
        self.arguments = arguments
        self.receiver = receiver
        self.caller = caller
        self.place = place
        self.binds = binds
        self.depth: int = 0 if caller is None else caller.depth + 1
        self.loops: dict[ast.stmt, object] = {}
        self.base: Frame = self
        self.memo: dict[object, Answer] = {}
        self.calls: dict[object, Frame] = {}
        self.variants: dict[object, Frame] = {}
        self.insides: dict[Block, Frame] = {}
        self.children: dict[object, Frame] = {}

    @property
    def is_root(self) -> bool:
        """Whether nothing called it in this world."""
        return self.arguments is None

    def enter(self, key: object, make: Frame) -> Frame:
        """The interned frame of a call made from this one."""
        return self.calls.setdefault(key, make)

    @property
    def first(self) -> Frame:
        """The frame in which the calls began that led here."""
        frame = self
        while frame.caller is not None:
            frame = frame.caller
        return frame

    def chain_has(self, scope: Scope, limit: int) -> bool:
        """Whether `scope` is active more than `limit` times."""
        frame: Frame | None = self
        while frame is not None:
            if frame.scope is scope and frame.binds is None:
                limit -= 1
                if limit < 0:
                    return True
            frame = frame.caller
        return False

    def inside(
        self, block: Block, entered: tuple[tuple[ast.stmt, object], ...] = (), drawn: ast.AST | None = None
    ) -> Frame:
        """The variant of this frame for a place: iteration states of exactly the loops that enclose it.

        A loop's own variable stands outside of it and is `drawn` in an iteration of it.
        """
        if not self.loops and not entered:
            return self
        if not entered and drawn is None:
            found = self.insides.get(block)
            if found is None:
                found = self.insides[block] = self._inside(block, {}, None)
            return found
        return self._inside(block, dict(entered), drawn)

    def _inside(self, block: Block, entered: dict[ast.stmt, object], drawn: ast.AST | None) -> Frame:
        states = {**self.loops, **entered}
        kept: dict[ast.stmt, object] = {}
        at: Block | None = block
        while at is not None:
            if at.kind == "loop" and at.statement in states:
                kept[at.statement] = states[at.statement]
            at = at.parent
        if drawn in states:
            kept[drawn] = states[drawn]
        return self.iteration(kept)

    def binding(self, names: dict[str, Answer]) -> Frame:
        """A frame inside of this one in which a comprehension's or a lambda's own names are bound."""
        return Frame(
            self.scope, self.world, self, arguments=self.arguments, receiver=self.receiver, caller=self.caller,
            place=self.place, binds=names,
        )  # fmt: skip

    def iteration(self, states: dict[ast.stmt, object]) -> Frame:
        """The variant of this frame with the given iteration states."""
        base = self.base
        if not states:
            return base
        key = frozenset((id(s), w) for s, w in states.items())
        found = base.variants.get(key)
        if found is None:
            found = Frame(
                base.scope, base.world, base.parent, arguments=base.arguments, receiver=base.receiver,
                caller=base.caller, place=base.place, binds=base.binds,
            )  # fmt: skip
            found.loops = states
            found.base = base
            base.variants[key] = found
        return found
