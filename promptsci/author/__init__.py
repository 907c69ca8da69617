"""Where tasks and templates are written: seen as the model reads them, and checked."""

from promptsci.author.check import Report, Request, check

__all__ = ["Report", "Request", "check"]
