"""The folder where everything fetched is kept, and its locks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptsci.errors import DataError

LOCK_S = 600.0


def cache_home() -> Path:
    """The folder for everything fetched: ``$PROMPTSCI_HOME``, or promptsci's folder in the user cache."""
    given = os.environ.get("PROMPTSCI_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("promptsci"))


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Holds a folder of the cache for this process alone, made where it is missing; ``what`` is being fetched into it.

    Raises:
        DataError: another process holds it for ten minutes, or it cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_S):
            yield
    except Timeout as error:
        why = "another promptsci has been fetching this for ten minutes"
        fix = f"If no other promptsci is running, delete {folder}."
        raise DataError(why, where=what, fix=fix) from error
    except OSError as error:
        why = f"cannot write to the cache: {error.strerror or error}"
        fix = "Set PROMPTSCI_HOME to a folder with room that you may write to."
        raise DataError(why, where=str(folder), fix=fix) from error
