"""The command line: the one place that prints and exits.

Commands are functions from arguments to an `Outcome`; each is loaded when it is asked for.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings

from outlayer_lint import __version__
from outlayer_lint.config import Refused
from outlayer_lint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import SimpleNamespace

CLEAN, FOUND, FAILED = 0, 1, 2

# Command -> the module of this package that has a function of the command's name.
COMMANDS = {
    "check": "checking",
    "baseline": "accepting",
    "explain": "catalogue",
    "rules": "catalogue",
    "reveal": "insight",
    "pairs": "insight",
    "trace": "tracing",
    "run": "tracing",
    "server": "serving",
    "clean": "checking",
}


class Outcome(NamedTuple):
    """What a command came to: text for stdout, the exit code, and sentences for stderr."""

    text: str = ""
    code: int = CLEAN
    notes: tuple[str, ...] = ()


KEPT: list[object] = []  # what `run` leaves to the operating system to free


def run() -> None:
    """The console script."""
    gc.disable()  # a process of one command: nothing of what it builds is garbage before its end
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # once, and not for each piece of code that is parsed
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)  # freeing trees and frames one by one takes as long as the analysis


def main(argv: Sequence[str]) -> int:
    """Carry out a command line and return the exit code: 0 clean, 1 findings, 2 the job could not be done."""
    from outlayer_lint.cli.arguments import parse  # noqa: PLC0415 - nobody else needs it

    try:
        command, arguments, text = parse(argv, __version__)
        outcome = Outcome(text, CLEAN if argv else FAILED) if arguments is None else _carry_out(command, arguments)
    except Refused as refusal:
        outcome = Outcome(code=FAILED, notes=(f"error: {refusal}",))
    except KeyboardInterrupt:
        outcome = Outcome(code=FAILED, notes=("interrupted",))
    except Exception:  # noqa: BLE001 - an exit code of 1 would say that findings were made
        from traceback import format_exc  # noqa: PLC0415

        outcome = Outcome(code=FAILED, notes=("internal error, please report it:", *format_exc().splitlines()))
    return _tell(outcome)


def _carry_out(command: str, arguments: SimpleNamespace) -> Outcome:
    from importlib import import_module  # noqa: PLC0415

    output: str = getattr(arguments, "output", "")
    arguments.colour = not output and _colour(getattr(arguments, "color", "auto"))
    module = import_module(f"{__name__}.{COMMANDS[command]}")
    try:
        outcome: Outcome = getattr(module, command)(arguments)
    except ValueError as error:
        # The rows and pages have an error class of their own, which a run that ends well need not load.
        if type(error).__name__ != "KnowledgeError":
            raise
        raise Refused(str(error)) from error
    if output:
        from outlayer_lint.cli.writing import replace  # noqa: PLC0415 - most runs write to the terminal

        replace(output, outcome.text.encode("utf-8", "backslashreplace"))
        return outcome._replace(text="")
    return outcome


def _colour(when: str) -> bool:
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _tell(outcome: Outcome) -> int:
    try:
        if outcome.text:
            # A path or a source line may hold what the terminal's encoding cannot say.
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            sys.stdout.write(outcome.text)
            sys.stdout.flush()
        for note in outcome.notes:
            from outlayer_lint.reporters.terminal import visible  # noqa: PLC0415

            sys.stderr.write(f"outlayer-lint: {visible(note)}\n")
    except BrokenPipeError:  # `| head` has seen enough; the interpreter must not complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return outcome.code
