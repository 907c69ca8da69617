"""``python -m promptsci`` is the command ``promptsci``."""

from __future__ import annotations

from promptsci.cli import main

if __name__ == "__main__":
    main()
