"""promptsci scores prompts, adapters and fine-tunes of language models on scientific text tasks.

The command ``promptsci`` is the front door. From Python, import from the rooms: ``promptsci.spec``, ``promptsci.score``
and so on. This package itself loads none of them, so importing it costs nothing.
"""

from __future__ import annotations

from promptsci.errors import PromptsciError

__all__ = ["PromptsciError", "__version__"]

__version__ = "0.1.0"
