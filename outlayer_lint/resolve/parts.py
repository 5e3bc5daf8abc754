"""Modules that the cells of notebooks write (`%%writefile net.py`), as files of the project."""

from __future__ import annotations

import os

from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.sourcefile import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlayer_lint.resolve.project import Project


def unfolded(project: Project, holders: Iterable[SourceFile]) -> dict[str, SourceFile]:
    """Path -> module, beside the notebook that writes it. A file on disk of the same path is taken instead."""
    found: dict[str, SourceFile] = {}
    for holder in holders:
        for name in holder.document.parts:
            path = os.path.normpath(os.path.join(os.path.dirname(holder.path), *name.split("/")))
            if path not in project.files:
                found[path] = part = SourceFile(path, holder.display, project, holder.data)
                part.holder, part.part = holder, name
    return found
