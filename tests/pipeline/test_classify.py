from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.errors import DataError, Interrupted, SpecError
from promptsci.pipeline import (
    ClassifierSettings,
    LMs,
    classifier_folder,
    classifier_named,
    classify,
    prepare_classifier,
    read_result,
    reproduce,
)
from promptsci.pipeline.classifier import PreparedClassifier
from promptsci.runs import RunFolder
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

KEYS = """task template model adapter data split method shots seed format n metrics per_class confusion invalid tokens
seconds peak_memory_bytes warnings run_dir training rule_because""".split()


def prepared(method: str = "tfidf", **changes: Any) -> PreparedClassifier:
    """A run on the bundled task, or on another."""
    settings = ClassifierSettings(**{"task": "citation-intent", "method": method, **changes})
    catalog = Catalog((Path.cwd(), shipped_root()))
    return prepare_classifier(settings, catalog, classifier_named(method, catalog.task(settings.task)))


def run(method: str = "tfidf", root: str = "runs", **changes: Any) -> tuple[dict[str, Any], RunFolder]:
    """Result and folder."""
    one = prepared(method, **changes)
    folder = classifier_folder(one, Path(root))
    return classify(one, folder), folder


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_majority_scores_what_the_majority_row_says() -> None:
    """The method's metrics are those of the row that stands beside every run; its numbers are train's shares."""
    result, folder = run("majority")
    values = {name: metric["value"] for name, metric in result["metrics"].items()}
    counts = result["integrity"]["splits"]["train"]["labels"]
    row = next(folder.rows())

    assert values == {name: metric["value"] for name, metric in result["majority"]["metrics"].items()}
    assert [x for (x,) in row["nats"].values()] == pytest.approx(np.log([n / 180 for n in counts.values()]), abs=1e-6)
    assert result["training"]["examples"] == 180


def test_a_result_has_the_keys_of_every_run_and_what_was_learned() -> None:
    """The keys of ``run --json`` are all there; only the rule that makes sense stands in the table, and why."""
    result, folder = run()

    assert [key for key in KEYS if key not in result] == []
    assert (result["method"], result["template"], result["model"], result["shots"]) == ("tfidf", None, None, 0)
    assert (result["rule"], list(result["rules"])) == ("sum", ["sum"])
    assert set(result["tokens"].values()) == {0}
    assert {"seconds", "examples", "trainable_parameters", "C", "validated_on"} <= set(result["training"])
    assert result["training"]["validated_on"] == "validation"
    assert result == json.loads(json.dumps(result)) == read_result(folder)


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    """In the same folder nothing is learned again; in another the predictions are the same byte for byte."""
    result, folder = run(limit=24)
    stamp = folder.predictions_path.stat().st_mtime_ns
    again, _ = run(limit=24)
    _, other = run(limit=24, root=str(tmp_path / "other"))

    assert again == result
    assert folder.predictions_path.stat().st_mtime_ns == stamp
    assert other.predictions_path.read_bytes() == folder.predictions_path.read_bytes()


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """Stopped between two rows, it says what is kept, and ends as one that never was stopped."""

    class Stop:
        def start(self, n_rows: int, n_done: int) -> None:
            assert (n_rows, n_done) == (24, 0)

        def advance(self, *_: int) -> None:
            raise KeyboardInterrupt

    _, whole = run(limit=24, root=str(tmp_path / "whole"))
    one = prepared(limit=24)
    folder = classifier_folder(one, Path("runs"))
    with pytest.raises(Interrupted, match="what was scored is kept"):
        classify(one, folder, watcher=Stop())
    assert folder.count_rows() == 1
    classify(one, folder)

    assert folder.predictions_path.read_bytes() == whole.predictions_path.read_bytes()


def test_it_can_be_reproduced_without_a_model(refuse_lm: Callable[..., Any]) -> None:
    """The stored settings are enough to learn again, to the same bytes."""
    _, folder = run(limit=24)
    outcome = reproduce(folder, LMs(refuse_lm), Catalog((shipped_root(),)))

    assert outcome.identical
    assert outcome.inputs == {}


def test_what_decides_the_predictions_decides_the_folder(tmp_path: Path) -> None:
    """Another method, pool, seed or limit is another folder; the same settings are the same."""
    names = [
        classifier_folder(one, tmp_path).path
        for one in (prepared(), prepared("majority"), prepared(seed=1), prepared(limit=5), prepared(split="validation"))
    ]

    assert len(set(names)) == len(names)
    assert classifier_folder(prepared(), tmp_path).path == names[0]


def write_splits(**rows: list[tuple[str, str]]) -> str:
    """A data folder for the bundled task, a file a split."""
    folder = Path("mine")
    folder.mkdir()
    for name, pairs in rows.items():
        lines = [json.dumps({"text": text, "label": label}) + "\n" for text, label in pairs]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return str(folder)


PAIRS = [(f"we {verb} it {i}", label) for i in range(10) for verb, label in (("use", "Uses"), ("extend", "Extends"))]


def test_without_validation_rows_are_held_out_of_train_and_that_is_said() -> None:
    """A fifth of train chooses the settings, and all of train is then learned from."""
    data = write_splits(train=PAIRS, test=[("we use it", "Uses")])
    result, _ = run(data=data)

    assert result["training"]["validated_on"] is None
    assert (result["training"]["examples"], result["training"]["validation_examples"]) == (20, 4)
    assert any("4 of 20 rows held out of train (seed 0)" in warning for warning in result["warnings"])
    assert any("no row to learn from has the label" in warning for warning in result["warnings"])


def test_validation_does_not_choose_for_itself() -> None:
    """When validation is scored, its rows have no part in choosing; majority needs none and says nothing."""
    chosen, counted = prepared(split="validation"), prepared("majority", split="validation")

    assert chosen.validated_on is None
    assert "the validation split is what is scored" in chosen.notes[0]
    assert counted.notes == ()


def test_another_split_can_be_learned_from() -> None:
    """``--pool`` names the split that is learned from; rows of test that stand in it are seen."""
    data = write_splits(train=PAIRS[:2], more=PAIRS, test=[PAIRS[5], ("we use it", "Uses")])
    result, folder = run("majority", data=data, pool="more")

    assert result["training"]["examples"] == 20
    assert [row["seen"] for row in folder.rows()] == [True, False]


def test_what_cannot_be_learned_is_refused_before_anything_is_written() -> None:
    """Scoring the rows learned from, an unlabelled train, an unknown method: each is told, nothing is written."""
    unlabelled = write_splits(train=[("a", None), ("b", None)], test=[("we use it", "Uses")])
    with pytest.raises(DataError, match="learns from them"):
        prepared(split="train")
    with pytest.raises(DataError, match="no row of train has a label"):
        prepared(data=unlabelled)
    with pytest.raises(SpecError, match="Did you mean 'tfidf'"):
        prepared("tf-idf")
    assert not Path("runs").exists()


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("pool", "published"), [("train", 0.666), ("train_clean", 0.444)])
def test_acl_arc_comes_out_as_published(real_data: Path, pool: str, published: float) -> None:
    """Macro-F1 on ACL-ARC is within a point of what TF-IDF and logistic regression are known to reach there."""
    result, _ = run(data=str(real_data / "citation_intent"), pool=pool)

    assert result["metrics"]["macro_f1"]["value"] == pytest.approx(published, abs=0.01)


@pytest.mark.parametrize(
    ("method", "task", "main"),
    [
        ("dictionary", "measurements", "entity_f1"),
        ("lead", "abstract-summary", "rouge1"),
        ("tfidf", "abstract-keyphrases", "f1@5"),
    ],
)
def test_methods_of_other_forms_make_runs_like_any(method: str, task: str, main: str) -> None:
    """On the bundled samples every row is answered, scored by the form's metric, and can be made again."""
    result, folder = run(method, task=task)

    assert result["main"] == main
    assert result["invalid"] == 0
    assert result["metrics"][main]["value"] > 0
    assert result["method"] == method
    assert reproduce(folder, LMs(None), Catalog((shipped_root(),))).identical


def test_a_method_that_cannot_answer_in_a_form_names_those_that_can() -> None:
    """Before any data is read."""
    with pytest.raises(SpecError, match=r"method=majority cannot answer with spans[^\n]*\n.*dictionary can\."):
        run("majority", task="measurements")
