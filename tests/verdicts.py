"""What a check says of one fact, with a message that can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import judging

from outlayer_lint.knowledge import pages

if TYPE_CHECKING:
    from outlayer_lint.diagnostic import Finding
    from outlayer_lint.facts import Fact


def findings(rule: str, fact: Fact) -> list[Finding]:
    """The findings; `rule` by its name or by that of its module."""
    found = judging.findings(rule.replace("-", "_"), fact)
    page = pages()[rule.replace("_", "-")]
    for each in found:
        message = page.grades[each.grade].message.format_map({**fact.words, **each.words})
        assert "{" not in message
        assert "None" not in message
        assert each.fix is not None
    return found


def said(rule: str, fact: Fact) -> str:
    """The grade of the only finding, "" where there is none."""
    found = findings(rule, fact)
    assert len(found) <= 1
    return found[0].grade if found else ""
