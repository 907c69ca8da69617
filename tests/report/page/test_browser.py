"""The page in a real browser, driven by clicks and keys."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.report.page import write_page

pytestmark = pytest.mark.browser
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HOSTILE = "</script><img src=x onerror=alert(1)> \u202eleft\u202c 👩‍🔬 <b>bold</b>"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium: the one that PROMPTSCI_BROWSER names, or the one on this machine."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install promptsci[browser]")
    found = os.environ.get("PROMPTSCI_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("needs Chromium: install it, or set PROMPTSCI_BROWSER to its path")
    with api.sync_playwright() as playwright:
        # Without its sandbox, because inside a container Chromium has none; it sees our own page only.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function (study) that opens the study's page; at the end nothing may have gone wrong on it."""
    faults: list[str] = []
    contexts = []

    def go(study: Any, *, texts: bool = True, **settings: Any) -> Any:
        path = tmp_path / "report.html"
        write_page(path, study.compare(), study.candidates, texts=texts)
        contexts.append(browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings}))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        tab.on("request", lambda request: None if request.url == path.as_uri() else faults.append(request.url))
        tab.goto(path.as_uri())
        return tab

    yield go
    for context in contexts:
        context.close()
    assert faults == []


def shown(tab: Any) -> int:
    """How many rows the explorer says it shows."""
    return int(tab.inner_text("#count").split(" of ")[0].replace(",", ""))


def chosen(tab: Any) -> str:
    """The id of the row that is shown whole."""
    return str(tab.inner_text("#row h3"))


def answers(study: Any) -> dict[str, np.ndarray]:
    """Method -> the labels of each run [R, N], from predictions.jsonl."""
    found: dict[str, list[list[str]]] = {}
    for run in study.candidates:
        found.setdefault(run.record["method"], []).append([row["label"] for row in run.folder.rows()])
    return {name: np.array(rows) for name, rows in found.items()}


def test_filters_select_what_they_say(visit: Callable[..., Any], study: Any) -> None:
    """Rows where two methods differ, where one is better and where none is right are those counted on disk."""
    tab, said = visit(study), answers(study)
    gold = np.array([study.labels[place] for place in study.gold])
    right = {name: (rows == gold).mean(0) for name, rows in said.items()}
    tab.select_option("#first", label="lora")
    tab.select_option("#second", label="zero-shot")
    counted = {}
    for name in ("all", "differ", "first", "second", "both", "none", "every"):
        tab.select_option("#show", name)
        counted[name] = shown(tab)

    assert counted == {
        "all": study.n,
        "differ": (said["lora"][0] != said["zero-shot"][0]).sum(),
        "first": (right["lora"] > right["zero-shot"]).sum(),
        "second": (right["lora"] < right["zero-shot"]).sum(),
        "both": ((right["lora"] == 0) & (right["zero-shot"] == 0)).sum(),
        "none": np.all([share == 0 for share in right.values()], axis=0).sum(),
        "every": np.all([share == 1 for share in right.values()], axis=0).sum(),
    }


def test_seen_and_gold_filters_join(visit: Callable[..., Any], study: Any) -> None:
    """Filters narrow each other: unseen rows of one label."""
    tab = visit(study)
    tab.select_option("#seen", "unseen")
    tab.select_option("#gold", label="Uses")

    assert shown(tab) == (~study.seen & (study.gold == study.labels.index("Uses"))).sum()


def test_a_cell_of_the_matrix_shows_its_rows(visit: Callable[..., Any], study: Any) -> None:
    """Choosing a number of a confusion matrix, by key, lists so many rows, takes the focus there, and can be undone."""
    tab = visit(study)
    button = tab.locator("table.confusion >> nth=0").locator("td.miss button").first
    number = int(button.inner_text())
    button.focus()
    tab.keyboard.press("Enter")

    assert shown(tab) == number > 0
    assert button.get_attribute("aria-pressed") == "true"
    assert tab.evaluate("document.activeElement.id") == "list"
    tab.click("#clear")
    assert shown(tab) == study.n


def test_keys_walk_through_the_rows(visit: Callable[..., Any], study: Any) -> None:
    """Arrows, Page, Home and End choose rows, and the one chosen is in view and named to a screen reader."""
    tab = visit(study)
    tab.focus("#list")
    found = []
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "End", "ArrowDown", "Home", "PageDown"):
        tab.keyboard.press(key)
        found.append(chosen(tab))
        active = tab.get_attribute("#list", "aria-activedescendant")
        assert tab.get_attribute(f"#{active}", "aria-selected") == "true"
        assert tab.locator(f"#{active}").is_visible()

    last = f"test-{study.n - 1}"
    assert found[:6] == ["test-1", "test-2", "test-1", last, last, "test-0"]
    assert found[6] not in ("test-0", last)


def test_search_finds_and_marks(visit: Callable[..., Any], study: Any) -> None:
    """Search looks into texts whatever their case; the place found is marked; nothing found is said."""
    tab = visit(study)
    tab.fill("#query", "IN ROW 17 WE")

    assert shown(tab) == 1
    assert chosen(tab) == "test-17"
    assert tab.inner_text("#row mark") == "In row 17 we"
    tab.fill("#query", "no such words")
    assert shown(tab) == 0
    assert "No row fits" in tab.inner_text("#row")


def test_hostile_text_is_read_not_run(visit: Callable[..., Any], make_study: Callable[..., Any]) -> None:
    """Markup in a text or a label is shown letter for letter: no element, no script, no request comes of it."""
    study = make_study(texts=[HOSTILE], labels=("<img src=y>", "no"))
    study.run("zero-shot", 0.5)
    study.run("lora", 2.0)
    tab = visit(study)

    assert tab.text_content("#row .text") == HOSTILE
    assert tab.locator("img, #row b, .text script").count() == 0
    assert "<img src=y>" in tab.inner_text("table.confusion >> nth=0")


def test_ten_thousand_rows_are_quick(visit: Callable[..., Any], make_study: Callable[..., Any]) -> None:
    """Of 10,000 rows a few dozen are drawn; each filter and each search answers in well under a second."""
    study = make_study(n=10_000)
    for method, skill in (("zero-shot", 0.5), ("8-shot", 1.0), ("lora", 2.0)):
        study.run(method, skill)
    tab = visit(study)
    took = tab.evaluate(
        """() => ["differ", "none", "all"].map((name) => {
            const start = performance.now();
            document.getElementById("show").value = name;
            document.getElementById("query").value = name === "all" ? "row 99" : "";
            document.getElementById("show").dispatchEvent(new Event("change"));
            return performance.now() - start;
        })"""
    )

    assert shown(tab) == 111  # row 99, 990 to 999 and 9900 to 9999
    assert max(took) < 1000
    assert tab.locator(".item").count() < 60
    tab.focus("#list")
    tab.keyboard.press("End")
    assert chosen(tab) == "test-9999"


def test_it_reads_without_javascript(visit: Callable[..., Any], study: Any) -> None:
    """With scripts off all tables and figures stand, and the page says what is missing."""
    tab = visit(study, java_script_enabled=False)

    assert tab.locator("table").count() >= 6
    assert tab.locator("svg").count() >= 6
    assert tab.locator("noscript p").is_visible()
    assert not tab.locator("#explorer").is_visible()


def test_light_and_dark(visit: Callable[..., Any], study: Any) -> None:
    """The page follows the system, and a button, reached by key, overrules it and is remembered."""
    tab = visit(study, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(colour)
    tab.focus("#theme")
    tab.keyboard.press("Enter")
    light = tab.evaluate(colour)
    tab.reload()

    assert (dark, light) == ("rgb(20, 23, 27)", "rgb(255, 255, 255)")
    assert tab.evaluate(colour) == light
    assert tab.inner_text("#theme") == "Colours: light"


@pytest.mark.parametrize("width", [320, 400, 800])
def test_narrow_screens_scroll_down_only(visit: Callable[..., Any], study: Any, width: int) -> None:
    """On a phone nothing sticks out of the page: wide tables scroll in their own frame, reached by key."""
    tab = visit(study, viewport={"width": width, "height": 800})

    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for frame in tab.locator(".scroll").all():
        assert frame.get_attribute("tabindex") == "0"


def test_tab_reaches_everything_and_is_seen(visit: Callable[..., Any], study: Any) -> None:
    """Tab goes from the skip link through contents, tables and filters to the list; the focus is always outlined."""
    tab = visit(study)
    reached = []
    for _ in range(120):
        tab.keyboard.press("Tab")
        reached.append(
            tab.evaluate(
                """() => {
                    const one = document.activeElement, style = getComputedStyle(one);
                    return [one.id || one.className || one.tagName, style.outlineStyle];
                }"""
            )
        )
    names = [name for name, _ in reached]

    assert names[0] == "skip"
    order = [names.index(name) for name in ("theme", "show", "first", "second", "gold", "query", "list")]
    assert order == sorted(order)
    assert {name: style for name, style in reached if style == "none" and name != "BODY"} == {}


def test_in_print_the_explorer_gives_way(visit: Callable[..., Any], study: Any) -> None:
    """Printed, the page is light, the explorer and the buttons are left out, and every method's matrix is open."""
    tab = visit(study, color_scheme="dark")
    tab.emulate_media(media="print")

    assert not tab.locator("#explorer").is_visible()
    assert not tab.locator("nav").is_visible()
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.pdf().startswith(b"%PDF")


def test_rows_without_texts_go_by_their_ids(visit: Callable[..., Any], study: Any) -> None:
    """Where texts are left out, ids stand in the list and can be searched."""
    tab = visit(study, texts=False)
    tab.fill("#query", "test-42")

    assert shown(tab) == 1
    assert tab.inner_text(".item >> nth=0").startswith("test-42")
