"""Pages: one self-contained HTML file with tables, figures and, for a comparison, an explorer of the rows."""

from promptsci.report.page.answers import Answers, read_answers
from promptsci.report.page.curve import curve_page, write_curve_page
from promptsci.report.page.forgetting import forgetting_page
from promptsci.report.page.page import page, write_page

__all__ = ["Answers", "curve_page", "forgetting_page", "page", "read_answers", "write_curve_page", "write_page"]
