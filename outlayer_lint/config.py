"""`[tool.outlayer-lint]` and the command line as one `Config`; what cannot be meant is refused in a sentence."""

from __future__ import annotations

import os

from outlayer_lint.diagnostic import Severity
from outlayer_lint.records import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

TABLE = "tool.outlayer-lint"


class Refused(ValueError):
    """What was asked for cannot be done; the message is a sentence for the user."""


class Layer(NamedTuple):
    """One place that selects rules: the file, or the command line over it. `select` is `None` where it says nothing."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    where: str = "command line"


class Config(NamedTuple):
    """What the user decided. Selectors are codes, prefixes of codes, rule names or `ALL`, kept as written.

    Attributes:
        layers: who selected what, the strongest last.
        per_file_ignores: pattern -> selectors.
        exclude: patterns: a name, or (where it has a slash) an absolute path.
        respect_gitignore: whether ignored files are left out when a folder is asked about.
        contracts: files with rows of the user's own.
        fail_on: the least severity that makes a run fail.
        severity: selector -> the level given to it instead of its own.
        src: folders that imports start from.
        baseline: file of accepted findings.
        root: the folder that patterns are relative to.
        path: the file this was read from, "" where there is none.
        force_exclude: whether files that are named may be left out as well.
        noqa: whether `# noqa` counts; a host with comments of its own may take over.
        trace: the table of the tracer as written; the tracer reads it.
    """

    layers: tuple[Layer, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    contracts: tuple[str, ...] = ()
    fail_on: Severity = Severity.WARNING
    severity: tuple[tuple[str, Severity], ...] = ()
    src: tuple[str, ...] = ()
    baseline: str = ""
    root: str = ""
    path: str = ""
    force_exclude: bool = False
    noqa: bool = True
    trace: tuple[tuple[str, Any], ...] = ()

    @staticmethod
    def of(**settings: Any) -> Config:
        """A configuration from Python: the keys of the configuration file with `_` for `-`, and the values it takes.

        `Config.of(select=["OLL1"], fail_on="error", per_file_ignores={"examples/*": ["ALL"]})`; what cannot be meant
        is `Refused`. Paths are relative to the working directory.
        """
        return read({key.replace("_", "-"): value for key, value in settings.items()}, "Config.of")

    def enabled(self, rules: Mapping[str, str]) -> frozenset[str]:
        """Codes of the rules that are on, given name -> code of all rules; everything is on unless someone says less.

        Within a layer the more specific selector wins, and `ignore` wins over `select` where both are as specific.
        """
        on = set(rules.values())
        for layer in self.layers:
            wanted = _strength(layer.select or (), rules, f"{layer.where}: select")
            for code, strength in _strength(layer.extend_select, rules, f"{layer.where}: extend-select").items():
                wanted[code] = max(strength, wanted.get(code, -1))
            unwanted = _strength(layer.ignore, rules, f"{layer.where}: ignore")
            if layer.select is not None:
                on.clear()
            on |= {code for code, strength in wanted.items() if strength > unwanted.get(code, -1)}
            on -= {code for code, strength in unwanted.items() if strength >= wanted.get(code, -1)}
        return frozenset(on)

    def levels(self, rules: Mapping[str, str]) -> dict[str, Severity]:
        """Code -> the level the user gave it, the more specific selector winning."""
        found: dict[str, tuple[int, Severity]] = {}
        for selector, level in self.severity:
            for code, strength in _strength((selector,), rules, f"{self.path}: [{TABLE}] severity").items():
                if strength >= found.get(code, (-1, level))[0]:
                    found[code] = (strength, level)
        return {code: level for code, (_, level) in found.items()}

    def per_file(self, rules: Mapping[str, str]) -> tuple[tuple[Callable[[str], bool], frozenset[str]], ...]:
        """Which files (a test of the absolute path) are spared which codes."""
        where = f"{self.path}: [{TABLE}] per-file-ignores"
        return tuple(
            (matcher((anchored(pattern, self.root),)), frozenset(_strength(selectors, rules, where)))
            for pattern, selectors in self.per_file_ignores
        )


def _strength(selectors: Iterable[str], rules: Mapping[str, str], where: str) -> dict[str, int]:
    """Code -> how specific the best of the selectors that match it is."""
    found: dict[str, int] = {}
    for selector in selectors:
        if selector in rules:
            codes, strength = [rules[selector]], 100
        else:
            prefix = selector.upper()
            strength = 0 if prefix == "ALL" else len(prefix)
            codes = [code for code in rules.values() if prefix == "ALL" or (prefix and code.startswith(prefix))]
        if not codes:
            raise Refused(f"{where}: no rule is called `{selector}`{nearest(selector, (*rules, *rules.values()))}")
        for code in codes:
            found[code] = max(strength, found.get(code, -1))
    return found


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing where no word is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error

    known = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word.lower(), known, n=1)
    return f"; did you mean `{known[close[0]]}`?" if close else ""


def anchored(pattern: str, root: str) -> str:
    """A pattern with a slash is a path below `root`, one without is a name at any depth."""
    pattern = pattern.rstrip("/") or pattern
    return os.path.join(root, pattern) if "/" in pattern else pattern


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether an absolute path, or its last part, matches one of the anchored patterns."""
    import re  # noqa: PLC0415 - most projects have no patterns
    from fnmatch import translate  # noqa: PLC0415

    # `**/` may stand for no folder at all, and `*` crosses slashes.
    variants = {variant for pattern in patterns for variant in (pattern, pattern.replace("**/", ""))}
    match = re.compile("|".join(map(translate, sorted(variants))) or "(?!)").match
    return lambda path: bool(match(path) or match(os.path.basename(path)))


def ascend(start: str) -> Iterator[str]:
    """The folder of `start` and those above it, never the home folder or above."""
    folder = os.path.abspath(start)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    home = os.path.expanduser("~")
    while folder != home and not home.startswith(os.path.join(folder, "")):
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def has_table(folder: str) -> bool:
    """Whether the folder has a `pyproject.toml` with our table."""
    path = os.path.join(folder, "pyproject.toml")
    return _table(path) is not None


def load(start: str, *, config: str = "", isolated: bool = False) -> Config:
    """The configuration for what lies at `start`: of the file `config`, else of the nearest `pyproject.toml`."""
    if isolated and config:
        raise Refused("--config names a configuration file and --isolated ignores all; give one of the two")
    if isolated:
        return Config(root=os.getcwd())
    if config:
        if not os.path.isfile(config):
            raise Refused(f"no such configuration file: {config}")
        table = _table(config)
        if table is None:
            raise Refused(f"{config}: there is no table [{TABLE}]")
        return read(table, config)
    for folder in ascend(start):
        path = os.path.join(folder, "pyproject.toml")
        table = _table(path)
        if table is not None:
            return read(table, path)
    return Config(root=os.getcwd())


def _table(path: str) -> Mapping[str, Any] | None:
    """Our table of a TOML file, `None` where the file or the table is missing."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if b"utlayer" not in data:  # tomllib costs as much as a small run, so most projects must not pay for it
        return None
    import tomllib  # noqa: PLC0415

    try:
        tables = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Refused(f"{path}: not valid TOML: {error}") from None
    tool = tables.get("tool")
    table = tool.get("outlayer-lint") if isinstance(tool, dict) else None
    for name in tool if table is None and isinstance(tool, dict) else ():
        if name.replace("_", "").replace("-", "").lower() in ("outlayerlint", "outlayer"):
            raise Refused(f"{path}: nobody reads the table [tool.{name}]; did you mean [{TABLE}]?")
    if table is None or isinstance(table, dict):
        return table
    raise Refused(f"{path}: {TABLE} is not a table")


def read(table: Mapping[str, Any], path: str) -> Config:
    """Turn our table into a `Config`, refusing what is not understood with file, table and key."""
    where = f"{path}: [{TABLE}]"
    for key in table:
        if key not in KEYS:
            raise Refused(f"{where} has no key `{key}`{nearest(key, KEYS)}")
    root = os.path.dirname(os.path.abspath(path))

    def get(key: str) -> Any:
        return KEYS[key](table[key], f"{where} {key}") if key in table else None

    layer = Layer(get("select"), get("ignore") or (), get("extend-select") or (), where)
    baseline = get("baseline")
    respect = get("respect-gitignore")
    return Config(
        layers=(layer,) if layer != Layer(where=where) else (),
        per_file_ignores=get("per-file-ignores") or (),
        exclude=tuple(anchored(pattern, root) for pattern in get("exclude") or ()),
        respect_gitignore=True if respect is None else respect,
        contracts=tuple(os.path.join(root, row) for row in get("contracts") or ()),
        fail_on=get("fail-on") or Severity.WARNING,
        severity=get("severity") or (),
        src=tuple(os.path.normpath(os.path.join(root, folder)) for folder in get("src") or ()),
        baseline=os.path.join(root, baseline) if baseline else "",
        root=root,
        path=path,
        trace=get("trace") or (),
    )


def strings(value: Any, where: str) -> tuple[str, ...]:
    """A list of strings, or `Refused`."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Refused(f"{where}: expected a list of strings, found {value!r}")
    return tuple(value)


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{where}: expected a string, found {value!r}")
    return value


def truth(value: Any, where: str) -> bool:
    """True or false, or `Refused`."""
    if not isinstance(value, bool):
        raise Refused(f"{where}: expected true or false, found {value!r}")
    return value


def _level(value: Any, where: str) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        hint = nearest(value, Severity) if isinstance(value, str) else ""
        raise Refused(f"{where}: expected one of error, warning, info, found {value!r}{hint}") from None


def _levels(value: Any, where: str) -> tuple[tuple[str, Severity], ...]:
    return tuple((key, _level(level, f"{where}.{key}")) for key, level in table_in(value, where).items())


def _ignores(value: Any, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, strings(codes, f'{where}."{key}"')) for key, codes in table_in(value, where).items())


def table_in(value: Any, where: str) -> dict[str, Any]:
    """A table, or `Refused`."""
    if not isinstance(value, dict):
        raise Refused(f"{where}: expected a table, found {value!r}")
    return value


def _table_of(value: Any, where: str) -> tuple[tuple[str, Any], ...]:
    return tuple(table_in(value, where).items())


KEYS: dict[str, Callable[[Any, str], Any]] = {
    "baseline": _string,
    "contracts": strings,
    "exclude": strings,
    "extend-select": strings,
    "fail-on": _level,
    "ignore": strings,
    "per-file-ignores": _ignores,
    "respect-gitignore": truth,
    "select": strings,
    "severity": _levels,
    "src": strings,
    "trace": _table_of,
}
