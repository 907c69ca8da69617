"""The page as a reader gets it: whole, closed to the network, true to the comparison, safe with any text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptsci.compare import Published
from promptsci.report.page import page, write_page
from promptsci.report.page.payload import script_json

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "NUL \x00 and bell \x07",
    "\u202eright to left\u202c עברית",
    "emoji 👩‍🔬 beyond the basic plane",
    "long " + "x" * 1_000_000,
    "line\u2028separator & <b>bold</b> {{ 7 * 7 }} {% raw %}",
)


def tree(html: str) -> Element:
    """The page as a strict HTML5 parser reads it; any fault of form is an error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)


def rows_of(html: str) -> dict[str, Any]:
    """What the page's script is given."""
    (found,) = (node for node in tree(html).iter("script") if node.get("id") == "payload")
    return json.loads(found.text)


def words(node: Element) -> str:
    """All text of an element, white space folded."""
    return " ".join("".join(node.itertext()).split())


def test_the_page_is_well_formed_and_reaches_nothing(study: Any, comparison: Any) -> None:
    """Strict HTML5; nothing is loaded, linked or sent: every address is a place on the page itself."""
    html = page(comparison, study.candidates)
    parsed = tree(html)
    addresses = [
        value
        for node in parsed.iter()
        for name, value in node.attrib.items()
        if name in ("href", "src", "srcset", "action", "data", "poster") or (name == "style" and "url" in value)
    ]
    tags = {node.tag for node in parsed.iter() if isinstance(node.tag, str)}

    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & tags
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_allows_the_own_script_and_style_only(study: Any, comparison: Any) -> None:
    """The Content-Security-Policy forbids everything but the very bytes of the page's own style and script."""
    import base64
    import hashlib

    parsed = tree(page(comparison, study.candidates))
    (policy,) = (node.get("content") for node in parsed.iter("meta") if node.get("http-equiv"))
    (style,) = (node.text for node in parsed.iter("style"))
    (script,) = (node.text for node in parsed.iter("script") if not node.get("type"))

    assert policy.startswith("default-src 'none';")
    for name, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert not any("style" in node.attrib or "onclick" in node.attrib for node in parsed.iter())


def test_anchors_and_labels_lead_somewhere(study: Any, comparison: Any) -> None:
    """Every link of the contents and every aria-labelledby names an element; ids are unique."""
    parsed = tree(page(comparison, study.candidates))
    ids = [node.get("id") for node in parsed.iter() if node.get("id")]
    wanted = [node.get("href")[1:] for node in parsed.iter("a")]
    wanted += [node.get("aria-labelledby") for node in parsed.iter() if node.get("aria-labelledby")]

    assert len(ids) == len(set(ids))
    assert set(wanted) <= set(ids)


def test_the_numbers_are_those_of_the_comparison(study: Any, comparison: Any) -> None:
    """Each method's row of the table holds its score, interval, difference and p as ``to_json`` has them."""
    stored = comparison.to_json()
    parsed = tree(page(comparison, study.candidates))
    (table,) = (node for node in parsed.iter("table") if node.get("id") == "methods-table")
    printed = [words(row) for row in table.iter("tr")][1:]

    assert len(printed) == len(stored["methods"])
    for method, row in zip(stored["methods"], printed, strict=True):
        assert row.startswith(f"{method['rank']} {method['name']} ")
        for part in ("value", "low", "high"):
            assert f"{100 * method['metrics'][stored['main']][part]:.1f}" in row
        for found in stored["differences"]:
            if found["a"] == method["name"]:
                assert f"{100 * found['value']['value']:+.1f}".replace("-", "−") in row
    assert ("tied with the best" in " ".join(printed)) == (len(stored["tied"]) > 1)


def test_the_matrices_count_what_the_metrics_say(study: Any, comparison: Any) -> None:
    """From a method's confusion matrix follow its accuracy, and from that of pooled runs their mean accuracy."""
    parsed = tree(page(comparison, study.candidates))
    tables = [node for node in parsed.iter("table") if node.get("class") == "confusion"]

    assert len(tables) == len(comparison.methods) == 3
    for method, table in zip(comparison.methods, tables, strict=True):
        cells = [node for node in table.iter("td") if node.get("data-gold")]
        counts = {(c.get("data-gold"), c.get("data-answer")): 0 if c.text == "·" else int(c.text) for c in cells}
        hits = sum(count for (gold, answer), count in counts.items() if gold == answer)
        assert sum(counts.values()) == comparison.n * len(method.runs)
        assert hits / sum(counts.values()) == pytest.approx(method.metrics["accuracy"].value)


def test_rows_are_those_on_disk(study: Any, comparison: Any) -> None:
    """The explorer's answers and probabilities, from per mille back, are those of predictions.jsonl."""
    stored = rows_of(page(comparison, study.candidates))
    by_folder = {str(run.folder.path): list(run.folder.rows()) for run in study.candidates}

    assert stored["ids"] == [f"test-{row}" for row in range(study.n)]
    assert stored["seen"] == [row for row in range(study.n) if study.seen[row]]
    for method, shown in zip(comparison.methods, stored["methods"], strict=True):
        for entry, run in zip(method.runs, shown["runs"], strict=True):
            labels = [stored["words"][place] for place in run["answer"]]
            assert labels == [row["label"] for row in by_folder[entry.run_dir]]
            assert all(0 < sure <= 1000 for sure in run["sure"])
            same = [a == g for a, g in zip(run["answer"], stored["gold"], strict=True)]
            assert all(sure == gold for sure, gold, is_ in zip(run["sure"], run["goldSure"], same, strict=True) if is_)


def test_hostile_texts_stay_texts(make_study: Callable[..., Any]) -> None:
    """Markup, NUL, direction marks, emoji and a megabyte come through as text, cut only where it is said."""
    study = make_study(texts=HOSTILE, labels=("<b>yes</b>", 'no"&', "\u202emaybe"))
    study.run("zero-shot", 0.3)
    study.run("hostile", 1.0, method="<img src=x onerror=alert(2)>")
    html = page(study.compare(), study.candidates)
    stored = rows_of(html)
    (texts,) = stored["texts"]

    assert [text for text in texts[: len(HOSTILE)] if not text.startswith("long")] == [
        text for text in HOSTILE if not text.startswith("long")
    ]
    assert texts[5].startswith("long xxx")
    assert texts[5].endswith("x […980,005 more characters]")
    assert "1 text is longer than 20,000 characters" in html
    assert stored["words"] == ["<b>yes</b>", 'no"&', "\u202emaybe"]
    assert "<img" not in html
    assert "\x00" not in html
    assert [node.tag for node in tree(html).iter("b")] == []


@settings(max_examples=25)
@given(st.text(st.sampled_from("<>&!-/\\\"'script\x00\ud800\udc00\u2028")))
@example("</script><!--\ud800\udc00\x00\u2028")
def test_any_text_survives_the_script_element(text: str) -> None:
    """What goes in comes out of JSON in a script element: no text can end the element, open a comment or be cut."""
    written = script_json({"text": text})
    document = html5lib.parse(f"<script>{written}</script>", namespaceHTMLElements=False)

    assert "<" not in written
    assert json.loads(next(document.iter("script")).text) == json.loads(json.dumps({"text": text}))


def test_without_text_no_text(study: Any, comparison: Any) -> None:
    """With texts=False no word of the data is on the page, and the page says that this was asked for."""
    html = page(comparison, study.candidates, texts=False)

    assert "we follow the method" not in html
    assert rows_of(html)["texts"] == []
    assert "--no-text" in html


@pytest.mark.parametrize("loss", ["gone", "changed", "task"])
def test_texts_that_cannot_be_had_are_named(own_study: Any, loss: str) -> None:
    """Data that are gone, or not those that were scored, give a page with ids and the reason."""
    comparison = own_study.compare()
    if loss == "gone":
        own_study.data.unlink()
    elif loss == "changed":
        own_study.data.write_text(own_study.data.read_text().replace("follow", "extend"))
    else:
        (own_study.data.parent / "task.yaml").unlink()
    html = page(comparison, own_study.candidates)
    reason = {"gone": "could not be read", "changed": "has changed since it was scored", "task": "could not be read"}

    assert reason[loss] in words(tree(html))
    assert rows_of(html)["fields"] == []
    assert rows_of(html)["ids"][0] == "test-0"


def test_what_has_no_model_or_wording_shows_none(make_study: Callable[..., Any]) -> None:
    """A bag of words has neither model nor template: nothing stands there, and its runs go by their seeds."""
    study = make_study()
    for seed in range(2):
        study.run("tfidf", 1.0, seed, model=None, template=None, training={"seconds": 1.0})
    html = page(study.compare(), study.candidates)

    assert "None" not in html
    assert [run["name"] for run in rows_of(html)["methods"][0]["runs"]] == ["seed 0", "seed 1"]


def test_rows_that_do_not_decide_are_not_shown(study: Any) -> None:
    """With ``rows=unseen`` the page holds the unseen rows only."""
    from promptsci.compare import Question

    comparison = study.compare(Question(rows="unseen", resamples=200, exchanges=199))
    stored = rows_of(page(comparison, study.candidates))

    assert stored["ids"] == [f"test-{row}" for row in range(study.n) if not study.seen[row]]
    assert stored["seen"] == []


def test_one_method_makes_a_page(make_study: Callable[..., Any]) -> None:
    """A single Run gives a page without differences, and no sentence about them."""
    study = make_study()
    study.run("zero-shot", 1.0)
    parsed = tree(page(study.compare(), study.candidates))
    summary = next(words(node) for node in parsed.iter("ul") if node.get("class") == "sentences")

    assert "zero-shot scores highest" in summary
    assert "worse" not in summary


def test_published_figures_are_marked(study: Any, comparison: Any) -> None:
    """A paper's figure stands in the table, not tested; one of another metric stands apart."""
    rows = (
        Published("SciBERT", "macro_f1", 0.71, "Beltagy et al. 2019", None, comparable=True),
        Published("Other <i>", "f9", 0.5, "Someone 2020", None, comparable=False),
    )
    parsed = tree(page(replace(comparison, published=rows), study.candidates))
    (table,) = (node for node in parsed.iter("table") if node.get("id") == "methods-table")

    assert "SciBERT (published)" in words(table)
    assert "71.0not tested" in words(table)
    assert "Published, not comparable: Other <i>" in words(parsed)


def test_the_page_is_written_whole(study: Any, comparison: Any, tmp_path: Path) -> None:
    """The file is UTF-8, as large as is said, and replaces an older one."""
    path = tmp_path / "report.html"
    path.write_text("old")
    size = write_page(path, comparison, study.candidates)

    assert path.stat().st_size == size
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_script_writes_text_only() -> None:
    """The script never makes markup of strings: no innerHTML, no document.write, no eval."""
    from importlib.resources import files

    script = files("promptsci.report.page").joinpath("page.js").read_text(encoding="utf-8")

    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\(", script
    )
