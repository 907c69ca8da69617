from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.errors import SpecError
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

TASK = """name: {name}
title: {title}
kind: classification
data: {{bundled: {{files: {{test: test.jsonl}}}}}}
fields: {{text: text}}
label: {{column: label, values: [a, b]}}
"""
TEMPLATE = (
    "---\nabout: {about}\n---\n{{% block instruction %}}{{% endblock %}}"
    "{{% block input %}}{{{{ text }}}}{{% endblock %}}{{% block target %}}{{{{ choice }}}}{{% endblock %}}"
)


def put_task(root: Path, name: str, title: str) -> Path:
    """A task of that name under a root."""
    path = root / "tasks" / name / "task.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TASK.format(name=name, title=title))
    return path


def put_template(root: Path, name: str, about: str) -> Path:
    """A template of that name under a root."""
    path = root / "templates" / f"{name}.jinja"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(about=about))
    return path


def test_own_folders_come_before_the_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is given wins over the current one, which wins over what is shipped."""
    monkeypatch.chdir(tmp_path)
    shipped = Catalog.standard().task("citation-intent").title
    put_task(tmp_path, "citation-intent", "mine")
    put_task(tmp_path / "extra", "citation-intent", "extra")

    assert shipped == Catalog((shipped_root(),)).task("citation-intent").title
    assert Catalog.standard().task("citation-intent").title == "mine"
    assert Catalog.standard(tmp_path / "extra").task("citation-intent").title == "extra"


def test_wordings_of_all_folders_are_known_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new wording stands beside the shipped ones; one of the same name takes the shipped one's place."""
    monkeypatch.chdir(tmp_path)
    put_template(tmp_path, "citation-intent/short", "mine")
    put_template(tmp_path, "citation-intent/plain", "mine too")
    catalog = Catalog.standard()
    task = catalog.task("citation-intent")

    assert {"plain", "short"} <= set(catalog.wordings(task))
    assert catalog.template(None, task).front.about == "mine too"
    assert catalog.template("short", task).name == "citation-intent/short"


def test_a_path_works_where_a_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks and templates are found by file, tasks by folder too, templates by folder/wording."""
    monkeypatch.chdir(tmp_path)
    path = put_task(tmp_path, "own", "own")
    file = put_template(tmp_path, "other/loud", "loud")
    catalog = Catalog.standard()

    assert [catalog.task(name).title for name in ("own", str(path), "tasks/own", "./tasks/own/task.yaml")] == [
        "own"
    ] * 4
    assert [catalog.template(name, catalog.task("own")).name for name in (str(file), "other/loud")] == [
        "other/loud"
    ] * 2


def test_unknown_names_come_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name is answered with the nearest; a task without templates with what to write."""
    monkeypatch.chdir(tmp_path)
    put_task(tmp_path, "own", "own")
    catalog = Catalog.standard()
    with pytest.raises(SpecError, match=r"^there is no task 'citation-itent'\n  Did you mean 'citation-intent'\?$"):
        catalog.task("citation-itent")
    with pytest.raises(SpecError, match=r"^task citation-intent has no template 'plan'\n  Did you mean 'plain'\?$"):
        catalog.template("plan", catalog.task("citation-intent"))
    with pytest.raises(SpecError, match=r"^task own has no templates\n  Write templates/own/plain.jinja.$"):
        catalog.template(None, catalog.task("own"))
    with pytest.raises(SpecError, match=r"nowhere.jinja: cannot read the file"):
        catalog.template("nowhere.jinja", catalog.task("own"))
    with pytest.raises(SpecError, match=r"cannot read the file"):
        catalog.task("./nowhere")
