"""Writing files that a person will keep: nothing is replaced unasked, and all or none is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promptsci.errors import SpecError


def write_new(files: Mapping[Path, str], *, force: bool = False) -> None:
    """Writes every file, with its folders; nothing when one of them is there already and ``force`` is not given.

    Raises:
        SpecError: a file is there already, or cannot be written.
    """
    there = [path for path in files if path.exists()]
    if there and not force:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        fix = "Choose another name, or add --force to replace it."
        raise SpecError(f"the file is there already{more}", where=str(there[0]), fix=fix)
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise SpecError(f"cannot write the file: {error.strerror or error}", where=str(path)) from error
