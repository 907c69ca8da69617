"""The page of a comparison: one self-contained HTML file with tables, figures and an explorer of the rows."""

from promptsci.report.page.answers import Answers, read_answers
from promptsci.report.page.page import page, write_page

__all__ = ["Answers", "page", "read_answers", "write_page"]
