"""Which files are asked about, which belong to the project around them, and how their paths are shown."""

from __future__ import annotations

import os

from outlayer_lint.config import Refused, ascend, has_table, matcher
from outlayer_lint.diagnostic import Unread
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.source.ignored import Ignored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from outlayer_lint.config import Config

SUFFIXES = (".py", ".ipynb")
EXCLUDED = frozenset(
    ".bzr .direnv .eggs .git .git-rewrite .hg .idea .ipynb_checkpoints .mypy_cache .nox .outlayer_lint_cache .pants.d "
    ".pyenv .pytest_cache .pytype .ruff_cache .svn .tox .venv .vscode __pycache__ __pypackages__ _build buck-out build "
    "dist node_modules site-packages venv".split()
)
PROJECT_FILES = ("setup.py", "setup.cfg", "pyproject.toml")
MAX_DEPTH = 64
MAX_FILES = 100_000

Chain = tuple[tuple[str, Ignored], ...]  # (folder, patterns of its .gitignore), the outermost first


def sources(
    paths: Iterable[str | os.PathLike[str]], *, exclude: Sequence[str] = (), respect_gitignore: bool = True
) -> tuple[list[str], list[Unread]]:
    """The files asked about, as sorted absolute paths, and the folders that could not be read.

    A file that is named is always taken; below a folder `exclude`, the usual build folders and `.gitignore` hold.
    Raises `Refused` for a path that does not exist.
    """
    asked = [os.path.abspath(path) for path in paths]
    missing = [os.fspath(path) for path, at in zip(paths, asked, strict=True) if not os.path.lexists(at)]
    if missing:
        raise Refused(f"no such file or folder: {', '.join(missing)}")
    found: set[str] = set()
    unread: list[Unread] = []
    excluded = matcher(exclude) if exclude else None
    for path in asked:
        if os.path.isdir(path):
            chain = _chain_above(path) if respect_gitignore else None
            found.update(_below(path, excluded, chain, unread))
        else:
            found.add(path)
    return sorted(found), unread


def asked_about(paths: Sequence[str | os.PathLike[str]], config: Config) -> tuple[list[str], list[Unread]]:
    """`sources` as the configuration has it; with `force_exclude` files that are named may be left out as well."""
    found, unread = sources(paths, exclude=config.exclude, respect_gitignore=config.respect_gitignore)
    if config.force_exclude:
        named = {os.path.abspath(path) for path in paths}
        found = [path for path in found if path not in named or not is_excluded(path, config)]
    return found, unread


def is_excluded(path: str, config: Config) -> bool:
    """Whether a file, or a folder between it and the configuration's, would be left out on a walk."""
    excluded = matcher(config.exclude) if config.exclude else None
    root = os.path.join(os.path.abspath(config.root), "")
    at = os.path.abspath(path)
    while at.startswith(root):
        if os.path.basename(at) in EXCLUDED or (excluded is not None and excluded(at)):
            return True
        at = os.path.dirname(at)
    return excluded is not None and excluded(os.path.abspath(path))


def walk(root: str | os.PathLike[str]) -> list[str]:
    """Every source file of a project, as context; at most `MAX_FILES`, the shallowest first."""
    found: list[str] = []
    for path in _below(os.path.abspath(root), None, None, []):
        found.append(path)
        if len(found) >= MAX_FILES:
            break
    return found


def further(root: str, config: Config) -> Iterator[str]:
    """Files below the folders that imports start from, where these lie outside of the project."""
    for folder in config.src:
        if not os.path.join(folder, "").startswith(os.path.join(root, "")):
            yield from walk(folder)


def context(root: str, config: Config) -> list[str]:
    """All files that belong to a project, those that imports reach outside of it included."""
    return [*walk(root), *further(root, config)]


def project_root(
    path: str | os.PathLike[str],
    arguments: Iterable[str | os.PathLike[str]] = (),
    tabled: dict[str, bool] | None = None,
) -> str:
    """The root of the project that `path` belongs to; without any sign of one, the common parent of the arguments.

    The nearest `pyproject.toml` with our table, else the nearest `.git`, else the topmost setup file; never the home
    folder or above it, unless the argument itself lies there. `tabled` remembers which folders have such a table.
    """
    known = {} if tabled is None else tabled
    folders = list(ascend(os.fspath(path)))
    for folder in folders:
        if folder not in known:
            known[folder] = has_table(folder)
        if known[folder]:
            return folder
    for folder in folders:
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
    for folder in reversed(folders):
        if any(os.path.isfile(os.path.join(folder, name)) for name in PROJECT_FILES):
            return folder
    parent = common_parent((path, *arguments))
    return parent if parent in folders or not folders else folders[0]


def common_parent(paths: Iterable[str | os.PathLike[str]]) -> str:
    """The deepest folder that has all the paths below it (or is one of them)."""
    folders = [at if os.path.isdir(at) else os.path.dirname(at) for at in map(os.path.abspath, paths)]
    try:
        return os.path.commonpath(folders)
    except ValueError:  # two drives, or nothing given
        return folders[0] if folders else os.getcwd()


def shown(path: str) -> str:
    """A path as it is reported: relative to the working directory, with `/`."""
    here = os.getcwd()
    if path.startswith(here) and path[len(here) : len(here) + 1] == os.sep:
        path = path[len(here) + 1 :]
    elif os.path.isabs(path):
        try:
            path = os.path.relpath(path, here)
        except ValueError:  # another drive
            pass
    return path.replace(os.sep, "/")


def _below(
    top: str, excluded: Callable[[str], bool] | None, chain: Chain | None, unread: list[Unread]
) -> Iterator[str]:
    """Source files below a folder. Links to folders are not followed, so there are no cycles."""
    level = [(top, chain)]
    for _ in range(MAX_DEPTH):
        deeper = []
        for folder, inherited in level:
            entries = _entries(folder, unread)
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names and folder != top:  # a virtual environment by any name
                continue
            rules = inherited
            if inherited is not None and ".gitignore" in names:
                rules = (*inherited, *_gitignore(folder))
            for entry in entries:
                kind = _kind(entry)
                if kind and not _left_out(entry.path, excluded, rules, folder=kind == "folder"):
                    if kind == "file":
                        yield entry.path
                    else:
                        deeper.append((entry.path, rules))
        if not deeper:
            return
        level = deeper


def _entries(folder: str, unread: list[Unread]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            return list(scan)
    except OSError as error:
        unread.append(Unread(shown(folder), 1, f"the folder cannot be read: {error.strerror}"))
        return []


def _kind(entry: os.DirEntry[str]) -> str:
    """`file`, `folder` or nothing that matters; asking costs nothing, the listing has said it (but for links)."""
    try:
        if entry.name.endswith(SUFFIXES) and entry.is_file():
            return "file"
        return "folder" if entry.name not in EXCLUDED and entry.is_dir(follow_symlinks=False) else ""
    except OSError:  # a link to itself
        return ""


def _left_out(path: str, excluded: Callable[[str], bool] | None, chain: Chain | None, *, folder: bool) -> bool:
    if excluded is not None and excluded(path):
        return True
    for base, patterns in reversed(chain or ()):  # the innermost file that has an opinion decides
        below = path[len(base) + 1 :].replace(os.sep, "/") + ("/" if folder else "")
        verdict = patterns.verdict(below)
        if verdict is not None:
            return verdict
    return False


def _chain_above(folder: str) -> Chain:
    """The patterns of the repository that hold in `folder` from above; its own file is read on the way down."""
    above: list[str] = []
    for place in ascend(folder):
        if place != folder:
            above.append(place)
        if os.path.lexists(os.path.join(place, ".git")):
            return tuple(entry for outer in reversed(above) for entry in _gitignore(outer))
    return ()


def _gitignore(folder: str) -> Chain:
    try:
        with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ()
    return ((folder, Ignored(lines)),)
