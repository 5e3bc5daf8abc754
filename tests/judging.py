"""One check on one fact made by hand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from outlayer_lint.judgement import Judgement

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Finding
    from outlayer_lint.facts import Fact


def findings(rule: str, fact: Fact) -> list[Finding]:
    """What a check finds, which must be what it finds where it is loaded only for what it lists as its business."""
    found = list(import_module(f"outlayer_lint.checks.{rule}").check(fact))
    judgement = Judgement()
    name = rule.replace("_", "-")
    judgement.subscriptions = {
        kind: tuple(entry for entry in entries if entry[0] == name) for kind, entries in judgement.subscriptions.items()
    }
    assert [finding for _, finding in judgement.of(fact)] == found
    return found
