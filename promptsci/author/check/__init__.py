"""A linter of tasks, templates and data: every classic trap, with a stable code, before a model is loaded."""

from promptsci.author.check.codes import CODES
from promptsci.author.check.findings import SEVERITIES, Finding, Place, Severity
from promptsci.author.check.run import Report, Request, check

__all__ = ["CODES", "SEVERITIES", "Finding", "Place", "Report", "Request", "Severity", "check"]
