"""Imports between files of one project are sliced too; packages that are not installed are stood in for."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

from outlayer_lint.tracer.child.building.slicing import SlicedModule, dotted_name, fill, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

NEVER = sys.stdlib_module_names | {"torch", "numpy"}  # a project's file of that name would break the tracer itself


MOST_FOLDERS = 500  # of a project that are looked into for a file that is imported from elsewhere


class ProjectFinder(MetaPathFinder):
    """Finds modules below the folders of the project, before any installed package of the same name."""

    def __init__(self, folders: list[str], root: str = "") -> None:
        """`folders` are where imports start from, the nearest first; `root` is the folder of the whole project."""
        self.folders, self.root = folders, root
        self._files: dict[str, list[str]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A sliced module or package of the project, else `None`."""
        del target
        tail = fullname.rpartition(".")[2]
        if path is None and fullname in NEVER:
            return None
        for folder in self.folders if path is None else path:
            if not self.owns(folder):
                continue
            stem = os.path.join(folder, tail)
            package = os.path.join(stem, "__init__.py")
            if os.path.isfile(package):
                return _spec(fullname, package, [stem])
            if os.path.isfile(f"{stem}.py"):
                return _spec(fullname, f"{stem}.py", None)
            if os.path.isdir(stem) and any(name.endswith(".py") for name in os.listdir(stem)):
                if path is None and PathFinder.find_spec(fullname) is not None:
                    continue  # an installed package goes before a folder without `__init__.py`
                spec = ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [stem]
                return spec
        if path is None and self.root and PathFinder.find_spec(fullname) is None:
            elsewhere = self._elsewhere(f"{fullname}.py")
            return _spec(fullname, elsewhere, None) if elsewhere else None
        return None

    def _elsewhere(self, name: str) -> str:
        """The one file of that name in the project, which is run from there; "" for none or several."""
        if not self._files:
            for number, (place, folders, names) in enumerate(os.walk(self.root)):
                folders[:] = sorted(one for one in folders if not one.startswith((".", "_")))
                for one in names if number < MOST_FOLDERS else ():
                    self._files.setdefault(one, []).append(os.path.join(place, one))
                if number >= MOST_FOLDERS:
                    break
        found = self._files.get(name, [])
        return found[0] if len(found) == 1 else ""

    def owns(self, folder: str) -> bool:
        """Whether a folder lies in the project."""
        return any(folder == own or folder.startswith(own + os.sep) for own in self.folders)


class SlicedLoader(Loader):
    """Loads a file as a `SlicedModule`."""

    def __init__(self, path: str) -> None:
        """`path` of the file, absolute."""
        self.path = path

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty one."""
        return SlicedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fills it with names that come by need."""
        assert isinstance(module, SlicedModule)  # noqa: S101 - `create_module` made it
        fill(module, self.path, read(self.path))


def import_sliced(path: str, project_root: str) -> SlicedModule:
    """The sliced import of a file; raises `SyntaxError`, `ValueError` or `OSError` where it cannot be read."""
    text = read(path)
    name, start = dotted_name(path, text)
    folders = [start, os.path.dirname(path)]
    root = os.path.abspath(project_root)
    folder = os.path.dirname(path)
    while folder.startswith(root) and folder != os.path.dirname(folder):
        folders.append(folder)
        if folder == root:
            break
        folder = os.path.dirname(folder)
    folders.append(os.path.join(root, "src"))
    _forget_others()
    sys.meta_path.insert(0, ProjectFinder(list(dict.fromkeys(folders)), root))
    known = sys.modules.get(name)
    if isinstance(known, SlicedModule):
        return known
    parent = name.rpartition(".")[0]
    if parent:
        importlib.import_module(parent)
    is_package = os.path.basename(path) == "__init__.py"
    spec = _spec(name, path, [os.path.dirname(path)] if is_package else None)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None  # noqa: S101 - ours
    spec.loader.exec_module(module)
    assert isinstance(module, SlicedModule)  # noqa: S101 - ours
    return module


def _forget_others() -> None:
    """Modules of the target before: another project may have files of the same names."""
    finders = [finder for finder in sys.meta_path if isinstance(finder, ProjectFinder)]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ProjectFinder)]
    theirs = list[str]()
    for name, module in list(sys.modules.items()):
        places = [] if getattr(module, "__file__", None) else list(getattr(module, "__path__", ()))
        if isinstance(module, SlicedModule) or any(finder.owns(place) for finder in finders for place in places):
            theirs.append(name)
    for name in theirs:  # afterwards: a folder without `__init__.py` asks the one above it for its path
        del sys.modules[name]
    importlib.invalidate_caches()


def _spec(name: str, path: str, locations: list[str] | None) -> ModuleSpec:
    spec = importlib.util.spec_from_file_location(
        name, path, loader=SlicedLoader(path), submodule_search_locations=locations
    )
    assert spec is not None  # noqa: S101 - a loader was given
    return spec
