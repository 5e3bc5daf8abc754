"""Reads and parses the files named on standard input, and does nothing else: what `speed.py` compares with."""

from __future__ import annotations

import ast
import sys
import warnings


def programs(path: str) -> list[str | bytes]:
    """The source of a Python file, or of each code cell of a notebook with its magics blank."""
    with open(path, "rb") as file:
        data = file.read()
    if not path.endswith(".ipynb"):
        return [data]
    import json  # noqa: PLC0415 - where there is no notebook, nobody has to load this

    cells = json.loads(data).get("cells", ())
    return [without_magics("".join(cell.get("source", ()))) for cell in cells if cell.get("cell_type") == "code"]


def without_magics(cell: str) -> str:
    """The cell with lines blank that are no Python."""
    return "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in cell.split("\n"))


def main() -> None:
    """Parse them all; what cannot be parsed costs what it costs until that is known."""
    warnings.simplefilter("ignore")
    for path in sys.stdin.read().splitlines():
        try:
            found = programs(path)
        except (OSError, ValueError, AttributeError, TypeError):
            continue
        for source in found:
            try:
                ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue


if __name__ == "__main__":
    main()
