"""Which methods write attributes of their own object, by name: a search of the text, before anything is parsed."""

from __future__ import annotations

import re

from outlayer_lint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from outlayer_lint.resolve.project import Project

# A method's head; a statement that calls another method; a statement that writes an attribute, or grows a list in one.
STEP = (
    rb"\n[ \t]++(?:(?:async[ \t]+)?def[ \t]+(\w++)[ \t]*\(\s*self\b"
    rb"|self\.(?:(\w++)\(|[^=\n(]++=(?!=)|[\w.]+\.(?:append|add_module|extend|insert|register_module)\()"
    rb"|setattr\(self\b)"
)
# Statements that every training script is full of; what they change is a mode, a gradient or a weight.
EVERYDAY = frozenset(
    "train eval cuda cpu to half float double bfloat16 zero_grad step backward load_state_dict state_dict apply "
    "share_memory requires_grad_ forward log info debug warning error write close flush".split()
)
# What Python calls by itself; `__build_head` and `__register__` are names like any other.
SPECIAL = frozenset(dir(object)) | frozenset(
    "__call__ __enter__ __exit__ __getattr__ __getitem__ __iter__ __next__ __post_init__ __setitem__".split()
)


def names(project: Project) -> frozenset[str]:
    """The names of methods that write to `self`, also through another one; found once for a project."""
    if project.setters is None:
        writing: set[bytes] = set()
        callers: dict[bytes, set[bytes]] = {}
        for file in project.framework_files:
            current = b""
            for match in re.finditer(STEP, file.words):
                if match[1]:
                    current = match[1]
                elif match[2]:
                    callers.setdefault(match[2], set()).add(current)
                else:
                    writing.add(current)
        todo = list(writing)
        while todo:
            for name in callers.get(todo.pop(), ()):
                if name not in writing:
                    writing.add(name)
                    todo.append(name)
        found = {name.decode(errors="replace") for name in writing} - EVERYDAY
        project.setters = frozenset(found - SPECIAL - {""})
    return project.setters
