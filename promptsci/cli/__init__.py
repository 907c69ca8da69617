"""The command line: one thin file a verb, which parses, calls and prints."""

from promptsci.cli.main import main

__all__ = ["main"]
