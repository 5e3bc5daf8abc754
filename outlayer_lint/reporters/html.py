"""`pairs --format html`: one page that draws every head and who takes it up, for people who do not read the code."""

from __future__ import annotations

import re
from html import escape

from outlayer_lint.records import TYPE_CHECKING, NamedTuple
from outlayer_lint.reporters.page import PAGE
from outlayer_lint.reporters.plain import WORDS, plainly
from outlayer_lint.reporters.terminal import count, place, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.diagnostic import Report, Use

VERDICTS = {  # the loudest first: sign, and what it says
    "contradicted": ("✕", "do not fit together"),
    "unresolved": ("?", "could not be followed"),
    "consistent": ("✓", "fit together"),
    "unused": ("○", "with no taker found"),
}
WIDTH, BOX, HEIGHT, GAP = 860, 350, 64, 14  # of a drawing, of a box in it, and between boxes
LETTERS, SMALL = 40, 46  # how many fit into a box, of each size


Said = dict[tuple[str, tuple[object, ...]], tuple[str, str]]  # code and line -> severity and message


class Box(NamedTuple):
    """A head or a consumer: where it stands and its three lines."""

    key: object
    title: str
    second: str
    third: str


class Card(NamedTuple):
    """Heads and consumers that hang together."""

    path: str
    uses: list[Use]

    @property
    def verdicts(self) -> list[str]:
        """What occurs in it, the loudest first."""
        return [verdict for verdict in VERDICTS if any(use.verdict == verdict for use in self.uses)]


def render(report: Report) -> str:
    """The page."""
    cards = sorted(_cards(report.uses), key=lambda c: (c.path, list(VERDICTS).index(c.verdicts[0])))
    files: dict[str, list[Card]] = {}
    for card in cards:
        files.setdefault(card.path, []).append(card)
    said: Said = {(d.code, d.span[:2]): (str(d.severity), d.message) for d in reversed(report.diagnostics)}
    heads = {use.head for use in report.uses if use.head is not None}
    tally = {verdict: sum(use.verdict == verdict for use in report.uses) for verdict in VERDICTS}
    buttons = "".join(
        f'<button type="button" aria-pressed="true" data-verdict="{verdict}" class="{verdict}">'
        f'<span aria-hidden="true">{sign}</span> {tally[verdict]} {words}</button>'
        for verdict, (sign, words) in VERDICTS.items()
        if tally[verdict]
    )
    parts = {
        "summary": f"{count(len(heads), 'model output')} in {count(len(files), 'file')}, "
        f"{count(sum(1 for use in report.uses if use.kind), 'link')} to what takes them up.",
        "buttons": buttons,
        "index": "".join(_entry(number, path, files[path]) for number, path in enumerate(files)),
        "files": "".join(_file(number, path, files[path], said) for number, path in enumerate(files)),
        "empty": "" if files else "<p>No model whose output could be followed was found in what was read.</p>",
    }
    page = PAGE
    for name, text in parts.items():
        page = page.replace(f"<!--{name}-->", text, 1)
    return page


def _cards(uses: Iterable[Use]) -> Iterator[Card]:
    """The links in groups that share no head and no consumer."""
    group_of: dict[object, list[Use]] = {}
    for use in uses:
        keys = [_head(use).key, *([_consumer(use).key] if use.kind else ())]
        group = group_of.setdefault(keys[0], [])
        for key in keys[1:]:
            other = group_of.setdefault(key, group)
            if other is not group:
                group.extend(other)
                for known, of in list(group_of.items()):
                    if of is other:
                        group_of[known] = group
        group.append(use)
    for group in {id(group): group for group in group_of.values()}.values():
        yield Card(_path(group[0]), group)


def _path(use: Use) -> str:
    return (use.head or use.span).path


def _head(use: Use) -> Box:
    if use.head is None:
        told = f"not known: {use.reason}" if use.reason else use.emits or "not known"
        return Box((use.span.path, told), "An output", told, "")
    units = f" ({count(use.units, 'unit')})" if use.units is not None else ""
    name = use.model or f"A model in {use.head.path.rpartition('/')[2]}"
    return Box(use.head, name, plainly(use.emits) + units, place(use.head))


def _consumer(use: Use) -> Box:
    where = f" in {use.where}" if use.where else ""
    made_for = f"made for {_expected(use)}" if use.expects else ""
    return Box(
        (use.span, use.kind, use.consumer), f"{use.consumer} ({use.kind})", made_for,
        f"{place(use.span)}{where}",
    )  # fmt: skip


def _expected(use: Use) -> str:
    return " or ".join(WORDS[word] for word in use.expects if word in WORDS and "{" not in WORDS[word])


def _entry(number: int, path: str, cards: list[Card]) -> str:
    wrong = sum(use.verdict == "contradicted" for card in cards for use in card.uses)
    badge = f' <span class="badge contradicted">{wrong} ✕</span>' if wrong else ""
    name = _text(path).replace("/", "/<wbr>")
    return f'<li data-of="f{number}"><a href="#f{number}">{name}</a>{badge}</li>\n'


def _file(number: int, path: str, cards: list[Card], said: Said) -> str:
    drawn = "".join(_card(card, said) for card in cards)
    return f'<details open class="file" id="f{number}"><summary><h2>{_text(path)}</h2></summary>\n{drawn}</details>\n'


def _card(card: Card, said: Said) -> str:
    sentences = "".join(_sentence(use, said) for use in card.uses)
    return f'<article data-verdicts="{" ".join(card.verdicts)}">\n{_drawing(card)}\n<ul>{sentences}</ul>\n</article>\n'


def _sentence(use: Use, said: Said) -> str:
    sign, words = VERDICTS[use.verdict]
    head, consumer = _head(use), _consumer(use)
    gives = f"<b>{_text(head.title)}</b> gives {_text(head.second)} <small>({_text(head.third)})</small>"
    if use.head is None:
        gives = f"What reaches it is {_text(head.second)}"
    takes = f"<b>{_text(consumer.title)}</b> <small>({_text(consumer.third)})</small>"
    made_for = f" is {_text(consumer.second)}" if consumer.second else ""
    if not use.kind:
        rest = f"{gives}; no loss, metric or decision that takes it up was found."
    elif use.verdict == "contradicted":
        severity, message = said.get((use.code, use.span[:2]), ("", ""))
        told = f" {severity.capitalize()} {use.code}: {_quoted(message)}." if message else f" {use.code}."
        other = made_for and use.emits.partition("(")[0].partition(",")[0] not in use.expects
        rest = f"{gives}, but {takes}{made_for}.{told}" if other else f"{gives}, which does not go with {takes}.{told}"
    elif use.verdict == "unresolved":
        rest = f"{takes}{made_for}. {gives}."
    else:
        rest = f"{gives}, and {takes}{made_for or ' takes it'}."
    return f'<li class="{use.verdict}"><span class="sign" title="{words}">{sign}</span> <span>{rest}</span></li>\n'


# -- the drawing ------------------------------------------------------------------------------------------------------


def _drawing(card: Card) -> str:
    """Heads on the left, consumers on the right, a line for each link. The sentences below say the same in words."""
    heads = {box.key: box for box in map(_head, card.uses)}
    consumers = {box.key: box for box in (_consumer(use) for use in card.uses if use.kind)}
    rows = max(len(heads), len(consumers))
    left, right = _levels(heads, rows), _levels(consumers, rows)
    number = {key: at for at, key in enumerate((*heads, *consumers))}
    parts = [
        _line(use, number, left[_head(use).key], right[_consumer(use).key]) for use in card.uses if use.kind
    ]  # fmt: skip
    lonely = {_head(use).key for use in card.uses if not use.kind}
    parts.extend(_box(b, 0, left[k], number[k], "head lonely" if k in lonely else "head") for k, b in heads.items())
    parts.extend(_box(b, WIDTH - BOX, right[k], number[k], "consumer") for k, b in consumers.items())
    height = rows * (HEIGHT + GAP) - GAP + 2
    return f'<svg viewBox="-1 -1 {WIDTH + 2} {height}" aria-hidden="true">{"".join(parts)}</svg>'


def _levels(boxes: dict[object, Box], rows: int) -> dict[object, float]:
    """The upper edge of each box, the shorter side spread over the height of the longer one."""
    step = rows * (HEIGHT + GAP) / max(len(boxes), 1)
    return {key: at * step + (step - HEIGHT - GAP) / 2 for at, key in enumerate(boxes)}


def _line(use: Use, number: dict[object, int], start: float, end: float) -> str:
    y1, y2, x1, x2 = start + HEIGHT / 2, end + HEIGHT / 2, BOX, WIDTH - BOX
    middle = (x1 + x2) / 2
    sign = use.code or VERDICTS[use.verdict][0]
    wide = 20 if len(sign) == 1 else 62
    return (
        f'<g class="link {use.verdict}" data-from="{number[_head(use).key]}" data-to="{number[_consumer(use).key]}">'
        f'<path d="M{x1} {y1:g}C{middle} {y1:g} {middle} {y2:g} {x2} {y2:g}"/>'
        f'<rect x="{middle - wide / 2:g}" y="{(y1 + y2) / 2 - 10:g}" width="{wide}" height="20" rx="10"/>'
        f'<text x="{middle:g}" y="{(y1 + y2) / 2 + 4.5:g}">{escape(sign)}</text></g>'
    )


def _box(box: Box, x: float, y: float, number: int, style: str) -> str:
    lines = [(box.title, "title", LETTERS, 20), (box.second, "second", SMALL, 39), (box.third, "third", SMALL, 56)]
    text = "".join(
        f'<text class="{name}" x="{x + 12:g}" y="{y + down:g}">{_text(_cut(words, most, tail=name == "third"))}</text>'
        for words, name, most, down in lines
        if words
    )
    whole = _text("\n".join(filter(None, (box.title, box.second, box.third))))
    return (
        f'<g class="{style}" data-node="{number}"><title>{whole}</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{BOX}" height="{HEIGHT}" rx="8"/>{text}</g>'
    )


def _quoted(message: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", _text(message))


def _cut(text: str, most: int, *, tail: bool) -> str:
    """Cut to length; of a place the end is what tells."""
    if len(text) <= most:
        return text
    return f"…{text[1 - most :]}" if tail else f"{text[: most - 1]}…"


def _text(text: str) -> str:
    return escape("\n".join(map(visible, text.split("\n"))))
