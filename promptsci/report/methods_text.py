"""A Methods paragraph and its references: everything that a reader needs to repeat a comparison, from run.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptsci.report.comparison import Compared
from promptsci.report.terminal import metric_name
from promptsci.runs import RunFolder

Record = Mapping[str, Any]

REFERENCES = {
    "efron1993": """@book{efron1993,
  author = {Efron, Bradley and Tibshirani, Robert J.},
  title = {An Introduction to the Bootstrap},
  publisher = {Chapman and Hall}, year = {1993}}""",
    "noreen1989": """@book{noreen1989,
  author = {Noreen, Eric W.},
  title = {Computer-Intensive Methods for Testing Hypotheses},
  publisher = {Wiley}, year = {1989}}""",
    "holm1979": """@article{holm1979,
  author = {Holm, Sture},
  title = {A Simple Sequentially Rejective Multiple Test Procedure},
  journal = {Scandinavian Journal of Statistics}, volume = {6}, pages = {65--70}, year = {1979}}""",
    "mcnemar1947": """@article{mcnemar1947,
  author = {McNemar, Quinn},
  title = {Note on the Sampling Error of the Difference Between Correlated Proportions or Percentages},
  journal = {Psychometrika}, volume = {12}, pages = {153--157}, year = {1947}}""",
    "guo2017": """@inproceedings{guo2017,
  author = {Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
  title = {On Calibration of Modern Neural Networks},
  booktitle = {ICML}, year = {2017}}""",
    "brier1950": """@article{brier1950,
  author = {Brier, Glenn W.},
  title = {Verification of Forecasts Expressed in Terms of Probability},
  journal = {Monthly Weather Review}, volume = {78}, pages = {1--3}, year = {1950}}""",
    "holtzman2021": """@inproceedings{holtzman2021,
  author = {Holtzman, Ari and West, Peter and Shwartz, Vered and Choi, Yejin and Zettlemoyer, Luke},
  title = {Surface Form Competition: Why the Highest Probability Answer Isn't Always Right},
  booktitle = {EMNLP}, year = {2021}}""",
    "zhao2021": """@inproceedings{zhao2021,
  author = {Zhao, Tony Z. and Wallace, Eric and Feng, Shi and Klein, Dan and Singh, Sameer},
  title = {Calibrate Before Use: Improving Few-Shot Performance of Language Models},
  booktitle = {ICML}, year = {2021}}""",
    "zhou2024": """@inproceedings{zhou2024,
  author = {Zhou, Han and Wan, Xingchen and Proleev, Lev and others},
  title = {Batch Calibration: Rethinking Calibration for In-Context Learning and Prompt Engineering},
  booktitle = {ICLR}, year = {2024}}""",
}
"""BibTeX of the methods a comparison may use."""

RULE_REFERENCES = {"pmi": "holtzman2021", "contextual": "zhao2021", "batch": "zhou2024"}


def methods_text(compared: Compared) -> str:
    """A Methods paragraph, a line for each run with its shots, and BibTeX, as Markdown; read from the Run folders.

    Raises:
        RunError: a Run folder is not there any more.
    """
    folders = [
        (method["name"], RunFolder(Path(run["run_dir"]))) for method in compared["methods"] for run in method["runs"]
    ]
    records = [folder.read_run() for _, folder in folders]
    sentences = [
        _data(compared, records),
        _models(records),
        _templates(records),
        _scores(compared),
        _tests(compared),
        _software(records),
    ]
    listed = "\n".join(_run_line(name, record, folder) for (name, folder), record in zip(folders, records, strict=True))
    bibtex = "\n".join(REFERENCES[key] for key in _references(compared))
    return f"{' '.join(filter(None, sentences))}\n\nRuns:\n\n{listed}\n\n```bibtex\n{bibtex}\n```\n"


def _data(compared: Compared, records: Sequence[Record]) -> str:
    data = {_source(record) for record in records}
    seen = f" {compared['seen']} of the shared rows also stand in the training split." if compared["seen"] else ""
    rows = "" if compared["rows"] == "all" else f"{compared['rows']} "
    return (
        f"We scored {compared['n']:,} {rows}rows of the split {compared['split']} of the task {compared['task']}, "
        f"data {'; '.join(sorted(data))}.{seen}"
    )


def _source(record: Record) -> str:
    data = record["data"]
    origin = Path(data["origin"]).name if Path(data["origin"]).is_absolute() else data["origin"]
    revision = f", revision {data['revision']}" if data["revision"] else ""
    return f"{data['source']} ({origin}{revision}, SHA-256 {record['identity']['data'][record['split']][:12]})"


def _models(records: Sequence[Record]) -> str:
    models = {
        f"{record['model']} ({record.get('model_origin') or 'no language model'}"
        + (f", SHA-256 {sha[:12]}" if (sha := _model_sha(record)) else "")
        + (f", {dtype}" if (dtype := (record.get("model_description") or {}).get("dtype")) else "")
        + ")"
        for record in records
    }
    return f"Models: {'; '.join(sorted(models))}."


def _model_sha(record: Record) -> str:
    return str((record["identity"].get("model") or {}).get("sha256") or "")


def _templates(records: Sequence[Record]) -> str:
    templates = {
        f"{record['template']} (SHA-256 {record['identity']['template']['sha256'][:12]}, {record['format']})"
        for record in records
        if record["identity"].get("template")
    }
    return f"Prompts: {'; '.join(sorted(templates))}." if templates else ""


def _scores(compared: Compared) -> str:
    card = compared["metrics"][0]
    rules = sorted({run["rule"] for method in compared["methods"] for run in method["runs"]})
    cited = [f"{rule} [@{RULE_REFERENCES[rule]}]" if rule in RULE_REFERENCES else rule for rule in rules]
    return (
        f"Labels were decided from log-likelihoods by the rule {', '.join(cited)}. The main metric is "
        f"{metric_name(card['name'])}: {card['averaging']}."
    )


def _tests(compared: Compared) -> str:
    settings = compared["settings"]
    exact = "; accuracy also by McNemar's exact test [@mcnemar1947]" if _has_exact(compared) else ""
    several = "".join(
        " Methods of several runs count by their mean over runs; runs were paired "
        f"({pairing}), a row was exchanged in all pairs at once, and intervals cover rows and runs."
        for pairing in sorted({found["pairing"] for found in compared["differences"]} - {"one run each"})[:1]
    )
    return (
        f"Intervals are 95 % percentile bootstrap over rows [@efron1993] ({settings['resamples']:,} resamples, seed "
        f"{settings['seed']}). Differences were tested by a paired randomisation test of the metric itself "
        f"[@noreen1989] ({settings['exchanges']:,} exchanges){exact}, and p corrected by Holm's method "
        f"[@holm1979] over all reported differences.{several} Calibration is the ECE of 15 bins "
        "[@guo2017] and the Brier score [@brier1950]."
    )


def _has_exact(compared: Compared) -> bool:
    return any(found["mcnemar"] for found in compared["differences"])


def _software(records: Sequence[Record]) -> str:
    versions = [record.get("versions") or {} for record in records]
    names = dict.fromkeys(name for found in versions for name in found)
    listed = [
        f"{name} {'/'.join(sorted({str(found[name]) for found in versions if found.get(name)}))}"
        for name in names
        if any(found.get(name) for found in versions)
    ]
    return f"Software: {', '.join(listed)}." if listed else ""


def _references(compared: Compared) -> list[str]:
    rules = {run["rule"] for method in compared["methods"] for run in method["runs"]}
    keys = ["efron1993", "noreen1989", "holm1979", "guo2017", "brier1950"]
    keys += ["mcnemar1947"] if _has_exact(compared) else []
    return keys + [RULE_REFERENCES[rule] for rule in RULE_REFERENCES if rule in rules]


def _run_line(name: str, record: Record, folder: RunFolder) -> str:
    shots = ""
    if record["shots"]:
        shots = f", {record['shots']} shots {record['choose']} from {record['pool']}"
        if record["choose"] != "similar":
            shots += f": {', '.join(next(folder.rows())['shots'])}"
    made_of = [str(record[part]) for part in ("template", "model") if record[part]]
    made_of.append(f"seed {record['seed']}")
    return f"- {name}: {', '.join(made_of)}{shots}"
