"""Compiles `rules/` and the signatures of `checks/` into one marshalled table. Cold path.

The table is a dict of `rows` (marshalled one by one, so that only those asked for are built) and their `kinds`, `names`
(spelling -> 3 * row number + form), `aliases` (string -> spelling, by kind of row), `patterns` (names with `*`, by
first segment), `spellings` (prefixes to rewrite), `pages` and `subscriptions`.
"""

from __future__ import annotations

import ast
import marshal
import os
import re
import tomllib

from outlayer_lint.knowledge import schema
from outlayer_lint.knowledge.table import VERSION, KnowledgeError
from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

FUNCTION, MODULE, METHOD = range(3)
SEVERITIES = ("error", "warning", "info")
CODE = re.compile(r"OLL\d{3}")
HEADER = re.compile(r"\A# (?P<title>\S+)\n+```toml\n(?P<toml>.*?)\n```\n+(?P<summary>(?:[^\n#][^\n]*\n)+)", re.DOTALL)


def build(rules: str, checks: str) -> dict[str, Any]:
    """The whole table; `KnowledgeError` says what is wrong with a row or a page."""
    contracts = os.path.join(rules, "contracts")
    files = sorted(name for name in _names(contracts) if name.endswith(".toml"))
    table = _empty()
    for name in files:
        _add(table, os.path.join(contracts, name), f"rules/contracts/{name}")
    _finish(table)
    table["pages"] = pages(rules)
    table["subscriptions"] = subscriptions(checks)
    return table


def merged(table: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """A copy of `table` with the rows of more files, which win over those that are there."""
    extra = _empty()
    for path in paths:
        _add(extra, path, path)
    _finish(extra)
    shift = len(table["rows"])
    rows, kinds = [*table["rows"], *extra["rows"]], [*table["kinds"], *extra["kinds"]]
    names = {**table["names"], **{name: code + 3 * shift for name, code in extra["names"].items()}}
    patterns = dict(table["patterns"])
    for segment, found in extra["patterns"].items():
        patterns[segment] = [*((pattern, code + 3 * shift) for pattern, code in found), *patterns.get(segment, [])]
    spellings = dict(table["spellings"])
    for segment, pairs in extra["spellings"].items():
        spellings[segment] = [*pairs, *spellings.get(segment, [])]
    aliases = dict(table["aliases"])
    for kind, texts in extra["aliases"].items():
        aliases[kind] = {**aliases.get(kind, {}), **texts}
    changed = {"names": names, "aliases": aliases, "patterns": patterns, "spellings": spellings}
    return {**table, "rows": rows, "kinds": kinds, **changed}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _empty() -> dict[str, Any]:
    parts: dict[str, Any] = {
        part: {} for part in ("names", "aliases", "patterns", "spellings", "pages", "subscriptions")
    }
    return {"version": VERSION, "rows": [], "kinds": [], **parts}


def _add(table: dict[str, Any], path: str, shown: str) -> None:
    """Read one file of rows into the table."""
    try:
        with open(path, "rb") as file:
            read = tomllib.load(file)
    except OSError as error:
        raise KnowledgeError(f"{shown}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{shown}: {error}") from error
    for prefix, short in read.pop("spellings", {}).items():
        if not prefix.endswith(".") or not isinstance(short, str) or not short.endswith("."):
            raise KnowledgeError(f"{shown}: [spellings] {prefix}: both sides are prefixes and end in a dot")
        table["spellings"].setdefault(prefix.partition(".")[0], []).append((prefix, short))
    for key, given in read.items():
        place = schema.Place(shown, key)
        if not isinstance(given, dict):
            place.refuse(key, "a table is wanted here; quote names that have dots")
        _enter(table, place, key, schema.row(place, given))


def _enter(table: dict[str, Any], place: schema.Place, key: str, fields: dict[str, Any]) -> None:
    """Give a row its number and its spellings."""
    number = len(table["rows"])
    if "form" not in fields and _class(key.rpartition(".")[2]):
        place.refuse("form", "missing; the key looks like a class, say `module`, `function` or `method`")
    fields["form"] = fields.get("form") or schema.FORMS[_form(key)]
    form = schema.FORMS.index(fields["form"])
    spelled = [(key, form)]
    spelled += [
        (name, form if form == MODULE or form != _form(key) else _form(name)) for name in fields.pop("also", ())
    ]
    spelled += [(name, MODULE) for name in fields.pop("module", ())]
    spelled += [(f"{key}.{method}", METHOD) for method in fields.get("methods", ())]
    aliases = fields.pop("alias", ())
    table["rows"].append(marshal.dumps((key, fields), 4))
    table["kinds"].append(fields["is"])
    for name, form in spelled:
        if name in table["names"]:
            other = marshal.loads(table["rows"][table["names"][name] // 3])[0]  # noqa: S302 - made a moment ago
            place.refuse("also", f"`{name}` is spelled by the row `{other}` too")
        table["names"][name] = 3 * number + form
    known = table["aliases"].setdefault(fields["is"], {}) if aliases else {}
    for text in aliases:
        if text in known:
            place.refuse("alias", f"`{text}` stands for `{known[text]}` too")
        known[text] = _meant(text, [name for name, _ in spelled])


def _meant(text: str, names: list[str]) -> str:
    """Which of a row's spellings a string stands for: `"recall"` is `Recall`, `"mse"` the row's key."""
    last = {name.rpartition(".")[2]: name for name in reversed(names)}
    alike = {segment.replace("_", "").lower(): name for segment, name in last.items()}
    return last.get(text) or alike.get(text.replace("_", "").lower(), names[0])


def _class(segment: str) -> bool:
    return segment[:1].isupper() or segment == "ndarray"


def _form(name: str) -> int:
    """A method's name is preceded by a class."""
    before, _, last = name.rpartition(".")
    return METHOD if _class(before.rpartition(".")[2]) and not _class(last) else FUNCTION


def _finish(table: dict[str, Any]) -> None:
    """Move the names with `*` to the patterns, the most literal ones first."""
    for name in [name for name in table["names"] if "*" in name]:
        segment = name.partition(".")[0]
        table["patterns"].setdefault(segment, []).append((name, table["names"].pop(name)))
    for found in table["patterns"].values():
        found.sort(key=lambda entry: -len(entry[0].replace("*", "")))
    for pairs in table["spellings"].values():
        pairs.sort(key=lambda pair: -len(pair[0]))


def pages(rules: str) -> dict[str, tuple[str, str, str, dict[str, tuple[str, str, str]]]]:
    """The headers of all pages: rule -> (code, since, summary, grades), in the order of codes."""
    found = {}
    for name in sorted(_names(rules)):
        if name.endswith(".md"):
            with open(os.path.join(rules, name), encoding="utf-8") as file:
                found[name[:-3]] = page(f"rules/{name}", name[:-3], file.read())
    codes: dict[str, str] = {}
    for rule, (code, *_) in found.items():
        if code in codes:
            raise KnowledgeError(f"rules/{rule}.md: code: `{code}` is the code of `{codes[code]}` too")
        codes[code] = rule
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def page(shown: str, rule: str, text: str) -> tuple[str, str, str, dict[str, tuple[str, str, str]]]:
    """The header of one page, or `KnowledgeError`."""
    match = HEADER.match(text)
    if match is None:
        raise KnowledgeError(f"{shown}: a page begins with `# {rule}`, a `toml` fence and a paragraph")
    place = schema.Place(shown, rule)
    if match["title"] != rule:
        place.refuse("title", f"`{match['title']}` is not the file's name")
    try:
        header = tomllib.loads(match["toml"])
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{shown}: {error}") from error
    for key in header:
        place.word(key, key, ("code", "since", "grade"))
    code = str(header.get("code"))
    if not CODE.fullmatch(code):
        place.refuse("code", f"`{code}` is not of the form `OLL101`")
    if not isinstance(header.get("since"), str):
        place.refuse("since", "missing")
    grades = header.get("grade")
    if not isinstance(grades, dict) or not grades:
        place.refuse("grade", "a page has at least one table `[grade.<name>]`")
    return code, header["since"], summary(match["summary"]), {name: grade(place, name, grades[name]) for name in grades}


def grade(place: schema.Place, name: str, given: Any) -> tuple[str, str, str]:
    """One `[grade.<name>]`."""
    if not isinstance(given, dict):
        place.refuse(f"grade.{name}", "a table is wanted here")
    for key in given:
        place.word(f"grade.{name}.{key}", key, ("severity", "evidence", "message"))
    for key in ("severity", "evidence", "message"):
        if not isinstance(given.get(key), str) or not given[key]:
            place.refuse(f"grade.{name}.{key}", "missing")
    place.word(f"grade.{name}.severity", given["severity"], SEVERITIES)
    if given["message"].endswith("."):
        place.refuse(f"grade.{name}.message", "ends in a period")
    return given["severity"], given["evidence"], given["message"]


def summary(paragraph: str) -> str:
    """The first paragraph on one line."""
    return " ".join(paragraph.split())


def subscriptions(checks: str) -> dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]]:
    """Name of a fact class -> the rules whose `check` is annotated with it, each with its `LOSSES` and its `GIVEN`.

    A check is not even loaded for losses of other families than it lists, nor where an output emits none of `GIVEN`.
    """
    wanted: dict[str, list[tuple[str, tuple[str, ...], tuple[str, ...]]]] = {}
    for name in sorted(_names(checks)):
        if not name.endswith(".py") or name.startswith("_"):
            continue
        with open(os.path.join(checks, name), encoding="utf-8") as file:
            try:
                tree = ast.parse(file.read())
            except SyntaxError as error:
                raise KnowledgeError(f"checks/{name}: line {error.lineno}: {error.msg}") from error
        for fact in facts_of(name, tree):
            rule = name[:-3].replace("_", "-")
            wanted.setdefault(fact, []).append((rule, listed(tree, "LOSSES"), listed(tree, "GIVEN")))
    return {fact: tuple(rules) for fact, rules in sorted(wanted.items())}


def facts_of(name: str, tree: ast.Module) -> list[str]:
    """The classes in the annotation of `check`'s first parameter."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "check" and node.args.args:
            annotation = node.args.args[0].annotation
            found = [part.id for part in ast.walk(annotation) if isinstance(part, ast.Name)] if annotation else []
            if found:
                return found
    raise KnowledgeError(f"checks/{name}: has no `def check(fact: ...)` whose parameter is annotated with facts")


def listed(tree: ast.Module, name: str) -> tuple[str, ...]:
    """The words that a check lists under a name, `()` for all there are."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return tuple(ast.literal_eval(node.value))
    return ()
