"""``promptsci serve``: answer rows over HTTP."""

from __future__ import annotations

import os
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns
from promptsci.cli.method_options import method_of, method_options

NOUNS = ("task", "template", "model", "adapter", "labelled", "method", "head")
METAVAR = "task=NAME [labelled= template= model= adapter= method= head=RUN]"


@click.command("serve", short_help="Answer rows over HTTP, with one loaded model.")
@nouns_argument(*NOUNS, metavar=METAVAR)
@click.option("--host", default="127.0.0.1", show_default=True, help="Others than this machine need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8040, show_default=True, help="0 takes a free one.")
@click.option("--token-file", type=click.File("r"), help="A file with the token. [default: $PROMPTSCI_TOKEN]")
@click.option(
    "--error", type=float, default=0.1, show_default=True, help="How often label sets and kept decisions may be wrong."
)
@click.option("--max-body", type=click.IntRange(1), default=1_048_576, show_default=True, help="Bytes in a request.")
@click.option("--max-rows", type=click.IntRange(1), default=256, show_default=True, help="Rows in a request.")
@click.option(
    "--max-explained", type=click.IntRange(1), default=8, show_default=True, help="Rows in a request for explanations."
)
@click.option("--max-waiting", type=click.IntRange(1), default=1_024, show_default=True, help="Rows that may wait.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Rows answered together.")
@method_options
@catalog_option
@common_options
def command(**options: Any) -> None:
    r"""Answer rows over HTTP: /predict, /explain, /health, /metrics, and a page about it at /docs.

    The prompt's beginning stays read between requests, and rows of many clients are answered together. SIGTERM and
    Ctrl-C end it when everything that was asked is answered. With --json the address is printed as JSON.

    \b
    promptsci serve task=citation-intent --shots 8
    curl localhost:8040/predict -H 'Content-Type: application/json' -d '{"rows": [{"text": "We follow [3]."}]}'
    """
    from promptsci.cli.progress import row_progress
    from promptsci.runs import runs_root
    from promptsci.score.conformal import check_error
    from promptsci.serve import Address, Limits, prepare_engine, serve
    from promptsci.serve.server import check_installed

    check_installed()
    check_error(options["error"])
    needs = [] if any(word.startswith("head=") for word in options["nouns"]) else ["task"]
    nouns = read_nouns(options["nouns"], NOUNS, required=needs)
    file = options["token_file"]
    token = file.read().strip() if file else os.environ.get("PROMPTSCI_TOKEN") or None
    address = Address(options["host"], options["port"], token)
    limits = Limits(
        body_bytes=options["max_body"],
        rows=options["max_rows"],
        explained_rows=options["max_explained"],
        waiting_rows=options["max_waiting"],
        batch_rows=options["batch"],
    )
    method = method_of(nouns, options)
    with row_progress(f"{method.task.name} on {method.known_split}") as watcher:
        engine = prepare_engine(method, runs_root(options["runs"]), options["error"], watcher)

    def ready(url: str) -> None:
        if options["as_json"]:
            print_json({"url": url, **engine.about()})
        else:
            kept = f", {engine.warm_tokens} tokens of the prompt kept warm" if engine.warm_tokens else ""
            click.echo(f"{method.task.name} {method.about()['method']} answers on {url}/predict{kept}", err=True)
            click.echo(f"A page about it: {url}/docs. Ctrl-C ends it.", err=True)

    serve(engine, address, limits, ready)
