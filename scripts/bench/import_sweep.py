"""What share of lm-evaluation-harness's own task files can be imported, and why the others cannot.

    python scripts/bench/import_sweep.py FOLDER_OF_ITS_TASKS [every Nth file]

Nothing is written. Errors that are not a PromptsciError are faults of ours and are printed with their file.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections import Counter
from pathlib import Path

from promptsci.author.importers import Known, import_drafts, read_lm_eval
from promptsci.errors import PromptsciError


def outcome(path: Path) -> str:
    """``imported``, ``refused: ...`` with the reason in general words, or ``fault: ...``."""
    try:
        draft, settings, _ = read_lm_eval(path)
        source = {"path": settings.get("dataset_path") or "unknown/unknown"}
        imported = import_drafts([draft], Known("mine", "mine", source))
    except PromptsciError as error:
        return f"refused: {general(error.what)}"
    except Exception as error:  # noqa: BLE001 - a sweep counts faults instead of ending at the first
        traceback.print_exc(limit=-2)
        return f"fault: {type(error).__name__} in {path}"
    return "imported" if imported.wordings else f"refused: {general(imported.notes[-1])}"


def general(what: str) -> str:
    """A reason without names, numbers and quotes."""
    reason = what.rpartition("not carried over: ")[2]
    return re.sub(r"'[^']*'|\"[^\"]*\"|\(.*\)|:.*", "...", reason.splitlines()[0], flags=re.DOTALL)[:90]


def main() -> None:
    """Prints how many files came out how."""
    folder, step = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    files = sorted(path for path in folder.rglob("*.yaml"))[::step]
    counts = Counter(map(outcome, files))
    for what, number in counts.most_common():
        print(f"{number:6,}  {number / len(files):6.1%}  {what}")


if __name__ == "__main__":
    main()
