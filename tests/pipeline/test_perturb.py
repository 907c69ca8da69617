from __future__ import annotations

from typing import Any

import pytest

from promptsci.errors import SpecError
from promptsci.pipeline import Settings
from promptsci.pipeline.perturb import TEXT_PERTURBATIONS, check_perturbation, perturbed_settings
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root


def rows(project: Any, **changes: Any) -> list[tuple[Any, list[str]]]:
    """The rows of a run and the ids of the shots chosen for each."""
    prepared = project.prepare(**changes)
    chooser = prepared.questioner.chooser
    return [(example, [shot.id for shot in chooser.shots(example)]) for example in prepared.examples]


@pytest.mark.parametrize("name", TEXT_PERTURBATIONS)
def test_a_perturbed_row_has_another_text_and_the_same_shots_and_answer(name: str, project: Any) -> None:
    """Ids, right answers and shots are those of the clean run; a row that has nothing to perturb is counted."""
    clean, found = rows(project, choose="similar"), rows(project, choose="similar", perturb=name)

    assert [(row.id, row.gold, shots) for row, shots in found] == [(row.id, row.gold, shots) for row, shots in clean]
    same = sum(a.fields == b.fields for (a, _), (b, _) in zip(clean, found, strict=True))
    assert same < len(clean)
    notes = project.prepare(perturb=name).notes
    said = f"perturbed by {name}: {same} of 12 rows have nothing to perturb and stay as they are"
    assert same < len(clean)
    assert [note for note in notes if "nothing to perturb" in note] == [said] * (same > 0)


def test_another_order_has_the_same_shots_and_is_shared(project: Any) -> None:
    """All rows see one other order, so that they still share their shots."""
    clean, found = rows(project, shots=4), rows(project, shots=4, perturb="order")

    for (_, one), (_, other) in zip(clean, found, strict=True):
        assert one != other
        assert sorted(one) == sorted(other)
    assert len({tuple(shots) for _, shots in found}) == len({tuple(shots) for _, shots in clean})


def test_a_seed_perturbs_the_same_rows_alike(project: Any) -> None:
    """Runs that differ in their seed are compared on the same perturbed texts."""
    one, other = (project.prepare(perturb="typos", seed=seed).examples for seed in (0, 1))

    assert [example.fields for example in one] == [example.fields for example in other]


def test_another_wording_is_the_next_of_the_task() -> None:
    """Whatever wording is used, the perturbed run uses another."""
    catalog = Catalog((shipped_root(),))
    names = list(catalog.wordings(catalog.task("citation-intent")))

    found = [perturbed_settings(Settings("citation-intent", template=name), "wording", catalog) for name in names]

    assert all(one.template != name for one, name in zip(found, names, strict=True))
    assert {one.template for one in found} == set(names)


def test_a_perturbed_run_has_a_folder_of_its_own(project: Any) -> None:
    """It is stored beside the clean one and says what it is."""
    _, clean = project.run()
    result, folder = project.run(perturb="typos")

    assert folder.path != clean.path
    assert "typos" in folder.path.name
    assert folder.read_run()["perturb"] == "typos"
    assert clean.read_run()["perturb"] is None
    assert result["n"] == 12


def test_answers_that_point_into_the_text_keep_it() -> None:
    """A typo would move the spans of an extraction task."""
    task = Catalog((shipped_root(),)).task("scierc-ner")

    with pytest.raises(SpecError, match="order,wording"):
        check_perturbation(Settings("scierc-ner", perturb="typos"), task)
    check_perturbation(Settings("scierc-ner", perturb="order", shots=2), task)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"perturb": "typo"}, "Did you mean 'typos'"),
        ({"perturb": "order", "shots": 1}, "one order only"),
    ],
)
def test_what_cannot_be_perturbed_is_refused_before_a_model_loads(
    changes: dict[str, Any], match: str, project: Any
) -> None:
    """An unknown name, or one shot in another order."""
    with pytest.raises(SpecError, match=match):
        project.prepare(**changes)
