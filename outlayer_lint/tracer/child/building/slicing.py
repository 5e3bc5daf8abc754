"""Imports of a file only what is asked for: a name comes into being when something reads it.

The interpreter looks a missing global up among the builtins, and the builtins of a sliced module are a dict that
executes the statements which bind the name. So a class that is asked for brings along its imports, constants and
options, and a training loop, a download or a plot beside it never runs. What fails or is missing is stood in for.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.building.statements import Bindings, flattened
from outlayer_lint.tracer.child.limits import TooLong, at_most, unlimited
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STATEMENT_S = 3.0  # for one statement of the user's file; imports of packages are not limited
ANNOTATIONS = __future__.annotations.compiler_flag


class Sliced:
    """The names of one scope, each made when it is first read.

    Attributes:
        space: the globals that its statements run in.
        failures: name -> why its statement could not be executed.
        stub: whether what a missing package would give is stood in for; of all scopes.
        imported: what is done after an import; of all scopes.
    """

    stub = True
    imported: Callable[[], None] | None = None

    def __init__(
        self, body: Iterable[ast.stmt], space: dict[str, Any], path: str, otherwise: Callable[[str], Any]
    ) -> None:
        """`otherwise` is asked for names that no statement binds; it raises `KeyError` for what it does not know."""
        self.bindings = Bindings(body)
        self.space, self.path, self.failures = space, path, dict[str, str]()
        self._otherwise, self._begun, self._running = otherwise, set[int](), set[int]()
        self.flags = 0
        space["__builtins__"] = _Builtins(self)

    def come(self, name: str) -> Any:
        """The value of a name; raises `KeyError` where nothing binds it."""
        if name in self.space:
            return self.space[name]
        for statement in self.bindings.of(name):
            self._execute(statement, name)
        if name in self.space:
            return self.space[name]
        if self.bindings.of(name):
            if any(id(statement) in self._running for statement in self.bindings.of(name)):
                raise KeyError(name)
            value: Any = Absent(name)
        elif (found := self._starred(name)) is not None:
            value = found
        else:
            value = self._otherwise(name)
        self.space[name] = value
        return value

    def evaluate(self, expression: ast.expr) -> Any:
        """The value of an expression in this scope; raises what it raises."""
        tree = ast.fix_missing_locations(ast.Expression(expression))
        code = compile(tree, self.path, "eval", flags=self.flags, dont_inherit=True)
        with at_most(STATEMENT_S):
            return eval(code, self.space)  # noqa: S307 - this is the purpose of the child

    def _execute(self, statement: ast.stmt, name: str) -> None:
        if id(statement) in self._begun:
            return
        self._begun.add(id(statement))
        self._running.add(id(statement))
        tree = ast.Module([statement], [])
        imports = _imports(statement)
        try:
            code = compile(tree, self.path, "exec", flags=self.flags, dont_inherit=True)
            with unlimited() if imports else at_most(STATEMENT_S):
                exec(code, self.space)  # noqa: S102 - this is the purpose of the child
            if imports and Sliced.imported is not None:
                Sliced.imported()
        except TooLong:
            self.failures[name] = f"line {statement.lineno} took longer than {STATEMENT_S:.0f} s"
        except (Exception, SystemExit) as error:
            if imports and isinstance(error, ImportError) and not Sliced.stub:
                self._begun.discard(id(statement))  # whoever asks again is told again
                raise
            self.failures[name] = f"line {statement.lineno}: {type(error).__name__}: {error}"
        finally:
            self._running.discard(id(statement))

    def _starred(self, name: str) -> Any:
        """What a `from module import *` gives for the name."""
        for statement in self.bindings.starred:
            try:
                module = _module_of(statement, self.space)
            except Exception as error:  # noqa: BLE001
                self.failures["*"] = f"line {statement.lineno}: {error}"
                continue
            if isinstance(module, SlicedModule) and not module.binds(name):
                continue
            if not name.startswith("_") and (found := getattr(module, name, None)) is not None:
                return found
        return None


def _imports(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(statement))


class _Builtins(dict[str, Any]):
    """The builtins of a scope, less those that it binds itself; what is missing comes by need."""

    def __init__(self, owner: Sliced) -> None:
        bound = owner.bindings.names()
        super().__init__((name, value) for name, value in vars(builtins).items() if name not in bound)
        self._owner = owner

    def __missing__(self, name: str) -> Any:
        try:
            return self._owner.come(name)
        except KeyError:
            if hasattr(builtins, name):
                return getattr(builtins, name)
            raise


class SlicedModule(ModuleType):
    """A module of the user's project whose names come by need."""

    sliced: Sliced
    project_root: str

    def __getattr__(self, name: str) -> Any:
        if name == "__all__" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        try:
            return self.sliced.come(name)
        except KeyError:
            raise AttributeError(f"module `{self.__name__}` has no attribute `{name}`") from None

    def binds(self, name: str) -> bool:
        """Whether a statement of it gives the name a value, without executing one."""
        bindings = self.sliced.bindings
        if name in self.__dict__ or bindings.of(name):
            return True
        return any(_star_binds(statement, self.__dict__, name) for statement in bindings.starred)


def fill(module: SlicedModule, path: str, text: str) -> None:
    """Makes `module` the sliced import of a file; raises `SyntaxError` or `ValueError` where it cannot be parsed."""
    tree = ast.parse(text, path)
    space = module.__dict__
    space["__file__"] = path

    def later(name: str) -> Any:
        """Names of the guarded main block, and globals that a function sets."""
        for statement in guarded.of(name):
            sliced._execute(statement, name)
        if name in space:
            return space[name]
        if guarded.of(name) and name in sliced.failures:
            return Absent(name)
        raise KeyError(name)

    sliced = Sliced(tree.body, space, path, later)
    guarded = Bindings(flattened(tree.body, guarded=True))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            sliced.flags |= ANNOTATIONS if any(alias.name == "annotations" for alias in node.names) else 0
    module.__dict__["sliced"], module.__dict__["tree"] = sliced, tree
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("sys.path."):
            sliced._execute(statement, "sys.path")


def _module_of(statement: ast.ImportFrom, space: dict[str, Any]) -> ModuleType:
    import importlib  # noqa: PLC0415

    name = "." * statement.level + (statement.module or "")
    return importlib.import_module(name, space.get("__package__"))


def _star_binds(statement: ast.ImportFrom, space: dict[str, Any], name: str) -> bool:
    try:
        module = _module_of(statement, space)
    except Exception:  # noqa: BLE001
        return False
    return module.binds(name) if isinstance(module, SlicedModule) else hasattr(module, name)


def read(path: str) -> str:
    """The text of a Python file, in the encoding it declares."""
    import tokenize  # noqa: PLC0415

    with tokenize.open(path) as file:
        return file.read()


def dotted_name(path: str, text: str) -> tuple[str, str]:
    """Import name of a file and the folder that its imports start from: the chain of `__init__.py` decides.

    A file outside a package that imports relatively is taken for a member of its folder.
    """
    folder, stem = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    parts = [] if stem == "__init__" else [stem.replace(".", "_")]  # `3.train.py` is no module of a package `3`
    levels = max((node.level for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)), default=0)
    while os.path.basename(folder) and (os.path.isfile(os.path.join(folder, "__init__.py")) or levels > len(parts) - 1):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
        if not levels and not os.path.isfile(os.path.join(folder, "__init__.py")):
            break
    name = ".".join(parts)
    taken = name in sys.modules and not isinstance(sys.modules[name], SlicedModule)
    return (f"traced_{name}" if taken or name.partition(".")[0] in sys.stdlib_module_names else name), folder
