"""Exported tasks beside lm-evaluation-harness 0.4.13 (PROMPTSCI_LM_EVAL: its Python) and its rules, written out."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
import yaml

from promptsci.author.asked import Asked
from promptsci.author.exporters import Export, export_lm_eval
from promptsci.author.exporters.jinja_source import block_source
from promptsci.data import read_dataset
from promptsci.errors import DataError, SpecError
from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
from promptsci.prompt import Assembler, Pool, chooser
from promptsci.spec import Catalog

SIDE = Path(__file__).with_name("lm_eval_side.py")
FIXES = {"loops": "{% for word in choices %}\n  {% if loop.first %}\n    {{ word }}\n  {% endif %}\n{% endfor %}\n",
         "sets": "{% set shout = text | upper %}\n{{ shout }}\n{# a remark #}\n", "raw": "{% raw %}{{ }}{% endraw %}\n",
         "edges": "{{ text }}\n", "nothing": ""}  # fmt: skip


def ours(catalog: Catalog, asked: Asked) -> list[str]:
    """The prompts that our own assembly makes."""
    task = catalog.task(asked.task)
    dataset = read_dataset(task, asked.data)
    assembler = Assembler(task, catalog.template(asked.template, task))
    pool = Pool(dataset.split(asked.pool or task.shots.from_).examples, task.labels)
    chosen = chooser(asked.choose or task.shots.choose, pool, asked.shots, asked.seed, task)
    rows = dataset.split(asked.split).examples
    return [assembler.prompt(row, chosen.shots(row)).plain() for row in rows if row.gold is not None]


def theirs(export: Export) -> tuple[list[str], list[list[str]], list[int]]:
    """Prompts, answers and the place of the right one, put together by the harness's rules."""
    config = yaml.safe_load(export.files[f"{export.name}.yaml"])
    env = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    rows = {split: [json.loads(line) for line in export.files[file].splitlines()]
            for split, file in config["dataset_kwargs"]["data_files"].items()}  # fmt: skip

    def text(document: dict) -> str:
        return env.from_string(config["doc_to_text"]).render(**document)

    def choices(document: dict) -> list[str]:
        found = config.get("doc_to_choice", [])
        return document[found] if isinstance(found, str) else found

    def answer(document: dict) -> str:
        target = document[config["doc_to_target"]]
        return target if config["output_type"] == "generate_until" else choices(document)[target]

    shots = rows[config["fewshot_split"]][: config["num_fewshot"]] if config["num_fewshot"] else []
    head = env.from_string(config["description"]).render()
    shown = "".join(
        text(shot) + config["target_delimiter"] + answer(shot) + config["fewshot_delimiter"] for shot in shots
    )  # fmt: skip
    asked = [head + shown + text(row) for row in rows["test"]]
    return asked, [choices(row) for row in rows["test"]], [row[config["doc_to_target"]] for row in rows["test"]]


@pytest.mark.parametrize("shots", [0, 8])
@pytest.mark.parametrize("wording", ["plain", "terse", "definitions"])
def test_shipped_wordings_are_exported_as_they_are(wording: str, shots: int) -> None:
    """The template itself is exported, and makes every prompt byte for byte; the right answer is the gold label."""
    catalog = Catalog.standard()
    asked = Asked("citation-intent", wording, shots=shots)
    export = export_lm_eval(asked, catalog)
    prompts, choices, golds = theirs(export)
    task = catalog.task("citation-intent")
    words = catalog.template(wording, task).words(task.labels)

    assert prompts == ours(catalog, asked)
    assert "{{ text }}" in export.files[f"{export.name}.yaml"]
    gold = [row.gold for row in read_dataset(task).split("test").examples]
    assert [each[place] for each, place in zip(choices, golds, strict=True)] == [words[label] for label in gold]


@pytest.mark.parametrize("query", FIXES.values(), ids=FIXES)
def test_trimming_comes_out_the_same(project: Path, catalog: Catalog, query: str) -> None:
    """What our Jinja trims, the exported source has trimmed: loops, sets, comments, raw text, edges of a field."""
    path = project / "templates" / "verdicts" / "plain.jinja"
    path.write_text(path.read_text().replace("Text: {{ text }}\nIt is\n", f"{query}Text: {{{{ text }}}}\n"))
    (project / "tasks" / "verdicts" / "test.jsonl").write_text('{"text": "  a b ", "label": "bad"}\n')
    asked = Asked("verdicts", shots=2)

    export = export_lm_eval(asked, catalog)
    assert theirs(export)[0] == ours(catalog, asked)
    assert "promptsci_prompt" not in export.files["test.jsonl"]


@pytest.mark.parametrize("choose", ["similar", "random"])
def test_shots_that_differ_are_written_out(project: Path, catalog: Catalog, choose: str) -> None:
    """Similar shots, and shots that make way for a row's own text, give whole prompts; the export says so."""
    folder = project / "tasks" / "verdicts"
    folder.joinpath("test.jsonl").write_text(folder.joinpath("train.jsonl").read_text())
    asked = Asked("verdicts", shots=2, choose=choose)
    export = export_lm_eval(asked, catalog)

    assert theirs(export)[0] == ours(catalog, asked)
    assert any("not all rows have the same shots" in note for note in export.notes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{ text }}", "{{ text | tojson }}", "reads the input block otherwise"),
        ("{% block instruction", "{% macro m() %}x{% endmacro %}{% block instruction", "defined above the blocks"),
    ],
)
def test_what_reads_otherwise_is_written_out(project: Path, catalog: Catalog, old: str, new: str, said: str) -> None:
    """Filters that mean something else there, and definitions above the blocks, give whole prompts."""
    path = project / "templates" / "verdicts" / "plain.jinja"
    path.write_text(path.read_text().replace(old, new))
    (project / "tasks" / "verdicts" / "test.jsonl").write_text('{"text": "<a>", "label": "bad"}\n')
    export = export_lm_eval(Asked("verdicts"), catalog)

    assert theirs(export)[0] == ours(catalog, Asked("verdicts"))
    assert any(said in note for note in export.notes)


def test_targets_of_the_row_are_columns(project: Path, catalog: Catalog) -> None:
    """A target that shows a field gives each row its own answers."""
    path = project / "templates" / "verdicts" / "plain.jinja"
    path.write_text(path.read_text().replace("{{ choice }}", "{{ text }} is {{ choice }}"))
    _, choices, _ = theirs(export_lm_eval(Asked("verdicts"), catalog))

    assert choices[1] == ["test row 1 is good", "test row 1 is bad"]


def test_unlabelled_rows_are_counted(project: Path, catalog: Catalog) -> None:
    """Rows without a label cannot be scored there; the export leaves them out and says how many."""
    path = project / "tasks" / "verdicts" / "test.jsonl"
    path.write_text(path.read_text() + '{"text": "new", "label": null}\n')
    export = export_lm_eval(Asked("verdicts"), catalog)

    assert export.n_rows == 4
    assert "1 rows without a right answer are left out" in export.notes


def test_values_that_would_change_are_refused(project: Path, catalog: Catalog) -> None:
    """A column of dates would be read as times there; it is an error that names the column."""
    (project / "tasks" / "verdicts" / "test.jsonl").write_text('{"text": "2020-01-02", "label": "bad"}\n' * 2)
    with pytest.raises(DataError, match="column 'text': the harness would read '2020-01-02' as"):
        export_lm_eval(Asked("verdicts"), catalog)


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("name", ["abstract-summary", "evidence-types", "orders-of-magnitude", "abstract-keyphrases"])
def test_written_answers_are_generated(name: str, shots: int) -> None:
    """Every prompt byte for byte, the right answer behind each shot and as target, our stops and our limit."""
    catalog, asked = Catalog.standard(), Asked(name, "plain", shots=shots)
    asked = replace(asked, template=next(iter(catalog.wordings(catalog.task(name)))))
    export = export_lm_eval(asked, catalog)
    config = yaml.safe_load(export.files[f"{export.name}.yaml"])
    task = catalog.task(name)
    template = catalog.template(asked.template, task)
    assembler = Assembler(task, template)
    rows = [row for row in read_dataset(task).split("test").examples if row.gold is not None]

    assert theirs(export)[0] == ours(catalog, asked)
    assert theirs(export)[2] == [assembler.target(row) for row in rows]
    assert config["generation_kwargs"] == {
        "until": list(dict.fromkeys([*template.front.stop, "\n\n"])),
        "max_gen_toks": template.front.max_tokens,
        "do_sample": False,
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("measurements", "spans in JSON"),
        ("synthesis-recipes", "reads JSON"),
        ("abstract-search", "documents of a query"),
    ],
)
def test_what_the_harness_cannot_judge_is_refused(name: str, why: str) -> None:
    """Spans, records and rankings need metrics that the harness does not have: refused, with the reason."""
    with pytest.raises(SpecError, match=f"cannot be exported to lm-eval: it has no metric.*{why}"):
        export_lm_eval(Asked(name), Catalog.standard())


@pytest.mark.slow
def test_the_harness_reads_written_tasks() -> None:
    """lm-evaluation-harness itself makes the very prompts and targets of exported generation and option tasks."""
    python = os.environ.get("PROMPTSCI_LM_EVAL")
    if not python:
        pytest.skip("needs lm-evaluation-harness 0.4.13: set PROMPTSCI_LM_EVAL to its Python")
    catalog = Catalog.standard()
    for name in ("abstract-summary", "evidence-types", "science-questions"):
        asked = Asked(name, shots=2)
        export = export_lm_eval(asked, catalog)
        with tempfile.TemporaryDirectory() as folder:
            for file, text in export.files.items():
                (Path(folder) / file).write_text(text, encoding="utf-8")
            done = subprocess.run(
                [python, SIDE, export.name, "-"], cwd=folder,
                env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)

        assert list(dict.fromkeys(prompt for prompt, _ in found["asked"])) == list(dict.fromkeys(ours(catalog, asked)))
        assert found["golds"] == theirs(export)[2]


def test_block_sources_know_their_own_block(catalog: Catalog) -> None:
    """The source of a block is what stands in it, without the white space at its ends."""
    template = catalog.template("plain", catalog.task("verdicts"))

    assert block_source(template, "input") == "Text: {{ text }}\nIt is"
    assert block_source(template, "instruction") == "Is it good or bad?"


@pytest.mark.slow
@pytest.mark.parametrize("shots", [0, 8])
def test_the_harness_asks_the_same_and_scores_the_same(shots: int, tmp_path: Path) -> None:
    """citation-intent, 24 rows: every prompt equal, every log-likelihood within 1e-3 nats."""
    python = os.environ.get("PROMPTSCI_LM_EVAL")
    model = os.environ.get("PROMPTSCI_LM_EVAL_MODEL")
    if not python or not model:
        pytest.skip("needs lm-evaluation-harness 0.4.13: set PROMPTSCI_LM_EVAL to its Python, "
                    "and PROMPTSCI_LM_EVAL_MODEL to a model folder")  # fmt: skip
    export = export_lm_eval(Asked("citation-intent", shots=shots, limit=24), Catalog.standard())
    for name, text in export.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [python, SIDE, export.name, model], cwd=tmp_path, env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    settings = Settings("citation-intent", model=model, shots=shots, limit=24, format="plain", dtype="float32")
    prepared = prepare(replace(settings, verify=0), Catalog.standard())
    folder = folder_of(prepared, tmp_path / "runs")
    run(prepared, folder, LMs(load_transformers))
    rows = [json.loads(line) for line in (folder.path / "predictions.jsonl").read_text().splitlines()]
    questions = prepared.questioner.questions(prepared.examples)
    pairs = [(question.query.text, f" {choice}") for question in questions for choice in question.query.choices]

    assert [tuple(pair) for pair in found["asked"]] == pairs
    nats = [sum(choice) for row in rows for choice in row["nats"].values()]
    assert max(abs(a - b) for a, b in zip(nats, found["nats"], strict=True)) < 1e-3
