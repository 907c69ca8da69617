from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import DataError, Interrupted, RunError, SpecError
from promptsci.pipeline.predict import predict
from promptsci.score import RULES

OURS = ["label", "probability", "calibrated_probability", "label_set", "abstain"]


def lines(path: str | Path) -> list[dict[str, Any]]:
    """Rows of JSON lines."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def unlabelled(labelling: Any, name: str = "rows.jsonl", **more: Any) -> Path:
    """The bundled test rows without their labels."""
    rows = [
        {key: value for key, value in row.items() if key != "label"} for row in labelling.rows_of("citation-intent")
    ]
    return labelling.write_lines(Path(name), [{**row, **more} for row in rows])


@pytest.mark.parametrize("rule", RULES)
def test_decisions_are_those_of_run(labelling: Any, project: Any, rule: str) -> None:
    """Rows without labels are called what ``run`` calls them, by every rule, with the very log-likelihoods."""
    _, folder = project.run(limit=None, rule=rule)
    summary = labelling.predict(data=unlabelled(labelling), rule=rule)
    stored = list(folder.rows())
    kept = [json.loads(line) for line in next(Path(summary["job_dir"]).glob("rows/*/*.jsonl")).read_text().splitlines()]

    assert [row["label"] for row in lines("labels.jsonl")] == [row["label"] for row in stored]
    assert [row["nats"] for row in kept] == [row["nats"] for row in stored]


def test_what_is_learnt_is_what_calibrate_learns(labelling: Any, project: Any) -> None:
    """Temperature and prevalence are those of ``promptsci calibrate`` with the Run on validation rows."""
    from promptsci.compare.calibrate import calibrate
    from promptsci.runs import RunFolder

    _, folder = project.run(limit=None)
    summary = labelling.predict(data=unlabelled(labelling))
    oracle = calibrate(folder, RunFolder(Path(summary["known_run_dir"])))

    assert summary["temperature"] == pytest.approx(oracle["temperature"])
    for label, found in summary["prevalence"].items():
        for way in ("ppi", "inverted"):
            assert found[way] == pytest.approx(oracle["prevalence"][label][way], abs=1e-9)
    sizes = [len(row["label_set"]) for row in lines("labels.jsonl")]
    assert sum(sizes) / len(sizes) == pytest.approx(oracle["sets"]["mean_size"]) == summary["label_sets"]["mean_size"]


def test_the_validation_run_is_an_ordinary_run_and_is_reused(labelling: Any, project: Any) -> None:
    """It stands where ``run split=validation`` looks for it, and a second file asks it nothing."""
    result, folder = project.run(split="validation", limit=None)
    first, second = unlabelled(labelling), unlabelled(labelling, "more.jsonl", year=1)
    lm = project.LM()
    summary = labelling.predict(lm, data=first)

    assert summary["known_run_dir"] == str(folder.path) == result["run_dir"]
    assert len(lm.scored) < len({*lm.scored}) + 1
    again = project.LM()
    labelling.predict(again, data=second, out="more.csv")
    assert sorted(again.scored) == sorted(lm.scored)


@pytest.mark.parametrize("out", ["jsonl", "csv", "tsv", "parquet"])
@pytest.mark.parametrize("came", ["jsonl", "csv", "tsv", "parquet"])
def test_every_column_stays(labelling: Any, came: str, out: str) -> None:
    """From any format to any other every cell stays what it was, beside ours; numbers stay numbers where they can."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {"text": f'He said "{i}",\tthen\nleft é.', "year": 1990 + i, "tags": ["a", str(i)], "none": None}
        for i in range(7)
    ]
    path = Path(f"in.{came}")
    if came == "jsonl":
        labelling.write_lines(path, rows)
    elif came == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="," if came == "csv" else "\t")
            writer.writeheader()
            writer.writerows({**row, "tags": json.dumps(row["tags"]), "none": ""} for row in rows)
    labelling.predict(data=path, out=f"out.{out}")

    found = _read(Path(f"out.{out}"))
    assert [list(row) for row in found] == [[*rows[0], *OURS]] * 7
    for row, was in zip(found, rows, strict=True):
        assert row["text"] == was["text"]
        assert str(row["year"]) == str(was["year"])
        tags = json.loads(row["tags"]) if isinstance(row["tags"], str) else row["tags"]
        assert tags == was["tags"]
        assert row["none"] in (None, "")
        if {came, out} <= {"jsonl", "parquet"}:
            assert isinstance(row["year"], int)
            assert isinstance(row["label_set"], list)


def _read(path: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    if path.suffix == ".jsonl":
        return lines(path)
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))


def test_types_that_json_lacks_come_through_parquet(labelling: Any) -> None:
    """Dates, decimals and small integers keep their Arrow types from Parquet to Parquet."""
    import datetime
    import decimal

    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [("text", pa.string()), ("day", pa.date32()), ("cost", pa.decimal128(6, 2)), ("small", pa.int8())]
    )
    rows = [{"text": "a b", "day": datetime.date(2020, 1, 2), "cost": decimal.Decimal("1.50"), "small": 3}]
    parquet.write_table(pa.Table.from_pylist(rows, schema), "in.parquet")
    labelling.predict(data=Path("in.parquet"), out="out.parquet")
    found = parquet.read_table("out.parquet")

    assert found.schema.names == [*schema.names, *OURS]
    assert [found.schema.field(name).type for name in schema.names] == schema.types
    assert found.select(schema.names).to_pylist() == rows


def test_columns_of_our_names_are_kept_and_ours_renamed(labelling: Any) -> None:
    """A file that has a column ``label`` keeps it; all of ours then begin with ``predicted_``, which is said."""
    rows = labelling.rows_of("citation-intent")[:5]
    summary = labelling.predict(data=labelling.write_lines(Path("in.jsonl"), rows))
    found = lines("labels.jsonl")

    assert [row["label"] for row in found] == [row["label"] for row in rows]
    assert summary["columns"] == [f"predicted_{name}" for name in OURS]
    assert any("begin with predicted_" in note for note in summary["notes"])


def test_values_of_several_types_become_json_text_in_parquet(labelling: Any) -> None:
    """A JSON column with texts and numbers cannot be one Parquet column but as JSON, which is said."""
    rows = [{"text": "a", "odd": 1}, {"text": "b", "odd": "one"}, {"text": "c"}]
    summary = labelling.predict(data=labelling.write_lines(Path("in.jsonl"), rows), out="out.parquet")

    assert [row["odd"] for row in _read(Path("out.parquet"))] == ["1", '"one"', None]
    assert any("as JSON text: odd" in note for note in summary["notes"])


def test_rows_that_cannot_be_read_are_kept_apart_with_the_reason(labelling: Any) -> None:
    """Broken JSON, a missing column, no text, half a character and a text that is too long: each by line and reason."""
    bad = ["{broken", '{"id": "b"}', '{"text": " \\n"}', '{"text": "\\ud800"}', json.dumps({"text": "word " * 900})]
    good = json.dumps({"text": "Fine."})
    Path("in.jsonl").write_text("\n".join([good, *bad, good, "[1]"]) + "\n")
    summary = labelling.predict(data=Path("in.jsonl"), shots=0)
    rejected = lines("labels.rejects.jsonl")

    assert [row["text"] for row in lines("labels.jsonl")] == ["Fine.", "Fine."]
    assert [row["line"] for row in rejected] == [2, 3, 4, 5, 6, 8]
    said = ["broken JSON", "there is no column 'text'", "there is no text", "half of a character", "tokens", "a list"]
    assert all(word in row["reason"] for word, row in zip(said, rejected, strict=True))
    assert rejected[1]["row"] == {"id": "b"}
    assert summary["n"] == {"read": 8, "labelled": 2, "rejected": 6, "not_asked_for": 0, "invalid": 0}
    assert sum(summary["rejects"]["reasons"].values()) == 6


def test_rejects_of_csv_do_not_end_the_file(labelling: Any) -> None:
    """A row with a cell too many, and one with a stray quote, are rejected; the rows behind them are labelled."""
    Path("in.csv").write_bytes(b'text,x\nfirst,1\nsecond,2,3\nfou"rth" x,"a"b\n\xff,4\nlast,5\n')
    summary = labelling.predict(data=Path("in.csv"))

    assert [row["text"] for row in lines("labels.jsonl")] == ["first", "last"]
    assert summary["n"]["rejected"] == 3


def test_a_file_without_rejects_leaves_no_file_of_them(labelling: Any) -> None:
    """Rejects of an earlier call do not stay behind."""
    Path("labels.rejects.jsonl").write_text("old\n")
    summary = labelling.predict(data=unlabelled(labelling))

    assert summary["rejects"] is None
    assert not Path("labels.rejects.jsonl").exists()


def test_where_and_limit_choose_rows(labelling: Any) -> None:
    """Rows with the value are labelled, the first so many of them; the others are counted and not written."""
    rows = [{"text": f"Row {i}.", "year": 2000 + i % 3, "n": i} for i in range(20)]
    path = labelling.write_lines(Path("in.jsonl"), rows)
    summary = labelling.predict(data=path, where={"year": "2001"}, first=4)

    assert [row["n"] for row in lines("labels.jsonl")] == [1, 4, 7, 10]
    assert summary["n"]["labelled"] == 4
    with pytest.raises(DataError, match="there is no column 'yaer'"):
        labelling.predict(data=path, where={"yaer": "2001"}, out="x.jsonl")


@pytest.mark.parametrize("seed", range(4))
def test_an_interrupted_labelling_goes_on_to_the_same_bytes(
    labelling: Any, project: Any, small_chunks: Callable, seed: int
) -> None:
    """Stopped twice anywhere, with a torn last line, it asks no row twice and ends in the same bytes, rejects too."""
    small_chunks(16)
    path = unlabelled(labelling)
    path.write_text(path.read_text() + "{broken\n" + '{"text": ""}\n' + '{"text": "Last."}\n')
    whole = project.LM()
    labelling.predict(whole, data=path)
    files = [Path("labels.jsonl").read_bytes(), Path("labels.rejects.jsonl").read_bytes()]
    asked = sorted(whole.scored)

    labelling.project = project.at(Path("other"))
    stops = sorted(random.Random(seed).sample(range(1, len(asked)), 2))
    scored: list[str] = []
    for stop in [*stops, None]:
        lm = project.LM(None if stop is None else stop - len(scored))
        if stop is None:
            labelling.predict(lm, data=path, out="again.jsonl")
        else:
            with pytest.raises(Interrupted):
                labelling.predict(lm, data=path, out="again.jsonl")
            for torn in Path("other").rglob("*.partial.jsonl"):
                with torn.open("ab") as file:
                    file.write(b'{"id": "torn')
        scored += lm.scored

    assert [Path("again.jsonl").read_bytes(), Path("again.rejects.jsonl").read_bytes()] == files
    repeated = len(scored) - len(asked)
    assert 0 <= repeated <= 2 * 5  # what rows that were not finished wait for: references, asked first


def test_a_finished_labelling_asks_nothing(labelling: Any, project: Any, refuse_lm: Callable[..., Any]) -> None:
    """Another format, error or rule is made from what is stored, without a model."""
    path = unlabelled(labelling)
    labelling.predict(data=path, rule="sum")
    prepared = labelling.prepare(data=path, rule="mean", error=0.3, out="other.csv")
    prepared.method.lms.load = refuse_lm
    summary = predict(prepared)

    assert summary["answered_now"] == 0
    assert summary["rule"] == "mean"
    assert len(_read(Path("other.csv"))) == 120


def test_a_file_of_somebody_else_is_not_replaced(labelling: Any) -> None:
    """The file to write must be new, ours, or given up with ``--overwrite``; the rows themselves are never replaced."""
    path = unlabelled(labelling)
    Path("labels.jsonl").write_text("mine\n")
    with pytest.raises(DataError, match="is there already"):
        labelling.predict(data=path)
    labelling.predict(data=path, overwrite=True)
    labelling.predict(data=path)

    assert len(lines("labels.jsonl")) == 120
    with pytest.raises(DataError, match="take the place of the rows"):
        labelling.predict(data=path, out=str(path))


@pytest.mark.parametrize("asked", [{"out": "x.xlsx"}, {"error": 1.0}, {"data": Path("none.csv")}])
def test_what_cannot_be_is_refused_before_anything_is_asked(labelling: Any, asked: dict[str, Any]) -> None:
    """An unknown ending, an impossible error and a missing file are found without a model."""
    with pytest.raises(DataError):
        labelling.prepare(**{"data": unlabelled(labelling), **asked})


def test_a_json_list_is_refused_with_what_to_do(labelling: Any) -> None:
    """A JSON list would have to be read whole."""
    Path("in.json").write_text('[{"text": "a"}]')
    with pytest.raises(DataError, match="cannot be read row by row"):
        labelling.prepare(data=Path("in.json"))


def test_two_labellings_of_one_file_do_not_mix(labelling: Any) -> None:
    """A second process at the same labelling is told to wait."""
    prepared = labelling.prepare(data=unlabelled(labelling))
    with prepared.job.chunk(0).appending(), pytest.raises(RunError, match="another process"):
        predict(prepared)


def test_repeated_ids_are_rows_of_their_own(labelling: Any) -> None:
    """A file may repeat an id, such as a paper's: every row is labelled by its own text."""
    rows = [{"id": "paper", "text": f"Row {i}."} for i in range(5)]
    labelling.predict(data=labelling.write_lines(Path("in.jsonl"), rows), rule="sum")
    alone = labelling.write_lines(Path("alone.jsonl"), [{"text": row["text"]} for row in rows])
    labelling.predict(data=alone, rule="sum", out="alone.out.jsonl")

    assert [row["probability"] for row in lines("labels.jsonl")] == [
        row["probability"] for row in lines("alone.out.jsonl")
    ]
    assert [row["id"] for row in lines("labels.jsonl")] == ["paper"] * 5


def test_a_prior_of_validation_decides_each_row_by_itself(labelling: Any) -> None:
    """With it, a file of one row calls that row what a file of all rows calls it; without it the note says why not."""
    path = unlabelled(labelling)
    labelling.predict(data=path, prior="validation")
    single = labelling.write_lines(Path("one.jsonl"), [json.loads(path.read_text().splitlines()[7])])
    summary = labelling.predict(data=single, prior="validation", out="one.out.jsonl")
    rows = labelling.predict(data=single, out="rows.out.jsonl")

    assert lines("one.out.jsonl")[0] == lines("labels.jsonl")[7]
    assert not any("batch rule" in note for note in summary["notes"])
    assert any("which are few" in note for note in rows["notes"])


WRITTEN = {
    "evidence-types": ("labels", list),
    "orders-of-magnitude": ("value", float),
    "measurements": ("spans", list),
    "synthesis-recipes": ("record", dict),
    "abstract-summary": ("answer", str),
    "abstract-keyphrases": ("phrases", list),
}


def oracle(prepared: Any, examples: Any) -> Callable[[str], str]:
    """A script that writes the right answer behind each prompt."""
    target = prepared.questioner.assembler.target
    questions = prepared.questioner.questions(examples)
    return {each.query.text: f" {target(each.example)}" for each in questions}.__getitem__


@pytest.mark.parametrize("task", WRITTEN)
def test_written_answers_become_columns(labelling: Any, project: Any, task: str) -> None:
    """Each kind has the column of its answers; an LM that writes what is right gives what the data say."""
    rows = labelling.rows_of(task.replace("keyphrases", "summary"))[:6]  # the two share their abstracts
    column, type_ = WRITTEN[task]
    probe = project.prepare(task=task, shots=0, limit=None, split="test")
    known = project.prepare(task=task, shots=0, limit=None, split="validation")
    if probe.writing is None:
        script = None
    else:
        first, second = oracle(probe, probe.examples), oracle(known, known.examples)
        script = lambda prompt: _either(first, second, prompt)  # noqa: E731
    lm = project.LM(script=script)
    summary = labelling.predict(lm, data=labelling.write_lines(Path("in.jsonl"), rows), task=task, shots=0)
    found = lines("labels.jsonl")
    name = next(each for each in summary["columns"] if each.endswith(column))

    assert len(found) == 6
    assert all(isinstance(row[name], type_) for row in found)
    if script is not None:
        assert summary["n"]["invalid"] == 0
    by_id = {example.id: example.gold for example in probe.examples}
    if task in ("evidence-types", "synthesis-recipes"):
        golds = [by_id[row["id"]] for row in rows]
        assert [row[name] for row in found] == [list(g) if isinstance(g, tuple) else g for g in golds]
    if task == "measurements":
        assert all(row["text"][span["start"] : span["end"]] == span["text"] for row in found for span in row[name])
    if task == "orders-of-magnitude":
        low, high = name.replace("value", "low"), name.replace("value", "high")
        assert all(row[low] <= row[name] <= row[high] for row in found)
        assert summary["interval"]["n_known"] == len(known.examples)


def _either(first: Callable[[str], str], second: Callable[[str], str], prompt: str) -> str:
    try:
        return first(prompt)
    except KeyError:
        return second(prompt)


def test_options_are_named_by_letter_and_text(labelling: Any) -> None:
    """The letter decided stands beside the option it stands for, and no set holds a letter that the row lacks."""
    rows = labelling.rows_of("science-questions")[:8]
    labelling.predict(data=labelling.write_lines(Path("in.jsonl"), rows), task="science-questions", shots=0)

    for row in lines("labels.jsonl"):
        options = next(value for key, value in row.items() if isinstance(value, list) and key != "label_set")
        letters = "ABCDEFGH"[: len(options)]
        assert row["choice"] == options[letters.index(row["label"])]
        assert set(row["label_set"]) <= set(letters)


def test_a_ranking_is_refused(labelling: Any) -> None:
    """A pair of query and document is no row of a file."""
    with pytest.raises(SpecError, match="is a ranking"):
        labelling.predict(data=unlabelled(labelling), task="abstract-search", shots=0)


def test_without_labelled_rows_nothing_is_promised(labelling: Any) -> None:
    """Where the wanted split is not there, rows are labelled all the same, ours are null, and it is said."""
    summary = labelling.predict(data=unlabelled(labelling), split="nowhere")
    row = lines("labels.jsonl")[0]

    assert row["label"]
    assert [row[name] for name in OURS[2:]] == [None] * 3
    assert any("no labelled rows to calibrate by" in note for note in summary["notes"])
    assert "prevalence" not in summary


def test_drift_is_seen_where_it_is_and_not_where_it_is_not(labelling: Any) -> None:
    """Test rows of the same source show none; texts of another field show it, and the words that tell."""
    same = labelling.predict(data=unlabelled(labelling))
    rows = [{"text": f"The gannet number {i} nested on the cliff at dawn in spring."} for i in range(120)]
    other = labelling.predict(data=labelling.write_lines(Path("birds.jsonl"), rows), out="birds.out.jsonl")
    looks = {look["name"]: look for look in other["drift"]["looks"]}

    assert {look["name"] for look in same["drift"]["looks"]} == {"calls", "length", "new words", "classifier"}
    assert looks["classifier"]["p_holm"] < 0.001
    assert looks["classifier"]["effect"] > 0.95
    assert "gannet" in looks["classifier"]["words"]
    assert other["drift"]["seen"]
    classified = next(look for look in same["drift"]["looks"] if look["name"] == "classifier")
    assert classified["p_holm"] > 0.05


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_bytes(
    labelling: Any, project: Any, tiny_lm_folder: Path, tmp_path: Path
) -> None:
    """Six SIGKILLs at random moments of a real process on a tiny model: the bytes of a process that was left alone."""
    rows = [{"text": f"Sentence {i} of {i % 7} says so.", "n": i} for i in range(3_000)]
    labelling.write_lines(tmp_path / "in.jsonl", rows)
    command = [
        *(sys.executable, "-m", "promptsci", "predict", "task=citation-intent", "data=in.jsonl", "--shots", "1"),
        *(f"model={tiny_lm_folder}", "--dtype", "float32", "--format", "plain", "--verify-sharing", "0", "--json"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(out: str) -> subprocess.Popen[bytes]:
        words = [*command, "--out", out, "--runs", f"runs-{out}"]
        return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, cwd=tmp_path)

    whole = start("whole.parquet")
    begin = time.monotonic()
    assert whole.communicate()[0]
    assert whole.returncode == 0
    seconds = time.monotonic() - begin
    draw = random.Random(0)
    for _ in range(6):
        process = start("killed.parquet")
        try:
            process.wait(draw.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    assert start("killed.parquet").wait() == 0

    assert (tmp_path / "killed.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
