"""Every public home that a shipped task names, read through the task in the columns recorded for it.

The rows are made up; not a row of any data set is here. What is verified of a home and what is from memory, each task
says itself.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from promptsci.data import read_dataset
from promptsci.data.example import Dataset
from promptsci.spec import Catalog, Source, Task
from promptsci.spec.catalog import shipped_root
from promptsci.spec.task import UNVERIFIED

CATALOG = Catalog((shipped_root(),))
TASKS = [CATALOG.task(name) for name in CATALOG.task_names()]
HOMES = [
    (task, name) for task in TASKS for name, source in task.data.items() if source.origin not in ("files", "yours")
]
USUAL = {"train", "validation", "test"}


class Hub(NamedTuple):
    """A Hub data set: rows of every split, and the names behind the numbers of its label column."""

    rows: list[dict[str, Any]]
    classes: tuple[str, ...] = ()


def lines(*rows: Mapping[str, Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def labelled(*labels: str) -> str:
    """A file of text_classification in SciBERT's repository."""
    return lines(*({"text": f"Made-up text {i}.", "label": each, "metadata": []} for i, each in enumerate(labels)))


def tagged(*types: str) -> str:
    """A CoNLL file as in SciBERT's repository: the token in column 1, a tag of IOB1 in column 4."""
    sentences = [f"Some NN I-NP O\nmade-up NN I-NP I-{each}\nname NN I-NP I-{each}\n. . O O\n" for each in types]
    return "-DOCSTART- -X- -X- O\n\n" + "\n".join(sentences)


def molecules(column: str, *values: str) -> str:
    """A CSV file with SMILES, forty chains of carbon so that each split gets some."""
    rows = (f"{i},m{i},{values[i % len(values)]},{'C' * (i + 1)}\n" for i in range(40))
    return f"num,name,{column},smiles\n" + "".join(rows)


ARC = Hub(
    [
        {"id": "a", "question": "Which?", "choices": {"text": ["this", "that"], "label": ["A", "B"]}, "answerKey": "B"},
        {"id": "b", "question": "What?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "1"},
    ]
)
STANCE = Hub([{"text": f"tweet {i}", "label": i} for i in range(3)], ("none", "against", "favor"))
PUBMEDQA = Hub(
    [
        {
            "pubmed": i,
            "pubid": i,
            "question": f"Does {i}?",
            "context": {"contexts": [f"Aim {i}.", "Found."], "labels": ["A", "B"]},
            "final_decision": ("yes", "no", "maybe")[i % 3],
        }
        for i in range(60)
    ]
)
SCIFACT = Hub(
    [
        {
            "claim_id": i,
            "claim": f"C{i}.",
            "abstract_id": i,
            "title": "T",
            "abstract": ["One.", "Two."],
            "verdict": each,
        }
        for i, each in enumerate(("SUPPORT", "CONTRADICT", "NEI"))
    ]
)
ABSTRACTS = lines(
    {"abstract_id": 1, "sentences": ["We know.", "We do."], "labels": ["background", "method"], "confs": [1, 0.5]},
    {"abstract_id": 1, "sentences": ["See site."], "labels": ["other"], "confs": [1]},
)
SUMMARIES = lines(
    {"source": ["One.", "Two."], "source_labels": [0, 1], "rouge_scores": [0.1, 0.2], "paper_id": "p", "title": "T",
     "target": ["Short.", "Also short."]},
)  # fmt: skip
PAPERS = lines(
    {"id": "p", "title": "T", "summary": {"challenge": "Hard.", "approach": "So.", "outcome": "Good."},
     "sentences": {"abstract": ["A."], "introduction": ["I."], "conclusion": ["C."]},
     "highlights": {}, "heuristic_highlights": {}},
)  # fmt: skip

RECORDED: dict[tuple[str, str], str | Hub] = {
    ("acl-arc", "scibert"): labelled("Background", "Motivation", "Uses", "Extends", "CompareOrContrast", "Future"),
    ("scicite", "scibert"): labelled("background", "method", "result"),
    ("scierc-relations", "scibert"): labelled("USED-FOR", "CONJUNCTION", "HYPONYM-OF"),
    ("chemprot", "scibert"): labelled("INHIBITOR", "PRODUCT-OF"),
    ("mag-fields", "scibert"): labelled("business", "Medicine"),
    ("pubmed-rct", "scibert"): labelled("BACKGROUND", "METHODS", "RESULTS"),
    ("ncbi-disease", "scibert"): tagged("Disease"),
    ("scierc-ner", "scibert"): tagged("Task", "Method", "Generic"),
    ("jnlpba", "scibert"): tagged("protein", "DNA", "cell_line"),
    ("ebm-pico", "scibert"): tagged("PAR", "INT", "OUT"),
    ("bc5cdr", "mtl"): "Made\tO\nup\tB-Chemical\nname\tI-Chemical\n\nGout\tB-Disease\n",
    ("csabstruct", "allenai"): ABSTRACTS,
    ("scitldr", "allenai"): SUMMARIES,
    ("aclsum", "package"): PAPERS,
    ("bbbp", "attentivefp"): molecules("p_np", "1", "0"),
    ("lipophilicity", "attentivefp"): molecules("exp", "3.54", "-1.18"),
    ("esol", "attentivefp"): molecules("measured log solubility in mols per litre", "-0.77", "-3.3"),
    ("arc-easy", "hub"): ARC,
    ("arc-challenge", "hub"): ARC,
    ("pubmedqa", "hub"): PUBMEDQA,
    ("scifact", "hub"): SCIFACT,
    ("tweeteval-sentiment", "hub"): Hub(STANCE.rows, ("negative", "neutral", "positive")),
    **{("tweeteval-stance", target): STANCE for target in ("climate", "abortion", "atheism", "feminist", "hillary")},
}
"""(task, source) -> a file of any split, or the rows of the Hub data set."""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which a web server shows it."""
    folder = tmp_path_factory.mktemp("web")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def moved(task: Task, name: str, text: str, served: tuple[Path, str]) -> Source:
    """The task's source, its files with this text at a server of ours instead of the pinned ones."""
    folder, address = served
    urls: dict[str, Any] = {}
    for split, file in (task.data[name].urls or {}).items():
        place = f"{task.name}/{split}/{file.url.rpartition('/')[2]}"
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
        urls[split] = {"url": f"{address}/{place}"}
    return task.data[name].model_copy(update={"urls": Source.model_validate({"urls": urls}).urls})


def stand_in(monkeypatch: pytest.MonkeyPatch, recorded: Hub, source: Source) -> None:
    """Stands the recorded rows in place of the Hub data set that the source names."""
    import datasets

    table = datasets.Dataset.from_list(recorded.rows)
    if recorded.classes:
        table = table.cast_column("label", datasets.ClassLabel(names=list(recorded.classes)))
    names = set(source.splits.values()) or USUAL

    def load_dataset(path: str, *, name: str | None, revision: str | None) -> Any:
        assert (path, name, revision) == (source.path, source.config, None), "an unverified revision is none"
        return datasets.DatasetDict(dict.fromkeys(names, table))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)


def read(task: Task, name: str, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The rows recorded for a source, read as the task reads it."""
    recorded, source = RECORDED[task.name, name], task.data[name]
    if isinstance(recorded, Hub):
        stand_in(monkeypatch, recorded, source)
    elif source.package is not None:
        path = tmp_path / "rows.jsonl"
        path.write_text(recorded, encoding="utf-8")
        monkeypatch.setattr("promptsci.data.package.unpacked", lambda given: dict.fromkeys(given.files, path))
    else:
        task = task.model_copy(update={"data": {**task.data, name: moved(task, name, recorded, served)}})
    return read_dataset(task, name)


@pytest.mark.parametrize(("task", "name"), HOMES, ids=[f"{task.name}-{name}" for task, name in HOMES])
def test_a_public_home_reads_as_its_task(
    task: Task, name: str, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each recorded row has all fields of the task, and a right answer; each usual split is there."""
    dataset = read(task, name, served, tmp_path, monkeypatch)

    splits = set(task.data[name].split_names) or USUAL
    assert set(dataset.splits) == splits
    for split in dataset.splits.values():
        assert split.examples
        assert all(set(task.variables) <= set(example.fields) for example in split.examples)
        assert all(example.gold is not None for example in split.examples)


def test_what_is_read(served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row of each shape, as the task sees it."""

    def first(name: str, source: str) -> tuple[dict[str, Any], Any]:
        with monkeypatch.context() as patch:
            example = read(CATALOG.task(name), source, served, tmp_path, patch).split("test").examples[0]
        return dict(example.fields), example.gold

    assert first("csabstruct", "allenai") == ({"text": "We know."}, "background")
    assert first("arc-easy", "hub") == ({"question": "Which?", "choices": ["this", "that"]}, "B")
    assert first("tweeteval-stance", "atheism") == ({"target": "atheism", "text": "tweet 0"}, "none")
    assert first("ncbi-disease", "scibert") == ({"text": "Some made-up name ."}, ((5, 17, "Disease"),))
    assert first("scitldr", "allenai")[1] == ("Short.", "Also short.")
    assert first("aclsum", "package") == ({"title": "T", "abstract": ["A."], "conclusion": ["C."]}, ("Good.",))
    assert first("pubmedqa", "hub")[0]["context"][1] == "Found."
    assert first("bbbp", "attentivefp")[1] in ("passes", "blocked")


def test_every_home_is_recorded() -> None:
    """A source that is fetched has a recorded schema, and no schema is left over."""
    assert {(task.name, name) for task, name in HOMES} == set(RECORDED)


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_nothing_is_invented(task: Task) -> None:
    """A fetched file stands at a commit, with size and hash or a word on why not; Hub data say they are unverified."""
    for source in task.data.values():
        for file in (source.urls or {}).values():
            assert source.revision is not None
            assert f"/{source.revision}/" in file.url
            unchecked = file.sha256 is None or file.bytes is None
            assert not unchecked or "could not be" in (source.about or "") or "none could be" in (source.about or "")
        assert source.path is None or source.revision == UNVERIFIED
    assert task.licence
    assert task.domain
    assert len(CATALOG.wordings(task)) >= 3
    assert task.paper or "bundled" in task.data
