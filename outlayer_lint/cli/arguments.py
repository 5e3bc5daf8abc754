"""What may be typed after `outlayer-lint`, and what it means.

Not argparse: importing it and building its parser takes as long as reading three files.
"""

from __future__ import annotations

import os
from types import SimpleNamespace

from outlayer_lint.config import Refused, nearest
from outlayer_lint.records import TYPE_CHECKING, NamedTuple
from outlayer_lint.reporters import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

USAGE = """\
Finds output-layer mistakes in PyTorch source: activations and losses that contradict each other.

usage: outlayer-lint [COMMAND] ...

  outlayer-lint PATH...              the same as `outlayer-lint check PATH...`
  outlayer-lint check [PATH...]      lint files, notebooks and folders
  outlayer-lint baseline [PATH...]   accept today's findings; later runs fail on new ones only
  outlayer-lint explain RULE         the rule's page, by code (OLL101) or name
  outlayer-lint rules                the catalogue, a line each
  outlayer-lint pairs [PATH...]      every model output and what consumes it: consistent, contradicted or unresolved
  outlayer-lint reveal FILE:LINE     what each expression on the line emits, and how that is known
  outlayer-lint trace TARGET...      RUNS a model with input it finds by itself, and says what comes out
  outlayer-lint run SCRIPT           RUNS a training script for a few losses and watches what they are given
  outlayer-lint server               the language server, for editors
  outlayer-lint clean [PATH]         remove what was kept from earlier runs
  outlayer-lint --version

`outlayer-lint COMMAND --help` lists the options of a command.
Exit code: 0 clean, 1 findings, 2 the job could not be done.
"""


class Option(NamedTuple):
    """One option. The first of `flags` names it; with no `value` it is a switch, with `many` a list that adds up."""

    flags: tuple[str, ...]
    value: str
    says: str
    choices: tuple[str, ...] = ()
    many: bool = False
    default: str = ""
    commas: bool = True  # whether a list may be written in one word

    @property
    def name(self) -> str:
        """As an attribute of the arguments."""
        return self.flags[0].lstrip("-").replace("-", "_")


class Command(NamedTuple):
    """One command: the attribute that takes the words which are no options, how many there must be, its options."""

    summary: str
    word: str
    metavar: str
    least: int
    most: int
    says: str
    options: tuple[Option, ...]


LEVELS = ("error", "warning", "info")
PATHS = ("paths", "PATH", 0, 1_000_000, "default: the working directory")
COLOR = Option(("--color",), "WHEN", "when to use colours", ("auto", "always", "never"), default="auto")
CONFIG = Option(("--config",), "FILE", "read [tool.outlayer-lint] from this file")
ISOLATED = Option(("--isolated",), "", "ignore all configuration files")
OUTPUT = Option(("--output", "--output-file", "-o"), "FILE", "write there instead of to standard output")
EXCLUDE = Option(("--exclude",), "PATTERNS", "leave out, besides the usual build folders", many=True)
NO_GITIGNORE = Option(("--no-respect-gitignore",), "", "read files that git ignores as well")
FORCE_EXCLUDE = Option(("--force-exclude",), "", "leave out excluded files even where they are named")
RULES = (
    Option(("--select",), "RULES", "only these: codes, prefixes (OLL1), names or ALL", many=True),
    Option(("--ignore",), "RULES", "all but these", many=True),
    Option(("--extend-select",), "RULES", "these as well", many=True),
)
TEXT_OR_JSON = Option(("--format", "--output-format"), "FORMAT", "default: text", ("text", "json"), default="text")
DRAWN = TEXT_OR_JSON._replace(choices=("text", "json", "html"))

FAIL_ON = Option(("--fail-on",), "LEVEL", "least severity with exit code 1; default: warning", LEVELS)
STRICT = Option(("--strict",), "", "exit with 2 if anything could not be read")
RUNNING = (
    Option(("--device",), "DEVICE", "auto, cpu, cuda or cuda:1; default: auto"),
    Option(("--budget",), "TIME", "for one target; default: 20s"),
    Option(("--memory",), "SIZE", "that the child may take; default: 3g"),
    Option(("--isolation",), "LEVEL", "default: auto, what the system permits", ("auto", "strict", "none")),
    Option(("--yes",), "", "allow --isolation none without a terminal"),
    Option(("--python",), "FILE", "the interpreter that has torch; default: this one"),
)
TRACED = (FAIL_ON, TEXT_OR_JSON._replace(choices=("text", "json", "sarif")), OUTPUT, CONFIG, ISOLATED, COLOR)

COMMANDS = {
    "check": Command(
        "Lint files, notebooks and folders; `-` reads from standard input.",
        *PATHS,
        (
            *RULES,
            TEXT_OR_JSON._replace(choices=FORMATS),
            OUTPUT,
            FAIL_ON,
            Option(("--show",), "LEVEL", "tell findings of severity info one by one", ("info",)),
            Option(("--baseline",), "FILE", "leave out what this file accepts"),
            Option(("--add-noqa",), "", "add a `# noqa` to each line with a finding"),
            EXCLUDE,
            FORCE_EXCLUDE,
            NO_GITIGNORE,
            Option(("--stdin-filename",), "NAME", "what to call standard input"),
            Option(("--exit-zero",), "", "exit with 0 whatever is found"),
            STRICT,
            Option(("--trace",), "", "RUN the models behind the findings and say which are confirmed"),
            Option(("--no-trace",), "", "run nothing, whatever the configuration says"),
            *RUNNING,
            Option(("--statistics",), "", "only how often each rule spoke"),
            Option(("--quiet", "-q"), "", "no closing lines"),
            Option(("--show-files",), "", "list the files that would be read, and stop"),
            Option(("--show-settings",), "", "print the settings in force, and stop"),
            CONFIG,
            ISOLATED,
            COLOR,
        ),
    ),
    "baseline": Command(
        "Accept today's findings: later runs with --baseline fail on new ones only.",
        *PATHS,
        (
            Option(("--baseline", "--output", "-o"), "FILE", "the file to write; default: outlayer-baseline.json"),
            *RULES,
            EXCLUDE,
            FORCE_EXCLUDE,
            NO_GITIGNORE,
            CONFIG,
            ISOLATED,
        ),
    ),
    "explain": Command(
        "The page of a rule: what goes wrong, the harm, bad and good code, the fix.",
        *("rule", "RULE", 1, 1, "a code (OLL101) or a name"),
        (COLOR,),
    ),
    "rules": Command("All rules, a line each.", *("none", "", 0, 0, ""), (TEXT_OR_JSON, COLOR)),
    "pairs": Command(
        "Every model output and what consumes it: consistent, contradicted, or unresolved and why.",
        *PATHS,
        (DRAWN, OUTPUT, EXCLUDE, FORCE_EXCLUDE, NO_GITIGNORE, CONFIG, ISOLATED, COLOR),
    ),
    "reveal": Command(
        "What each expression on a line emits, and how that is known.",
        *("place", "FILE:LINE", 1, 1, "in a notebook FILE:cell2:LINE, cells counted from 0"),
        (CONFIG, ISOLATED, COLOR),
    ),
    "trace": Command(
        "EXECUTES the model's code, in a sandbox: finds an input by itself and says what comes out.",
        *("targets", "TARGET", 0, 1_000_000, "FILE.py, FILE.py:NAME, package.module:NAME or a folder"),
        (
            Option(("--args",), "JSON", "keyword arguments of the constructor: '{\"num_classes\": 10}'"),
            Option(
                ("--input",),
                "SPEC",
                "of forward, repeatable: 'x=f32[2,3,32,32]', ids 'i64[2,16]<5000'",
                many=True,
                commas=False,
            ),
            Option(("--classes",), "K", "how many classes there are"),
            Option(
                ("--task",),
                "TASK",
                "what the model is for",
                ("multiclass", "multilabel", "binary", "regression", "segmentation", "lm"),
            ),
            Option(("--dtypes",), "LIST", "precisions to look at: fp32,bf16,fp16; default: fp32"),
            Option(("--max-tries",), "N", "forwards that the search may run; default: 120"),
            Option(("--allow-full-import",), "", "import the file as a whole, not only what the model needs"),
            Option(("--explain",), "", "how the input was found, try by try"),
            Option(("--print-config",), "", "the configuration that would skip the search next time"),
            STRICT._replace(says="exit with 2 if a target could not be traced"),
            *RUNNING,
            *TRACED,
        ),
    ),
    "run": Command(
        "EXECUTES a training script, in a sandbox: watches its first losses and says what they are given.",
        *("words", "SCRIPT", 1, 1_000_000, "the script; its own arguments follow `--`"),
        (
            Option(("--steps",), "N", "losses after which it is stopped; default: 4"),
            Option(("--explain",), "", "the last of what the script prints"),
            STRICT._replace(says="exit with 2 if no loss was reached"),
            *RUNNING,
            *TRACED,
        ),
    ),
    "server": Command("Answer an editor over standard input and output.", *("none", "", 0, 0, ""), ()),
    "clean": Command("Remove what was kept from earlier runs.", "paths", "PATH", 0, 1, PATHS[-1], ()),
}


def parse(argv: Sequence[str], version: str) -> tuple[str, SimpleNamespace | None, str]:
    """The command and its arguments; or no arguments and a text that answers by itself."""
    first = argv[0] if argv else "--help"
    if first in ("--help", "-h", "help"):
        return "", None, USAGE
    if first in ("--version", "-V"):
        return "", None, f"outlayer-lint {version}\n"
    name, rest = (first, argv[1:]) if first in COMMANDS else ("check", argv)
    if "--help" in rest or "-h" in rest:
        return name, None, "".join(f"{line}\n" for line in _help(name, COMMANDS[name]))
    if name != first and not first.startswith("-") and not os.path.lexists(first):
        hint = nearest(first, COMMANDS)
        if hint:
            raise Refused(f"no such file, folder or command: {first}{hint}")
    return name, _read(name, COMMANDS[name], rest), ""


def _read(name: str, command: Command, argv: Sequence[str]) -> SimpleNamespace:
    """Options may stand before, between and after the words; `--` ends them."""
    by_flag = {flag: option for option in command.options for flag in option.flags}
    found = SimpleNamespace()
    for option in command.options:
        setattr(found, option.name, [] if option.many else option.default if option.value else False)
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words.extend(rest)
        elif word == "-" or not word.startswith("-"):
            words.append(word)
        else:
            flag, equals, given = word.partition("=")
            if flag not in by_flag:
                raise Refused(f"`outlayer-lint {name}` has no option `{flag}`{nearest(flag, by_flag)}")
            _set(found, by_flag[flag], flag, given if equals else None, rest)
    if len(words) < command.least:
        raise Refused(f"`outlayer-lint {name}` needs {command.metavar}: {command.says}")
    if len(words) > command.most:
        raise Refused(f"`outlayer-lint {name}` does not take `{words[command.most]}`")
    setattr(found, command.word, words[0] if command.least == command.most == 1 else words)
    return found


def _set(found: SimpleNamespace, option: Option, flag: str, given: str | None, rest: Iterator[str]) -> None:
    """Store an option; a value that was not given with `=` is the next word."""
    if not option.value:
        if given is not None:
            raise Refused(f"{flag} takes no value")
        setattr(found, option.name, True)
        return
    value = next(rest, None) if given is None else given
    if value is None:
        raise Refused(f"{flag} needs a value: {option.value}")
    if option.choices and value not in option.choices:
        hint = nearest(value, option.choices)
        raise Refused(f"{flag}: expected one of {', '.join(option.choices)}, found `{value}`{hint}")
    if option.many:
        parts = value.split(",") if option.commas else (value,)
        getattr(found, option.name).extend(filter(None, (part.strip() for part in parts)))
    else:
        setattr(found, option.name, value)


def _help(name: str, command: Command) -> Iterator[str]:
    words = "" if not command.metavar else f" {command.metavar}" if command.least else f" [{command.metavar}...]"
    yield command.summary
    yield ""
    yield f"usage: outlayer-lint {name}{' [OPTIONS]' if command.options else ''}{words}"
    yield ""
    rows = [(command.metavar, command.says)] if command.metavar else []
    for option in command.options:
        says = f"{' | '.join(option.choices)}; {option.says}" if option.choices else option.says
        rows.append((", ".join(option.flags) + (f" {option.value}" if option.value else ""), says))
    rows.append(("-h, --help", "this text"))
    width = max(len(left) for left, _ in rows)
    yield from (f"  {left.ljust(width)}  {right}" for left, right in rows)
