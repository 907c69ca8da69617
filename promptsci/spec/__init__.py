"""What is asked and how it is said: Task, Template and the Catalog that finds them."""

from promptsci.spec.catalog import Catalog
from promptsci.spec.convention import Convention, PublishedFigure
from promptsci.spec.fit import check_fit, fitting_template
from promptsci.spec.forms import FORMS, KINDS, RELEVANT, Form
from promptsci.spec.task import CHOOSERS, SPLITS, Source, Task, read_task
from promptsci.spec.template import Expectation, Template, read_template

__all__ = [
    "CHOOSERS",
    "FORMS",
    "KINDS",
    "RELEVANT",
    "SPLITS",
    "Catalog",
    "Convention",
    "Expectation",
    "Form",
    "PublishedFigure",
    "Source",
    "Task",
    "Template",
    "check_fit",
    "fitting_template",
    "read_task",
    "read_template",
]
