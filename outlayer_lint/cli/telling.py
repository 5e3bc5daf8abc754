"""What `check` says instead of findings: the settings in force, and how often each rule spoke."""

from __future__ import annotations

import json
from collections import Counter

from outlayer_lint.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlayer_lint.config import Config
    from outlayer_lint.diagnostic import Report

COUNTED = ("text", "concise", "json")  # formats that statistics can be told in


def statistics(report: Report, form: str) -> str:
    """How often each rule spoke, the loudest first."""
    tally = Counter((d.code, d.rule) for d in report.diagnostics)
    counts = sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))
    if form == "json":
        return json.dumps([{"code": code, "rule": rule, "count": n} for (code, rule), n in counts], indent=2) + "\n"
    width = len(str(counts[0][1])) if counts else 0
    return "".join(f"{n:>{width}}  {code}  {rule}\n" for (code, rule), n in counts)


def settings_text(config: Config, rules: dict[str, str]) -> str:
    """The settings in force, in the notation of the configuration file."""
    values: dict[str, Any] = {
        "select": sorted(config.enabled(rules)),
        "per-file-ignores": {pattern: list(selectors) for pattern, selectors in config.per_file_ignores},
        "exclude": list(config.exclude),
        "respect-gitignore": config.respect_gitignore,
        "contracts": list(config.contracts),
        "fail-on": str(config.fail_on),
        "severity": {code: str(level) for code, level in sorted(config.levels(rules).items())},
        "src": list(config.src),
        "baseline": config.baseline,
    }
    lines = [f"# from {config.path}" if config.path else "# no configuration file"]
    for key, value in values.items():
        text = json.dumps(value)
        if isinstance(value, dict):
            text = "{" + ", ".join(f"{json.dumps(name)} = {json.dumps(word)}" for name, word in value.items()) + "}"
        lines.append(f"{key} = {text}")
    return "".join(f"{line}\n" for line in lines)
