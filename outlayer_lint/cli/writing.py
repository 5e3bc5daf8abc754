"""Files are replaced whole: the old one or the new one, never half of it."""

from __future__ import annotations

import os
import stat

from outlayer_lint.config import Refused


def replace(path: str, data: bytes) -> None:
    """Write a file, keeping its permissions and links to it. What is no file (`/dev/stdout`, a pipe) is written to."""
    target = os.path.realpath(path)
    half = f"{target}.{os.getpid()}.part"
    try:
        mode = os.stat(target).st_mode if os.path.lexists(target) else None
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as file:
                file.write(data)
            return
        with open(half, "wb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(half, stat.S_IMODE(mode))
        os.replace(half, target)
    except OSError as error:
        if os.path.exists(half):
            os.remove(half)
        raise Refused(f"cannot write {path}: {error.strerror}") from None
