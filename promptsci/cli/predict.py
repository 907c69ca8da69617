"""``promptsci predict``: label the rows of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns
from promptsci.cli.method_options import method_options

NOUNS = ("task", "template", "model", "adapter", "data", "labelled", "method", "head")
METAVAR = "task=NAME data=FILE [labelled= template= model= adapter= method= head=RUN]"


@click.command("predict", short_help="Label the rows of a file, of any size.")
@nouns_argument(*NOUNS, metavar=METAVAR)
@click.option("--out", required=True, metavar="FILE", help="File to write: .jsonl, .csv, .tsv or .parquet.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help="Label only rows with this value; may be repeated."
)
@click.option("--limit", type=click.IntRange(1), help="Label only the first so many rows.")
@click.option(
    "--error", type=float, default=0.1, show_default=True, help="How often label sets and kept decisions may be wrong."
)
@click.option(
    "--prior",
    type=click.Choice(["rows", "validation"]),
    default="rows",
    show_default=True,
    help="Where the batch rule takes its means: the rows of the file, or labelled ones.",
)
@method_options
@click.option("--overwrite", is_flag=True, help="Replace a file that something else wrote.")
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what an earlier call has answered.")
@common_options
def command(**options: Any) -> None:
    r"""Label the rows of a file with a prompted, adapted or trained model; stop it at any moment and go on.

    Every column stays. Added are the label, its probability as scored and calibrated, the labels that may be right,
    and whether to abstain, all learnt from the labelled rows of --calibrate-on. Rows that cannot be read go to
    OUT.rejects.jsonl with the reason. No label is needed in the file.

    \b
    promptsci predict task=citation-intent --shots 8 data=papers.parquet --out labels.parquet
    promptsci predict task=citation-intent adapter=RUN data=papers.csv --out labels.csv --error 0.05
    promptsci predict task=citation-intent head=RUN data=papers.jsonl --out labels.jsonl --where year=2019
    promptsci predict task=citation-intent method=tfidf data=papers.tsv --out labels.tsv
    """
    nouns = read_nouns(options["nouns"], NOUNS, required=["data", *([] if _names_head(options["nouns"]) else ["task"])])
    summary = _predict(nouns, options)
    if options["as_json"]:
        print_json(summary)
    else:
        from promptsci.report.prediction import show_prediction

        show_prediction(summary)


def _names_head(words: tuple[str, ...]) -> bool:
    return any(word.startswith("head=") for word in words)


def _predict(nouns: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
    from promptsci.cli.method_options import method_of
    from promptsci.cli.progress import row_progress
    from promptsci.data.stream import read_where
    from promptsci.pipeline.predict import PredictSettings, predict, prepare_prediction
    from promptsci.runs import runs_root

    settings = PredictSettings(
        data=nouns["data"],
        where=read_where(options["where"]),
        **{name: options[name] for name in ("out", "limit", "error", "prior", "overwrite")},
    )
    method = method_of(nouns, options)
    prepared = prepare_prediction(settings, method, runs_root(options["runs"]))
    title = f"{method.task.name} {method.about()['method']}"
    with row_progress(f"{title} on {method.known_split}") as known, row_progress(title) as rows:
        return predict(prepared, fresh=options["fresh"], watchers=(known, rows))
