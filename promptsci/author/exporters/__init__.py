"""Tasks as other tools read them: what is written there gives the same prompts, or says what it cannot carry over."""

from promptsci.author.exporters.lm_eval import Export, export_lm_eval

__all__ = ["Export", "export_lm_eval"]
