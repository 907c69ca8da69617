from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.author import copy_wording
from promptsci.errors import SpecError
from promptsci.spec import Catalog


def test_a_copy_says_the_same(project: Path, catalog: Catalog) -> None:
    """The new wording is the old one under another name."""
    path = copy_wording("verdicts/mine", "plain", catalog, project)
    task = catalog.task("verdicts")

    assert path == project / "templates" / "verdicts" / "mine.jinja"
    assert catalog.template("mine", task).sha256 == catalog.template("plain", task).sha256


def test_a_shipped_wording_is_copied_to_the_user(project: Path) -> None:
    """Wordings of a shipped task can be varied without touching what is shipped."""
    path = copy_wording("acl-arc/mine", "terse", Catalog.standard(), project)

    assert path == project / "templates" / "citation-intent" / "mine.jinja"
    assert "mine" in Catalog.standard().wordings(Catalog.standard().task("acl-arc"))


@pytest.mark.parametrize(
    ("name", "like", "said"),
    [
        ("mine", "plain", "does not name a task and a wording"),
        ("verdict/mine", "plain", "Did you mean 'verdicts'"),
        ("verdicts/mine", "plian", "Did you mean 'plain'"),
        ("verdicts/plain", "plain", "the file is there already"),
    ],
)
def test_what_cannot_be_meant_is_refused(catalog: Catalog, project: Path, name: str, like: str, said: str) -> None:
    """Names without a task, unknown ones, and ones that are taken."""
    with pytest.raises(SpecError) as caught:
        copy_wording(name, like, catalog, project)

    assert said in caught.value.text()
